"""Everything that follows a run: what a person sees, `curves.png`, and the trackers that `run.track` names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train.config import TrainConfig
from train.curves import Curves
from train.progress import Progress, make_progress
from train.trackers import make_trackers


class Several(Progress):
    """Passes everything on to each of `members`, and closes them in reverse order."""

    def __init__(self, members: Sequence[Progress]):
        self._members = members

    def start(self, total_steps: int, step: int) -> None:
        for member in self._members:
            member.start(total_steps, step)

    def advance(self) -> None:
        for member in self._members:
            member.advance()

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        for member in self._members:
            member.show(kind, fields)

    def note(self, text: str) -> None:
        for member in self._members:
            member.note(text)

    def close(self) -> None:
        for member in reversed(self._members):
            member.close()


def make_observers(config: TrainConfig, folder: Path) -> Progress:
    """The observers of a run in `folder`, as one; `InputError` where a tracker's package is missing."""
    return Several([make_progress(), Curves(folder / "log.jsonl"), *make_trackers(config, folder)])
