"""Do the tests marked `gpu` pass on this GPU?

python -m benchmarks.gpu.run --sections tests
"""

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import tyro

from benchmarks.gpu.form import Arguments
from layermix.errors import run_program

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class SelectionArguments(Arguments):
    """Run the tests marked `gpu`."""

    paths: tuple[str, ...] = ()
    """Folders and files to look for tests in; the files that name the mark if none is given."""


def marked_files() -> tuple[str, ...]:
    """Files of tests that name the mark: importing all others takes half a minute, and packages that may be missing."""
    return tuple(sorted(str(path) for path in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in path.read_text()))


def run_tests(paths: tuple[str, ...]) -> tuple[int, dict[str, object]]:
    """Exit code of pytest, and how many tests passed, failed and were skipped, with names and reasons."""
    with TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", f"--junitxml={junit}", *paths]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        cases = list(ElementTree.parse(junit).iter("testcase"))
    outcomes = {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}
    counts = Counter(outcome for outcome, _ in outcomes.values())
    others = {name: f"{outcome}: {reason}" for name, (outcome, reason) in outcomes.items() if outcome != "passed"}
    return code, {"counts": dict(counts), "not_passed": others}


def _outcome(case: ElementTree.Element) -> tuple[str, str]:
    for kind, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(kind)
        if found is not None:
            return outcome, found.get("message", "")
    return "passed", ""


def main(argv: list[str] | None = None) -> int:
    """Run the section; pytest's exit code."""
    arguments = tyro.cli(
        SelectionArguments, args=argv, prog="python -m benchmarks.gpu.marked_tests", description=__doc__
    )
    code, found = run_tests(arguments.paths or marked_files())
    arguments.keep("tests", found)
    return code


if __name__ == "__main__":
    sys.exit(run_program(main))
