"""The GPU suite: everything that this project claims of a GPU, measured by one command that nobody has to watch.

    python -m benchmarks.gpu.run                  -> benchmarks/results/gpu_run.json and .md, under 9 minutes
    python -m benchmarks.gpu.run --form full --sections training cifar --out /tmp/gpu.json
    python -m benchmarks.gpu.run --form tiny --device cpu --out /tmp/tiny.json      # only that it runs

Each section is a process with a limit of time of its own; what it measured until then is kept, and the file is written
anew after each. What cannot run here is skipped with the reason. The exit code is 1 where a section failed or was
stopped. The short form makes 16,384 JPEGs of sample photographs, 1.2 GB in the folder for temporary files.
"""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
import tyro

from benchmarks.gpu.form import FORMS, FormName
from benchmarks.gpu.page import render
from benchmarks.gpu.section import SECTIONS, Setting, allowance
from benchmarks.measure import RESULTS, report
from layermix import InputError
from layermix.errors import run_program
from layermix.files import atomic_file
from pipelines.telling import tell


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Run the GPU suite."""

    form: FormName = "short"
    """How much to measure; full has no limit of time, tiny is no measurement."""
    sections: tuple[
        Literal["engine", "training", "cifar", "corrupted", "evaluation", "determinism", "tests", "profile"], ...
    ] = (
        "engine",
        "training",
        "cifar",
        "corrupted",
        "evaluation",
        "determinism",
        "tests",
        "profile",
    )
    """What to run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where; auto is a GPU where there is one."""
    minutes: float = 9.0
    """Limit of the short form as a whole."""
    out: Path | None = None
    """File to write, and a page in Markdown beside it; benchmarks/results/gpu_run.json if not given."""


def run_suite(arguments: Arguments, device: str, out: Path) -> dict[str, Any]:
    """Run the sections one after the other, writing what is there after each; the body of the result."""
    started = time.perf_counter()
    body: dict[str, Any] = {"form": arguments.form, "device": device, **gpu_facts(device), "sections": {}}
    with TemporaryDirectory() as name:
        setting = Setting(inputs=Path(name), form=arguments.form, device=device)
        _make_inputs(setting, arguments.sections)
        for number, section_name in enumerate(arguments.sections, 1):
            section, left = SECTIONS[section_name], arguments.minutes * 60 - (time.perf_counter() - started)
            is_short = arguments.form == "short"
            limit = allowance(section_name, arguments.sections[number:], left) if is_short else 86_400
            tell(f"section {section_name}, at most {limit:.0f} s")
            reason = section.lacks(device)
            if reason is None:
                found = section.run(setting, setting.inputs / f"{section_name}.json", limit)
            else:
                found = {"status": "skipped", "reason": reason}
            body["sections"][section_name] = found
            _save(out, body | _headline(body))
    return body


def _make_inputs(setting: Setting, names: Sequence[str]) -> None:
    """Write the sets, where a section that can run reads them: writing needs ffcv, as they do."""
    if not any("ffcv" in SECTIONS[name].packages and SECTIONS[name].lacks(setting.device) is None for name in names):
        return
    from benchmarks.gpu.inputs import make_inputs

    tell("writing the sets")
    make_inputs(setting.inputs, FORMS[setting.form])


def gpu_facts(device: str) -> dict[str, Any]:
    """The GPU, its memory in bytes and torch's libraries, beside what `benchmarks.measure.machine` tells."""
    if device == "cpu":
        return {"gpu": None}
    return {
        "gpu": torch.cuda.get_device_name(),
        "gpu_memory": torch.cuda.get_device_properties(0).total_memory,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


@contextmanager
def sigterm_ends_the_suite() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that the running section ends with it."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _headline(body: dict[str, Any]) -> dict[str, float]:
    """Figures that others reckon with, of a GPU alone: the rate of training from a resident batch, and LayerMix's share
    of that compiled step, as far as their sections have them."""
    training, engine = (body["sections"].get(name, {}) for name in ("training", "engine"))
    if body["device"] == "cpu" or body["form"] == "tiny" or "results" not in training:
        return {}
    rate = training["results"]["resident batch"]["images_per_second"]
    found = {"resident_images_per_second": rate}
    if "resnet50" in engine:
        seconds = engine["resnet50"]["layermix_ms"] / 1e3 / engine["batch_sizes"]["224 px"]
        found["layermix_share_of_step"] = round(seconds * rate, 5)
    return found


def _save(out: Path, body: dict[str, Any]) -> None:
    report("gpu_run", body, out)
    with atomic_file(out.with_suffix(".md")) as file:
        file.write(render(body).encode())


def main(argv: list[str] | None = None) -> int:
    """Run the suite; 1 where a section failed or was stopped."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.run", description=__doc__)
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda needs a GPU that torch finds, got none; give --device cpu --form tiny")
    if device == "cpu" and arguments.form != "tiny":
        raise InputError(f"--form {arguments.form} needs a GPU and torch finds none; give --device cpu --form tiny")
    if arguments.out is None and arguments.form == "tiny":
        raise InputError("--form tiny is no result to keep; give --out FILE.json")
    with sigterm_ends_the_suite():
        body = run_suite(arguments, device, arguments.out or RESULTS / "gpu_run.json")
    return int(any(found["status"] in ("failed", "stopped") for found in body["sections"].values()))


if __name__ == "__main__":
    sys.exit(run_program(main))
