"""What the processes of `rank_processes` run; its imports are those that their server makes once."""

import hashlib
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # DistributedDataParallel imports it late

import pipelines.ffcv_loader
import train.checkpointing
import train.command
import train.distributed
import train.loop
import train.pulse
import train.record
import train.watch
from layermix.errors import InputError
from pipelines import build_loader
from train.distributed import join_ranks, parallel
from train.loaders import train_loader_config
from train.meter import Meter
from train.pulse import EXIT_CODE, RankLostError
from train.rendezvous import meet
from train.step import StepResult
from train.watch import Phase

torch.set_num_threads(1)  # a fork inherits no threads


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A signal that `rank` sends itself while it is in its `number`-th (from 1) call of `place`.

    Attributes:
        place: "step", "save" (rank 0 writes then, another waits for it) or "evaluation".
        share: where in the call, in [0, 1), by the time that the call before took; the first is taken as 20 ms.
    """

    rank: int
    place: str
    number: int
    signal: int
    share: float


def train_with(argv: list[str], fault: Fault | None) -> int:
    """`python -m train` with `argv`, and the fault planted."""
    if fault is not None and fault.rank == int(os.environ["RANK"]):
        _plant(fault)
    return train.command.main(argv)


def train_and_hang(argv: list[str], rank: int, place: str) -> int:
    """`python -m train` with `argv`, whose main thread on `rank` never comes back from its third "batch" or "step"."""
    if int(os.environ["RANK"]) == rank:
        places = {"batch": (pipelines.ffcv_loader.FFCVLoader, "assemble"), "step": (train.loop.TrainStep, "loss")}
        _hang_at_third_call(*places[place])
    train.watch._SLOW_FACTOR = 100  # a start on a busy machine
    return train.command.main(argv)


def _hang_at_third_call(owner: type, name: str) -> None:
    original, calls = getattr(owner, name), 0

    def hanging(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            threading.Event().wait()
        return original(*arguments)

    setattr(owner, name, hanging)


def talk(rounds: int, patience: float, fault: str, victims: Sequence[int], stall_timeout: float = 300.0) -> int:
    """Ranks that exchange facts `rounds` times; in the middle the `victims` meet their fault.

    `fault` is "none", the name of a signal, "bug" (an exception), "bad input" (an InputError in `together`) or "hang".
    """
    try:
        with join_ranks("cpu", patience, stall_timeout) as ranks:
            for number in range(rounds):
                ranks.watch.begins(Phase.STEP, number, slow=False)
                assert ranks.maximum(number + ranks.rank) == [number + ranks.world_size - 1]
                with ranks.together():
                    if number == rounds // 2 and ranks.rank in victims:
                        _suffer(fault)
            assert ranks.total([1.0, ranks.rank]) == [ranks.world_size, sum(range(ranks.world_size))]
            assert ranks.on_main(lambda: f"from {ranks.rank}") == "from 0"
    except RankLostError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_CODE)
    return 0


def meet_others(absent: int, seconds: float) -> int:
    """Ranks that meet, all but the `absent` one."""
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank != absent:
        meet(rank, world_size, timedelta(seconds=seconds))
    return 0


def train_without_room(argv: list[str], file: str) -> int:
    """`python -m train` with `argv`, where rank 0 has room for no "checkpoint", or no further record of the "log"."""
    if os.environ["RANK"] == "0" and file == "checkpoint":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    elif os.environ["RANK"] == "0":
        write = train.record.Record.write

        def write_to_full_disk(self: train.record.Record, *arguments: Any, **keywords: Any) -> None:
            os.dup2(os.open("/dev/full", os.O_WRONLY), self._file.fileno())
            write(self, *arguments, **keywords)

        train.record.Record.write = write_to_full_disk
    return train.command.main(argv)


def get_signal_while_meeting(argv: list[str], number: int) -> int:
    """`python -m train` with `argv`, which gets a signal while it waits for other ranks that never come."""

    def wait(*arguments: Any) -> None:
        os.kill(os.getpid(), number)
        threading.Event().wait()

    train.distributed.meet = wait
    return train.command.main(argv)


def dawdle(stall_timeout: float) -> int:
    """A run of one process that stands still until it has been warned, and three looks of the other thread longer."""
    warned, looks = threading.Event(), threading.Semaphore(0)
    warn = train.pulse.warn_of_standstill
    train.pulse.warn_of_standstill = lambda *arguments: (warn(*arguments), warned.set())
    with join_ranks("cpu", 5.0, stall_timeout) as ranks:
        look = ranks.watch.look
        ranks.watch.look = lambda seconds: (looks.release(), look(seconds))[1]
        ranks.watch.begins(Phase.STEP, 7, slow=False)
        assert warned.wait(60)
        while looks.acquire(blocking=False):
            pass
        for _ in range(3):
            looks.acquire()
    return 0


def _suffer(fault: str) -> None:
    if fault == "bug":
        raise RuntimeError("a bug")
    if fault == "bad input":
        raise InputError("`x` is bad")
    if fault == "hang":
        threading.Event().wait()
    if fault != "none":
        os.kill(os.getpid(), getattr(signal, fault))


def skip_steps(skips: int, max_skipped: int) -> int:
    """Ranks that count so many skipped steps in a row."""
    with join_ranks("cpu", 5.0, 300.0) as ranks:
        meter = Meter(max_skipped, ranks)
        for step in range(skips):
            meter.add(step, StepResult(torch.tensor(1.0), torch.tensor(True)), torch.arange(4))
        meter.settle()
    return 0


def average(seed: int, out: str) -> int:
    """One step of plain SGD on a network without batch norms, each rank on its share of 8 pictures; rank 0 saves it."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    images, labels = torch.randint(0, 256, (8, 3, 4, 4)) / 255, torch.arange(8) % 3
    with join_ranks("cpu", 5.0, 300.0) as ranks:
        forward = parallel(model, ranks, size=4)
        mine = slice(ranks.rank, 8, ranks.world_size)
        torch.nn.functional.cross_entropy(forward(images[mine]), labels[mine]).backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
        if ranks.is_main:
            torch.save(model.state_dict(), out)
    return 0


def pixels(argv: list[str], out: str) -> int:
    """What the training loader of `argv` yields over two epochs: a line "epoch step rank id hash" a picture."""
    config = train.command.parse(argv)[0].train
    with join_ranks("cpu", 5.0, 300.0) as ranks, build_loader(train_loader_config(config, "cpu", ranks)) as loader:
        lines = []
        for epoch in range(2):
            loader.set_epoch(epoch)
            for step, batch in enumerate(loader):
                for sample_id, image in zip(batch.sample_ids.tolist(), batch.images):
                    digest = hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()
                    lines.append(f"{epoch} {step} {sample_id} {digest}")
        Path(f"{out}.{ranks.rank}").write_text("\n".join(lines))
    return 0


def _plant(fault: Fault) -> None:
    owner, name = _places()[fault.place]
    original = getattr(owner, name)
    calls, last = 0, 0.02

    def watched(*arguments: Any, **keywords: Any) -> Any:
        nonlocal calls, last
        calls += 1
        timer = threading.Timer(fault.share * last, os.kill, (os.getpid(), fault.signal))
        if calls >= fault.number:
            timer.start()
        started = time.perf_counter()
        result = original(*arguments, **keywords)
        last = time.perf_counter() - started
        timer.cancel()
        return result

    setattr(owner, name, watched)


def _places() -> dict[str, tuple[Any, str]]:
    rank = int(os.environ["RANK"])
    save = (train.checkpointing.CheckpointFolder, "save") if rank == 0 else (train.checkpointing.Checkpointer, "save")
    return {"step": (train.loop.TrainStep, "__call__"), "save": save, "evaluation": (train.loop, "evaluate")}
