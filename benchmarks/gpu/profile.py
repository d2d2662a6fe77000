"""Where each loader that feeds a GPU spends its time, and whether the profiler's forecast holds there.

python -m benchmarks.gpu.run --sections profile
"""

import sys
from pathlib import Path
from typing import Any

import tyro

from benchmarks.gpu.form import Arguments
from benchmarks.gpu.inputs import Inputs
from layermix import InputError
from layermix.errors import run_program
from pipelines.profile import command
from pipelines.profile.diagnosis import diagnose
from pipelines.profile.forecast import forecast, forecast_error
from pipelines.profile.measurements import Profile

_BATCHES = 16
"""Of an epoch at least: the profiler does not time its first and last."""
_SAMPLES = 2048


def measure(arguments: Arguments) -> None:
    """Every backend, each kept as soon as it is measured."""
    inputs, results, skipped = Inputs(arguments.inputs), {}, {}
    backends = [("ffcv", inputs.jpegs), ("dali-cpu", inputs.tar)]
    backends += [("dali-gpu", inputs.tar)] if arguments.device == "cuda" else []
    for backend, data in backends:
        given = _flags(arguments, backend, data)
        try:
            results[backend] = _summary(command.measure(command.loader_config(given), given))
        except InputError as error:
            skipped[backend] = str(error)
        arguments.keep("profile", {"threads": arguments.threads, "results": results, "skipped": skipped})


def _flags(arguments: Arguments, backend: Any, data: Path) -> command.Arguments:
    form = arguments.sizes
    return command.Arguments(
        data=data,
        fractals=Inputs(arguments.inputs).bank,
        backend=backend,
        size=form.size,
        batch_size=min(form.batch_size, form.pictures // _BATCHES),
        threads=(arguments.threads,),
        samples=min(_SAMPLES, form.pictures),
        repeats=form.repeats,
        device=arguments.device,
    )


def _summary(profile: Profile) -> dict[str, Any]:
    """The loader's rate, the forecast, and microseconds of each stage."""
    (threads,) = profile.in_place
    return {
        "images_per_second": round(profile.in_place[threads].images_per_second.median, 1),
        "forecast": round(forecast(profile, threads), 1),
        "forecast_error": round(forecast_error(profile, threads), 4),
        **{f"{name}, us": round(spread.median, 1) for name, spread in profile.stages[threads].items()},
        "diagnosis": diagnose(profile),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the section; returns 0."""
    measure(tyro.cli(Arguments, args=argv, prog="python -m benchmarks.gpu.profile", description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
