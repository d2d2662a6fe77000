"""Two ranks that train, and a signal to one of them at any moment: the continued run is the run that nothing hit."""

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import rank_processes
from rank_programs import Fault, train_with
from run_comparison import assert_same_run
from tiny_run import STEPS, write_tiny_run

from train.pulse import EXIT_CODE

PLACES = {"step": STEPS, "save": STEPS + 2, "evaluation": 2}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)


class Runs:
    """Starts the tiny run on two ranks in a folder."""

    def __init__(self, folder: Path):
        self.folder, self._flags = folder, write_tiny_run(folder)

    def train(self, name: str, fault: Fault | None = None) -> tuple[list[int], list[str]]:
        """Exit code and output of each rank."""
        argv = [*self._flags, "--out", str(self.folder / name), "--checkpoint-minutes", "1e-9"]
        output = self.folder / f"{name}.output"
        codes = rank_processes.wait(
            rank_processes.start(train_with, argv, fault, world_size=2, output=output), limit=900
        )
        return codes, [Path(f"{output}.{rank}").read_text() for rank in range(2)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("kills"))
    codes, outputs = made.train("whole")
    assert codes == [0, 0], outputs
    return made


def random_fault(random: np.random.Generator, trial: int) -> Fault:
    """Every rank, place and signal in turn, at any of the calls and any moment of it."""
    rank, place, number = trial % 2, list(PLACES)[trial // 2 % 3], SIGNALS[trial // 6 % 3]
    call = int(random.integers(1, PLACES[place] + 1))
    return Fault(rank=rank, place=place, number=call, signal=number, share=float(random.uniform(0, 0.95)))


def assert_ended_as_it_should(fault: Fault, codes: list[int], outputs: list[str]) -> None:
    """The killed rank by its signal and the other by a named error; both by the signal's code where it asks to stop."""
    if fault.signal == signal.SIGKILL:
        assert codes[fault.rank] == -signal.SIGKILL, outputs
        assert codes[1 - fault.rank] == EXIT_CODE, outputs
        assert f"error: no sign of life from rank {fault.rank} of 2" in outputs[1 - fault.rank]
    else:
        assert codes == [128 + fault.signal] * 2, outputs


FEW = (0, 2, 9, 17)
"""SIGKILL of rank 0 mid-step and mid-save, SIGTERM mid-save and SIGUSR1 mid-evaluation of rank 1."""


@pytest.mark.parametrize("trials", [FEW, pytest.param(range(108), marks=[pytest.mark.chaos, pytest.mark.timeout(0)])])
def test_a_run_hit_by_a_signal_continues_to_the_same_weights_optimizer_generators_and_log(runs, trials, count):
    random, left, attempt = np.random.default_rng(len(trials)), list(trials), 0
    while left:
        fault, attempt = random_fault(random, left[0]), attempt + 1
        name = f"{len(trials)}-{attempt}"
        experiment = f"training: {signal.Signals(fault.signal).name} mid-{fault.place}, rank {fault.rank}"
        codes, outputs = runs.train(name, fault)
        if codes == [0, 0]:
            count(experiment, "the run had ended before, not counted as a trial")
            continue
        assert_ended_as_it_should(fault, codes, outputs)
        codes, outputs = runs.train(name)
        assert codes == [0, 0], outputs
        assert_same_run(runs.folder / name, runs.folder / "whole")
        shutil.rmtree(runs.folder / name)
        count(experiment, "ended as it should, then continued to an equal run")
        left.pop(0)
