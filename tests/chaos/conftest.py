"""The counts of a chaos run, written as JSON: benchmarks/results/chaos.json, or the file that CHAOS_RESULTS names.

A run of some of the experiments replaces their counts there and keeps those of the others.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from layermix.files import atomic_file

sys.path.append(str(Path(__file__).parent))  # for `import bad_inputs`

_COUNTS: dict[str, Counter] = {}
_DEFAULT = Path(__file__).parents[2] / "benchmarks" / "results" / "chaos.json"


@pytest.fixture
def count():
    """count(experiment, outcome): one more trial of the experiment ended so."""
    return lambda experiment, outcome: _COUNTS.setdefault(experiment, Counter()).update([outcome])


@pytest.fixture(autouse=True)
def shared_memory_stays_as_it_was():
    """No test of this folder leaves anything of ours in /dev/shm."""
    before = _shared_memory()
    yield
    assert _shared_memory() <= before


def _shared_memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("psm_*")}


def pytest_sessionfinish(session):
    if _COUNTS and "not chaos" not in session.config.option.markexpr:
        path = Path(os.environ.get("CHAOS_RESULTS", _DEFAULT))
        results = json.loads(path.read_text()) if path.is_file() else {}
        results |= {name: dict(counts) for name, counts in _COUNTS.items()}
        with atomic_file(path) as file:
            file.write(json.dumps(results, indent=1).encode() + b"\n")
