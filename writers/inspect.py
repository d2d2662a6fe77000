"""What is inside a data file: samples, sizes, storage, classes, options, source; and a sheet of pictures to look at.

Reads the manifest and the tables of the file, not its pictures (those of the sheet apart); `writers.verify`
reads every byte. Works for images and fractal banks, files and sets of
shards, of every format.

    python -m writers.inspect train.beton
    python -m writers.inspect train.beton --sheet sheet.png
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from layermix.errors import InputError, run_program
from layermix.manifest import Manifest, data_files, dataset_path, read_manifest
from layermix.samples import FORMS
from writers.contents import Contents, read_contents
from writers.sheet import write_sheet

_SHOWN = 20
"""Shards, and classes, that have a line each."""
_FORM_NAMES = ("JPEG", "raw", "YUV", "PNG")


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Say what is inside a data file, and draw a sheet of its pictures."""

    path: tyro.conf.Positional[Path]
    """Data file, set of shards by the name that it was written to, or folder of one of these."""
    sheet: Path | None = None
    """PNG file for pictures spread evenly over the samples."""
    pictures: int = 48
    """Pictures on the sheet at most."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 0. InputError: not a finished data file, or a sheet that cannot be written."""
    arguments = tyro.cli(Inspect, prog="python -m writers.inspect", args=argv)
    if arguments.pictures < 1:
        raise InputError(f"--pictures must be >= 1, got {arguments.pictures}; 48 is usual")
    path = dataset_path(arguments.path)
    manifest = read_manifest(path)
    files = data_files(path, manifest)
    manifests = {file: read_manifest(file) if manifest.shards else manifest for file in files}
    contents = read_contents(path, manifests, manifest)
    for line in describe(path, manifest, contents):
        print(line)
    if arguments.sheet is not None:
        write_sheet(arguments.sheet, contents, manifest.classes, arguments.pictures)
        print(f"sheet       {arguments.sheet}")
    return 0


def describe(path: Path, manifest: Manifest, contents: Contents) -> Iterator[str]:
    """The lines that the program prints."""
    yield f"{path}: {manifest.format}, {manifest.kind}, {manifest.count:,} samples, {manifest.bytes:,} bytes"
    for shard in manifest.shards[:_SHOWN]:
        yield f"shard       {shard.file}: ids from {shard.first_id:,}, {shard.count:,} samples, {shard.bytes:,} bytes"
    if len(manifest.shards) > _SHOWN:
        yield f"  and {len(manifest.shards) - _SHOWN:,} more shards"
    forms = np.bincount(contents.rows["form"].astype(int), minlength=len(FORMS)).tolist()
    yield "stored      " + ", ".join(f"{count:,} {name}" for name, count in zip(_FORM_NAMES, forms) if count)
    for name, field in (("height", "height"), ("width", "width"), ("bytes", "size")):
        least, middle, most = np.percentile(contents.rows[field], (0, 50, 100)).astype(int).tolist()
        yield f"{name:11} {least:,} to {most:,}, median {middle:,}"
    yield f"skipped     {manifest.skipped:,} bad pictures" + _quarantine(manifest)
    for name, entries in (("source", manifest.source), ("options", manifest.options)):
        yield f"{name:11} " + ", ".join(f"{key} {value}" for key, value in entries.items() if value is not None)
    yield f"written by  {manifest.created_by}"
    yield f"sha256      {manifest.sha256}"
    counts = manifest.class_counts
    yield f"classes     {len(counts):,}, of {min(counts):,} to {max(counts):,} samples"
    for name, count in list(zip(manifest.classes, counts))[:_SHOWN]:
        yield f"  {count:9,} {name}"
    if len(counts) > _SHOWN:
        yield f"  and {len(counts) - _SHOWN:,} more"


def _quarantine(manifest: Manifest) -> str:
    return f", listed in {manifest.quarantine.file}" if manifest.quarantine else ""


if __name__ == "__main__":
    sys.exit(run_program(main))
