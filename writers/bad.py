"""Bad pictures: what a write does with them, and the list that it leaves of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

OnBad = Literal["fail", "skip", "quarantine"]
"""fail: the first bad picture, in the order of the source, ends the write.  skip: bad pictures are left out and
counted.  quarantine: the same, and each is listed in OUT.quarantine.jsonl."""


@dataclass(frozen=True, kw_only=True)
class BadPicture:
    """A picture of the source that cannot be stored: its index there, its path (or file and row), and why."""

    index: int
    path: str
    reason: str

    @classmethod
    def of(cls, index: int, path: str, message: str) -> "BadPicture":
        """From the one-line message of an InputError, which begins with the path."""
        return cls(index=index, path=path, reason=message.removeprefix(f"{path}: "))


def quarantine_path(data: Path) -> Path:
    """Where the list of the bad pictures of `data` stands."""
    return data.with_name(data.name + ".quarantine.jsonl")


def quarantine_list(bad: Sequence[BadPicture]) -> bytes:
    """The list, one JSON object {index, path, reason} a line, in the order of the source; empty for none."""
    return "".join(json.dumps(asdict(picture)) + "\n" for picture in bad).encode()
