"""Every byte of one data file, and of the files beside it, against its manifest and the hashes of its samples.

Nothing of the file is believed: where things stand follows from the manifest, the table it vouches for and the format
alone, so a damaged header or record can neither mislead the check nor size a buffer.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from layermix.errors import InputError
from layermix.manifest import SIDE_FILES, Manifest, read_side_file
from writers.formats.registry import find_format
from writers.hashes import read_hashes, sample_hash

_BLOCK = 1 << 22
_SHOWN = 20
"""Damaged samples that are named one by one."""


def check_file(data: Path, manifest: Manifest, first_id: int, advance: Callable[[int], None]) -> list[str]:
    """What is damaged in the file `data`, a line each; empty for a sound file.

    `first_id` is the sample id, in its set, of the file's first sample; `advance` is called with bytes read.
    """
    problems = []
    with _open(data) as file:
        if _content_hash(file, advance) != manifest.sha256:
            problems += _find_damage(file, data, manifest, first_id)
    return problems + check_side_files(data, manifest)


def check_side_files(data: Path, manifest: Manifest) -> list[str]:
    """What is damaged of the files beside `data` that its manifest names, a line each."""
    problems = []
    for side in (getattr(manifest, key) for key in SIDE_FILES):
        try:
            if side is not None:
                read_side_file(data, side)
        except InputError as error:
            problems.append(str(error))
    return problems


def _content_hash(file: io.BufferedReader, advance: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
        advance(len(block))
    return digest.hexdigest()


def _find_damage(file: io.BufferedReader, data: Path, manifest: Manifest, first_id: int) -> list[str]:
    container = find_format(manifest.format)
    try:
        samples = _damaged_samples(file, data, manifest)
    except InputError:
        return [f"{data}: is damaged; without the hashes of its samples it cannot be said where"]
    lines = [f"{data}: sample {first_id + number}: {container.sample_parts} is damaged" for number in samples[:_SHOWN]]
    if len(samples) > _SHOWN:
        lines.append(f"{data}: {len(samples) - _SHOWN} more samples are damaged")
    if not samples:
        lines.append(f"{data}: {container.other_parts} are damaged")
    return lines


def _damaged_samples(file: io.BufferedReader, data: Path, manifest: Manifest) -> list[int]:
    """Numbers, in the file, of the samples that are not what their hash says. InputError: no hash or no table."""
    if manifest.hashes is None:
        raise InputError(f"{data}: has no hashes of its samples")
    hashes = read_hashes(data, manifest.hashes, manifest.count)
    damaged = []
    for number, (extent, known) in enumerate(zip(find_format(manifest.format).extents(data, manifest), hashes)):
        if extent.record + extent.length > manifest.bytes:
            damaged.append(number)
            continue
        file.seek(extent.record)
        if sample_hash(file.read(extent.length), extent.extra) != known:
            damaged.append(number)
    return damaged


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); copy it again") from error
