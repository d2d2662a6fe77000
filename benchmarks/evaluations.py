"""What do the project's own evaluations come to? Their headline numbers, kept beside the other results.

    make demo && python -m benchmarks.evaluations demo                             -> benchmarks/results/demo.json
    python -m benchmarks.evaluations cifar10 --results runs/cifar10/results.json   -> benchmarks/results/cifar10.json

The evaluation is one of two models that are called baseline and layermix. --runs takes the folders of their training,
and keeps the commands; those of cifar10.json, whose logs and tables stand in benchmarks/results/cifar10 (report.md of
all test pictures, report-2000.md of the first 2,000 with P), in short:

    python -m train --config cifar10_wrn40_4_layermix --model.name wrn_16_1 --model.dropout 0 --epochs 12 ...
    python -m eval --checkpoint runs/baseline runs/layermix --root sets --suite clean c cbar p pgd calibration ...
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from benchmarks.measure import report
from layermix import InputError
from layermix.errors import run_program

DEMO = {
    "clean_error": ("clean", "clean", "top1_error", "strict"),
    "corruption_error": ("c", "c", "mce", "strict"),
    "pgd_error": ("pgd", "pgd/2", "top1_error", "strict"),
}
HEADLINES = {
    "demo": DEMO,
    "cifar10": DEMO
    | {
        "corruption_error_cbar": ("cbar", "cbar", "mce", "strict"),
        "flip_probability": ("p", "p", "mfp", "strict"),
        "rms_calibration_error_c": ("calibration", "c", "rms_calibration_error", "strict"),
    },
}
"""By evaluation: name here; suite, cell, metric and protocol of the evaluation's record."""
MODELS = ("baseline", "layermix")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Keep the headline numbers of an evaluation."""

    evaluation: Annotated[Literal["demo", "cifar10"], tyro.conf.Positional]
    """Which one; names the file."""
    results: tuple[Path, ...] = (Path("runs/demo/results.json"),)
    """What the evaluation wrote; of several, each number is taken from the first that has it."""
    runs: tuple[Path, ...] = ()
    """Run folders whose commands are kept."""
    out: Path | None = None
    """File to write; benchmarks/results/EVALUATION.json if not given."""


def headlines(evaluation: str, contents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Of the contents of results.json: by headline and model, `value`, a fraction, its `interval`, `count`, `pictures`.

    `pictures` are those of the test set. Raises InputError where all of the contents lack a headline.
    """
    records: dict[tuple[str, ...], dict[str, Any]] = {}
    for content in contents:
        pictures = _test_pictures(content)
        for record in content["records"]:
            key = (record["model"], record["suite"], record["cell"], record["metric"], record["protocol"])
            records.setdefault(key, record | {"pictures": pictures})
    wanted = {(model, *key) for model in MODELS for key in HEADLINES[evaluation].values()}
    if missing := sorted(wanted - records.keys()):
        raise InputError(f"the results lack {', '.join(map(str, missing))}; run the evaluation again with these suites")
    kept = ("value", "interval", "count", "pictures")
    return {
        name: {model: {part: records[model, *key][part] for part in kept} for model in MODELS}
        for name, key in HEADLINES[evaluation].items()
    }


def _test_pictures(content: Mapping[str, Any]) -> int:
    """How many pictures the clean error is of."""
    for record in content["records"]:
        if record["suite"] == "clean":
            return record["count"]
    raise InputError("the results lack the clean error; run the evaluation again with --suite clean ...")


def command_of(run: Path) -> str:
    """The command that a run folder was made with, its files without their folders."""
    starts = json.loads((run / "environment.json").read_text())
    return " ".join(["python -m train", *(Path(word).name for word in starts[-1]["command"])])


def main(argv: list[str] | None = None) -> int:
    """Read the results and write the file."""
    arguments = tyro.cli(Arguments, prog="python -m benchmarks.evaluations", args=argv, description=__doc__)
    for path in arguments.results:
        if not path.is_file():
            raise InputError(f"--results {path}: no such file; run the evaluation first (make demo)")
    body: dict[str, object] = {"unit": "fraction"}
    if arguments.runs:
        body["commands"] = {run.name: command_of(run) for run in arguments.runs}
    contents = [json.loads(path.read_text()) for path in arguments.results]
    body["results"] = headlines(arguments.evaluation, contents)
    report(arguments.evaluation, body, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
