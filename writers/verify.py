"""Check every byte of data files against their manifests.

Finds any changed bit of the data file (of any format), its manifest, and the index, table, sample hashes and quarantine
list beside it, and names the damaged samples by their id. Reads each file once (about 1 GB/s a
core), and a damaged one a second time. Exit code 0: sound; 1: damaged, a line for each place; 2: unusable
arguments. A set of shards is checked as a whole, by the name that it was written to.

What was written is checked, not what the source was: --decode decodes every JPEG too, on all cores, and names those
that do not decode. Sets written with `--check header` need it once.

    python -m writers.verify train.beton
    python -m writers.verify train.beton --decode
    python -m writers.verify train.beton fractals.beton webdataset-folder
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tyro

from layermix.errors import InputError, run_program
from layermix.manifest import Manifest, data_files, dataset_path, manifest_path, read_manifest
from writers.decode_check import undecodable
from writers.file_check import check_file, check_side_files
from writers.progress import show_progress


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Check every byte of data files against their manifests."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Data files, sets of shards by the name that they were written to, or folders of one of these."""
    decode: bool = False
    """Decode every JPEG too, once the bytes are known to be those that were written."""


def main(argv: list[str] | None = None) -> int:
    """Run the command: 0 when all is sound, 1 when something is damaged."""
    arguments = tyro.cli(Verify, prog="python -m writers.verify", args=argv, config=(tyro.conf.FlagCreatePairsOff,))
    if not arguments.paths:
        raise InputError("PATHS is empty; give one or more data files")
    paths = [dataset_path(path) for path in arguments.paths]
    for path in paths:
        if not path.is_file() and not manifest_path(path).is_file():
            raise InputError(f"{path}: no such data file; check the path")
    problems = [problem for path in paths for problem in verify(path, decode=arguments.decode)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def verify(path: Path, *, decode: bool = False) -> list[str]:
    """What is damaged in the data file or set `path`, a line each; empty and a line printed for a sound one.

    With `decode`, of one whose bytes are sound, also the JPEGs that do not decode.
    """
    try:
        manifest = read_manifest(path)
        _require_as_written(path, manifest)
    except InputError as error:
        return [str(error)]
    with show_progress(manifest.bytes, "bytes") as advance:
        problems = _check_set(path, manifest, advance)
    if not problems and decode:
        problems = _decode(path, manifest)
    if not problems:
        is_open = manifest.options.get("check") == "header" and not decode
        rest = "; its JPEGs were stored by their headers, --decode decodes them" if is_open else ""
        print(f"{path}: sound, {manifest.count:,} samples, {manifest.bytes:,} bytes{rest}")
    return problems


def _decode(path: Path, manifest: Manifest) -> list[str]:
    threads, problems, first_id = len(os.sched_getaffinity(0)), [], 0
    with show_progress(manifest.count, "samples") as advance:
        for file in data_files(path, manifest):
            own = read_manifest(file) if manifest.shards else manifest
            problems += undecodable(file, own, first_id, threads, advance)
            first_id += own.count
    return problems


def _check_set(path: Path, manifest: Manifest, advance: Callable[[int], None]) -> list[str]:
    if not manifest.shards:
        return check_file(path, manifest, 0, advance)
    problems = check_side_files(path, manifest)
    for file, shard in zip(data_files(path, manifest), manifest.shards):
        try:
            own = read_manifest(file)
            _require_as_written(file, own)
            if own.sha256 != shard.sha256:
                raise InputError(f"{file}: is not the shard that {manifest_path(path).name} lists")
            problems += check_file(file, own, shard.first_id, advance)
        except InputError as error:
            problems.append(str(error))
    return problems


def _require_as_written(data: Path, manifest: Manifest) -> None:
    """Flips that JSON reads as the same value, such as of an escape's case, are damage too."""
    path = manifest_path(data)
    if path.read_bytes() != manifest.to_json().encode():
        raise InputError(f"{path}: was changed since it was written")


if __name__ == "__main__":
    sys.exit(run_program(main))
