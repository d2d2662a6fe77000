"""Where each loader spends its time, and whether the profiler's forecast holds: every backend over the same pictures.

    python -m benchmarks.profiles                               -> benchmarks/results/profiles.json
    python -m benchmarks.profiles --root imagenet-sample --count 20000 --plots docs

The pictures are those of a folder of class folders, each as often as it takes, or photographs of scikit-learn; FFCV
reads them from a .beton of short side 400, DALI from a webdataset that kept their bytes, PyTorch from the folder.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path

import tyro

from benchmarks.measure import report
from benchmarks.pictures import photographs
from layermix import InputError
from layermix.class_folders import list_class_folders
from layermix.errors import run_program
from pipelines.profile import command
from pipelines.profile.diagnosis import diagnose
from pipelines.profile.forecast import forecast_error
from pipelines.profile.measurements import Profile
from pipelines.profile.show import plot
from pipelines.telling import tell
from writers.images import encode_jpeg
from writers.write_dataset import main as write_dataset


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Profile every backend."""

    root: Path | None = None
    """Folder of class folders with pictures; photographs of scikit-learn if not given."""
    count: int = 512
    """Pictures of the set that is made of them."""
    batch_size: int = 64
    """Pictures a batch."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of threads to measure."""
    samples: int = 2048
    """Pictures a measurement."""
    repeats: int = 5
    """Measurements of each part."""
    out: Path | None = None
    """File to write; benchmarks/results/profiles.json if not given."""
    plots: Path | None = None
    """Folder for a picture of each profile, profile-BACKEND.png."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark."""
    arguments = tyro.cli(Arguments, prog="python -m benchmarks.profiles", args=argv, description=__doc__)
    if arguments.count < 1:
        raise InputError(f"--count must be >= 1, got {arguments.count}")
    results = {}
    with tempfile.TemporaryDirectory() as name:
        for profile in profiles(Path(name), arguments):
            results[profile.backend] = {
                **asdict(profile),
                "forecast_error": {threads: forecast_error(profile, threads) for threads in profile.in_place},
                "diagnosis": diagnose(profile),
            }
            if arguments.plots is not None:
                plot(profile, arguments.plots / f"profile-{profile.backend}.png")
    report("profiles", {"pictures": arguments.count, "results": results}, arguments.out)
    return 0


def profiles(place: Path, arguments: Arguments) -> Iterator[Profile]:
    """Make the sets in the folder `place`, and profile each; their names are without the folder."""
    folder, beton, tar, bank = (place / name for name in ("folder", "set.beton", "webdataset", "fractals.beton"))
    tell(f"writing three sets of {arguments.count:,} pictures")
    _fill(folder, arguments.root, arguments.count)
    source = ["--source", "folder", "--root", str(folder), "--threads", str(max(arguments.threads))]
    write_dataset([*source, "--short-side", "400", "--format", "beton", "--out", str(beton)])
    write_dataset([*source, "--format", "webdataset", "--out", str(tar)])
    write_dataset(["--source", "fractals", "--generate", "64", "--short-side", "256", "--out", str(bank)])
    for data in (beton, tar, folder):
        given = command.Arguments(
            data=data,
            fractals=bank,
            batch_size=arguments.batch_size,
            threads=arguments.threads,
            samples=arguments.samples,
            repeats=arguments.repeats,
        )
        tell(f"profile of {data.name}")
        profile = command.measure(command.loader_config(given), given)
        yield replace(profile, data=data.name)


def _fill(folder: Path, root: Path | None, count: int) -> None:
    """A folder of class folders with `count` files: links to those of `root` in turn, or photographs."""
    if root is None:
        (folder / "photograph").mkdir(parents=True)
        for n, picture in enumerate(photographs(count, 400)):
            (folder / "photograph" / f"{n:06d}.jpg").write_bytes(encode_jpeg(picture, 90))
        return
    files = [root / name / file for name, found in list_class_folders(root, "--root").items() for file in found]
    for n, file in enumerate(islice(cycle(files), count)):
        place = folder / file.parent.name / f"{n:06d}{file.suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(file, place)


def _link(file: Path, place: Path) -> None:
    """Another name of a file; a copy where the file system has no links or it is another one."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)


if __name__ == "__main__":
    sys.exit(run_program(main))
