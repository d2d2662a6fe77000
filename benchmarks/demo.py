"""What does `make demo` come to? Its headline numbers, kept beside the other results.

make demo && python -m benchmarks.demo    -> benchmarks/results/demo.json
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from benchmarks.measure import report
from layermix import InputError
from layermix.errors import run_program

HEADLINES = {
    "clean_error": ("clean", "clean", "top1_error", "strict"),
    "corruption_error": ("c", "c", "mce", "strict"),
    "pgd_error": ("pgd", "pgd/2", "top1_error", "strict"),
}
"""Name here: suite, cell, metric and protocol of the evaluation's record."""
MODELS = ("baseline", "layermix")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Keep the demo's headline numbers."""

    results: Path = Path("runs/demo/results.json")
    """What the demo's evaluation wrote."""
    out: Path | None = None
    """File to write; benchmarks/results/demo.json if not given."""


def headlines(content: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Of the content of a results.json: by headline, the value (a fraction) of each model.

    Raises InputError where the evaluation lacks one.
    """
    values = {
        (record["model"], record["suite"], record["cell"], record["metric"], record["protocol"]): record["value"]
        for record in content["records"]
    }
    wanted = {(model, *key) for model in MODELS for key in HEADLINES.values()}
    if missing := sorted(wanted - values.keys()):
        raise InputError(f"the results lack {', '.join(map(str, missing))}; run make demo again")
    return {name: {model: values[model, *key] for model in MODELS} for name, key in HEADLINES.items()}


def main(argv: list[str] | None = None) -> int:
    """Read the demo's results and write the file."""
    arguments = tyro.cli(Arguments, prog="python -m benchmarks.demo", args=argv, description=__doc__)
    if not arguments.results.is_file():
        raise InputError(f"--results {arguments.results}: no such file; run make demo first")
    content = json.loads(arguments.results.read_text())
    report("demo", {"unit": "fraction", "results": headlines(content)}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
