"""How long until the first batch of a loader, and until a small dataset is written, in a fresh process?

    python -m benchmarks.start                                   -> benchmarks/results/start.json
    python -m benchmarks.start --data in400.beton --fractals fractals256.beton

Each trial is a process of its own, candidates in turn; a first round, not counted, leaves compiled code and bytecode on
the disk. The clock starts after `import pipelines` (or `writers.write_dataset`, or torch and Numba for stock FFCV) and
runs to the first batch, the import of ffcv or DALI included: this project's two graphs with LayerMix, and stock FFCV
without it, which compiles its graph anew in every process. Core-seconds count the processor's time alone: what the
seconds are on a machine with nothing else to do.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tyro

from benchmarks.folder import StoredPictures
from benchmarks.loader import Arguments as LoaderArguments
from benchmarks.loader import data_and_bank, write_tar
from benchmarks.measure import report
from layermix.errors import run_program
from pipelines.telling import tell

_COMMON = """
import sys, time, torch, numba
data, bank, folder = sys.argv[1:]

def clocks():
    return time.perf_counter(), time.process_time()

def stop(start):
    print(*(now - then for now, then in zip(clocks(), start)))
"""

_OURS = """
from pathlib import Path
from layermix import LayerMix
from pipelines import LoaderConfig, build_loader
start = clocks()
config = LoaderConfig(data=Path(data), batch_size=64, size=224, crop="random_resized", flip=True, order="random",
                      policy=LayerMix(), fractals=Path(bank))
with build_loader(config) as loader:
    next(iter(loader))
    stop(start)
"""

PROGRAMS = {
    "first batch, layermix": _OURS,
    "first batch, dali: layermix": "data = folder + '/data.tar'" + _OURS,
    "first batch, stock ffcv, no mixing": """
start = clocks()
from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import RandomHorizontalFlip, ToTensor, ToTorchImage
image = [RandomResizedCropRGBImageDecoder((224, 224)), RandomHorizontalFlip(), ToTensor(), ToTorchImage()]
loader = Loader(data, batch_size=64, num_workers=1, order=OrderOption.RANDOM, os_cache=True, drop_last=False,
                pipelines={"image": image, "label": None})
next(iter(loader))
stop(start)
""",
    "50 pictures written": """
import contextlib, io
import numpy as np
from writers.write_dataset import main
np.save(folder + "/fog.npy", np.zeros((50, 32, 32, 3), np.uint8))
np.save(folder + "/labels.npy", np.zeros(50, np.int64))
start = clocks()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    main(["--source", "npy", "--root", folder + "/fog.npy", "--overwrite", "--out", folder + "/out.beton"])
stop(start)
""",
}
"""Each prints its seconds and core-seconds; the arguments are a dataset, a fractal bank and a folder to write to."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Time the starts of loaders and writers."""

    data: Path | None = None
    """A .beton of pictures; made of sample photographs if not given."""
    fractals: Path | None = None
    """A fractal bank of at least 224 pixels; made if not given."""
    repeats: int = 7
    """Timed processes a candidate."""
    programs: tuple[str, ...] = tuple(PROGRAMS)
    """What to time."""
    out: Path | None = None
    """File to write; benchmarks/results/start.json if not given."""


def seconds_of(program: str, data: Path, bank: Path, folder: Path) -> tuple[float, float]:
    """Run one program in a fresh process and return the seconds and core-seconds that it prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _COMMON + PROGRAMS[program], str(data), str(bank), str(folder)],
        env=environment | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")},
        cwd=Path(__file__).parents[1],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds, core_seconds = map(float, done.stdout.split()[-2:])
    return seconds, core_seconds


def measure(arguments: Arguments, data: Path, bank: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Median, least and greatest seconds of each program, and median core-seconds; DALI's data are copied first."""
    write_tar(StoredPictures(data), folder)
    rounds = []
    for number in range(1 + arguments.repeats):
        tell(f"round {number} of {arguments.repeats}: {', '.join(arguments.programs)}")
        rounds.append({name: seconds_of(name, data, bank, folder) for name in arguments.programs})
    rows = {}
    for name in arguments.programs:
        seconds, core_seconds = zip(*(times[name] for times in rounds[1:]))
        figures = {"seconds": median(seconds), "min": min(seconds), "max": max(seconds)}
        rows[name] = {key: round(value, 3) for key, value in (figures | {"core_seconds": median(core_seconds)}).items()}
    return rows


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.start")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = LoaderArguments(data=arguments.data, fractals=arguments.fractals, pictures=128)
        data, bank = data_and_bank(folder, given)
        results = measure(arguments, data, bank, folder)
    report("start", {"repeats": arguments.repeats, "results": results}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
