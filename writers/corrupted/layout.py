"""The contract between the ways of storing a corrupted set and the run that makes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from writers.bad import BadPicture


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of a unit: the number of pictures (or sequences) written, and the bad ones left out."""

    written: int
    bad: tuple[BadPicture, ...] = ()


class Layout(Protocol):
    """A corrupted set cut into units of work that do not touch each other's files or parts of files.

    Sent to worker processes, so it can be pickled. `folder` is where the set grows.
    """

    @property
    def units(self) -> int:
        """Number of units."""
        ...

    @property
    def total(self) -> int:
        """Pictures (or sequences) in all units, bad ones included."""
        ...

    def owner(self, unit: int, ranks: int) -> int:
        """The rank that makes a unit."""
        ...

    def begin(self, folder: Path, units: Sequence[int]) -> None:
        """Prepare the files of units that have yet to be made. Repeating it does no harm."""
        ...

    def make(self, folder: Path, unit: int) -> Done:
        """Make one unit, anew if it was begun before. InputError: a bad picture, a place that cannot be written."""
        ...

    def finish(self, folder: Path, bad: Sequence[BadPicture]) -> Mapping[str, Any]:
        """Write what belongs to the whole set, check it, and give facts for its record. InputError: it is not whole."""
        ...
