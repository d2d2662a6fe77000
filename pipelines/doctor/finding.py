"""What one check says."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of the doctor.

    name: what was checked.  status: "ok"; "warning", a run works but slower or less safely; "error", a run would fail.
    found: what is there, with its numbers.  fix: the next step; empty where all is well.
    """

    name: str
    status: Literal["ok", "warning", "error"]
    found: str
    fix: str = ""


def judge(
    name: str, is_fine: bool, found: str, fix: str, otherwise: Literal["warning", "error"] = "warning"
) -> Finding:
    """ "ok" where `is_fine`, else `otherwise` with the fix."""
    return Finding(name, "ok", found) if is_fine else Finding(name, otherwise, found, fix)
