"""Rows of the README's table of promises: figures are counts of the chaos suite, or say how the test tries it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHAOS = "`pytest -m chaos`"


@dataclass(frozen=True)
class Trials:
    """Trials of the experiments whose name starts with `experiment` that ended with `outcome`."""

    experiment: str
    outcome: str
    name: str

    def count(self, chaos: Mapping[str, Mapping[str, int]]) -> int:
        """How many there were."""
        found = (outcomes for experiment, outcomes in chaos.items() if experiment.startswith(self.experiment))
        return sum(outcomes.get(self.outcome, 0) for outcomes in found)


COUNTED = {
    "an interrupted write is never accepted, and resumes to the same bytes": (
        Trials("SIGKILL", "killed, then resumed to the same bytes", "SIGKILLs"),
        Trials("full disk", "named error, resumed to the same bytes", "full disks"),
    ),
    "a bad input is named, and left out exact to the sample": (
        Trials("bad pictures", "named, and left out to the sample", "pictures"),
        Trials("hostile tars", "named", "tars"),
        Trials("hostile pickles", "named", "pickles"),
        Trials("mutated datasets", "found by verify", "mutated files"),
        Trials("overwritten pictures", "named, and left out to the sample", "pictures overwritten under a loader"),
    ),
    "a training run hit by a signal on either of two ranks ends by name and continues to an equal run": (
        Trials("training", "ended as it should, then continued to an equal run", "SIGKILLs, SIGTERMs and SIGUSR1s"),
        Trials("two hosts", "one cut off, named, brought back: the same run", "host cut off"),
    ),
    "a loop over a loader left at any batch leaves nothing behind": (
        Trials("loops left", "nothing left behind", "loops"),
    ),
}  # fmt: skip
"""The trials that carry each promise."""

TRIED = (
    ("`verify` finds every changed bit", "1,000 flips", "`pytest -m slow`"),
    ("a mutated header never crashes", "1,000,000 mutations", "`pytest -m slow`"),
    (
        "pixels do not depend on threads, batches, ranks or restarts; "
        "a loader restored at any batch, a run at any step, goes on exactly",
        "every batch and step of small runs",
        "`make test`",
    ),
    ("leaving a loader early leaks no thread and no memory", "100 exits", "`make test`"),
)
"""Promises whose trials a test counts for itself, and fails at the first that does not end as it should."""


def promise_rows(results: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The promise, its figure, the command that tries it; those without a trial in `results` are left out."""
    rows = []
    for promise, trials in COUNTED.items():
        counts = {one.name: one.count(results.get("chaos", {})) for one in trials}
        if figure := ", ".join(f"{count:,} {name}" for name, count in counts.items() if count):
            rows.append((promise, f"all of {figure}", CHAOS))
    return rows + list(TRIED)
