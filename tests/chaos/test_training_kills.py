"""Two ranks that train, and a signal to one of them at any moment: the continued run is the run that nothing hit."""

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
            rank_processes.start(train_with, argv, fault, world_size=2, output=output), limit=120
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
    rank, rest = trial % 2, trial // 2
    place, number = list(PLACES)[rest % 3], SIGNALS[rest // 3 % 3]
    call = int(random.integers(1, PLACES[place] + 1))
    return Fault(rank=rank, place=place, number=call, signal=number, share=float(random.uniform(0, 0.95)))


def assert_ended_as_it_should(fault: Fault, codes: list[int], outputs: list[str]) -> str:
    """The killed rank by its signal and the other by a named error; both by the signal's code where it asks to stop."""
    if fault.signal == signal.SIGKILL:
        assert codes[fault.rank] == -signal.SIGKILL
        assert codes[1 - fault.rank] == EXIT_CODE, outputs
        assert f"error: no sign of life from rank {fault.rank} of 2" in outputs[1 - fault.rank]
        return "killed"
    if codes == [0, 0]:
        return "finished, as the signal came with the last save"
    assert codes == [128 + fault.signal] * 2, outputs
    return "stopped"


@pytest.mark.parametrize("trials", [4, pytest.param(108, marks=pytest.mark.chaos)])
def test_a_run_hit_by_a_signal_continues_to_the_same_weights_optimizer_generators_and_log(runs, trials, count):
    random = np.random.default_rng(trials)
    for trial in range(trials):
        fault = random_fault(random, trial if trials > 4 else (0, 3, 8, 15)[trial])
        name = f"{trials}-{trial}"
        ending = assert_ended_as_it_should(fault, *runs.train(name, fault))
        codes, outputs = runs.train(name)
        assert codes == [0, 0], outputs
        assert_same_run(runs.folder / name, runs.folder / "whole")
        count(f"training, {signal.Signals(fault.signal).name} of rank {fault.rank} mid-{fault.place}", ending)
