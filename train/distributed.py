"""The ranks of a run: who is who, and what they tell one another.

    torchrun --nproc-per-node 8 -m train --config NAME ...

starts eight processes; `join_ranks` makes them one run. Without torchrun's variables in the environment a run has one
rank, and everything here returns at once. Gradients travel by NCCL between GPUs and by gloo between CPUs; the small
facts of this file always travel by gloo, so that no rank waits for its GPU.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from layermix.errors import InputError
from train.pulse import Pulse
from train.rendezvous import meet
from train.watch import Watch

T = TypeVar("T")

_STALLS, _LEAST_LIMIT = 5, timedelta(minutes=10)
"""Limit of any one operation among the ranks, in units of `stall_timeout`, and the least that it is: longer than that
of `train.pulse`, which can say whom it waits for."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among the `world_size` of a run; `local_rank` of `local_world_size` on its machine.

    Its main thread tells `watch` what it is at; every exchange between the ranks counts as a move.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1
    watch: Watch = field(default_factory=Watch, compare=False, repr=False)

    @property
    def is_main(self) -> bool:
        """Whether this rank writes the log, checkpoints and what a person sees."""
        return self.rank == 0

    def gather(self, values: Sequence[float]) -> list[list[float]]:
        """The `values` of every rank, in the order of the ranks; whole numbers are exact up to 2^53."""
        mine = torch.tensor(values, dtype=torch.float64)
        everyones = [torch.empty_like(mine) for _ in range(self.world_size)]
        with self._exchange():
            if self.world_size == 1:
                return [list(values)]
            dist.all_gather(everyones, mine)
        return [row.tolist() for row in everyones]

    def maximum(self, *values: float) -> list[float]:
        """The greatest of each value over the ranks."""
        return [max(column) for column in zip(*self.gather(values))]

    def total(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the ranks, in their order; whole numbers are exact up to 2^53."""
        return [sum(column) for column in zip(*self.gather(values))]

    def gather_objects(self, value: T) -> list[T]:
        """The `value` of every rank, in the order of the ranks."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with self._exchange():
            dist.all_gather_object(values, value)
        return values

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all ranks or none get past the block.

        Where it raises `InputError` on some, the first of them raises it, and the others leave quietly by `SystemExit`
        with the same exit code, 2.
        """
        failure = None
        try:
            yield
        except InputError as error:
            failure = error
        failed = [rank for rank, (fails,) in enumerate(self.gather([failure is not None])) if fails]
        if failed and failed[0] == self.rank and failure is not None:
            raise failure
        if failed:
            raise SystemExit(2)

    def on_main(self, work: Callable[[], T]) -> T:
        """What `work` returns on rank 0, which alone does it, on every rank; it fails as in `together`."""
        answer: list[Any] = [None]
        with self.together():
            if self.is_main:
                answer = [work()]
        if self.world_size > 1:
            with self._exchange():
                dist.broadcast_object_list(answer, src=0)
        return answer[0]

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite the `tensors` of every rank with those of rank 0."""
        if self.world_size > 1:
            for tensor in tensors:
                values = tensor.detach().contiguous()
                with self._exchange():
                    dist.broadcast(values, src=0)
                tensor.detach().copy_(values)

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """An operation that waits for all ranks: moves when this one comes to it and when all have."""
        self.watch.moves()
        yield
        self.watch.moves()


SINGLE = Ranks()
"""A run of one process."""


def synchronize_batch_norms(model: nn.Module, ranks: Ranks) -> None:
    """Let the batch norms of `model` take their statistics over the pictures of all ranks; its weights stay its own.

    Raises `InputError` on the CPU, where torch has no such batch norm.
    """
    with ranks.together():
        if next(model.parameters()).device.type == "cpu":
            raise InputError("`sync_batch_norm` must be false on the CPU, where torch has none, got true; leave it out")
    nn.SyncBatchNorm.convert_sync_batchnorm(model)


def parallel(model: nn.Module, ranks: Ranks, size: int) -> nn.Module:
    """What to call instead of `model` in a training step, so that all ranks apply the mean of their gradients.

    Each rank normalises by the batch statistics of its own pictures, but for `synchronize_batch_norms`; the running
    ones, which no training step reads, stay apart, and those of rank 0 count: before a test they are broadcast. The
    gradients travel in buckets, which torch orders anew after the first backward pass; one of blank pictures of `size`
    pixels goes ahead here, in evaluation mode and without a trace, so that a continued run sums in the same order.
    """
    if ranks.world_size == 1:
        return model
    wrapped = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    wrapped.broadcast_buffers = False  # the argument's name depends on torch's version
    was_training = model.training
    device = next(model.parameters()).device
    wrapped.eval()(torch.zeros(2, 3, size, size, device=device)).sum().backward()
    model.zero_grad(set_to_none=True)
    return wrapped.train(was_training)


@contextmanager
def join_ranks(device: str, patience: float, stall_timeout: float) -> Iterator[Ranks]:
    """Meet the other ranks that torchrun started, and part from them at the end; one rank without torchrun.

    Args:
        device: "cuda" binds this process to the GPU of its local rank.
        patience: seconds of silence after which a rank counts as lost.
        stall_timeout: seconds that a rank's main thread may stand still while others wait for it.

    Raises:
        InputError: torchrun's variables are wrong, the ranks do not find one another, or there are more than GPUs.
        RankLostError: a rank was lost while an operation needed it. Where the main thread hangs, the process is ended
            instead; see `train.pulse`.
    """
    ranks = ranks_from_environment()
    if device == "cuda":
        _select_gpu(ranks)
    pulse = partial(Pulse, ranks.rank, ranks.world_size, ranks.watch, patience=patience, stall_timeout=stall_timeout)
    if ranks.world_size == 1:
        with pulse():
            yield ranks
        return
    store = meet(ranks.rank, ranks.world_size)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo",
        store=store,
        rank=ranks.rank,
        world_size=ranks.world_size,
        timeout=max(_LEAST_LIMIT, _STALLS * timedelta(seconds=stall_timeout)),
    )
    with pulse() as others:
        try:
            yield ranks
            ranks.gather([])
        except RuntimeError as error:
            loss = others.failure()
            if loss is None:
                raise
            raise loss from error
    dist.destroy_process_group()


def ranks_from_environment() -> Ranks:
    """As the variables that torchrun sets say; one rank without them. InputError: they contradict each other."""
    rank, world_size, local_rank, local_world_size = (
        _number(name, default)
        for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", 1))
    )
    if rank >= world_size or local_rank >= local_world_size:
        raise InputError(
            f"RANK must be below WORLD_SIZE and LOCAL_RANK below LOCAL_WORLD_SIZE, got {rank} of {world_size} and "
            f"{local_rank} of {local_world_size}; start the ranks with torchrun"
        )
    return Ranks(rank=rank, world_size=world_size, local_rank=local_rank, local_world_size=local_world_size)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise InputError(f"{name} must be a number, got {text!r:.40}; start the ranks with torchrun")
    return int(text)


def _select_gpu(ranks: Ranks) -> None:
    count = torch.cuda.device_count()
    if ranks.local_rank >= count:
        raise InputError(
            f"--nproc-per-node must be at most the {count} GPUs of this machine, got {ranks.local_world_size}; lower it"
        )
    torch.cuda.set_device(ranks.local_rank)
