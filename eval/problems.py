"""What could not be measured, and why: never averaged over, listed with every result."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`what` is a suite, or the key of a cell; `reason` one line with the next step or the samples concerned.

    `missing` says that a set is not there at all, as opposed to being damaged.
    """

    what: str
    reason: str
    missing: bool = False
