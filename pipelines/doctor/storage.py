"""A data set and the folder of the results: whole, fast enough, room enough?"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from layermix import InputError
from layermix.class_folders import list_class_folders
from layermix.manifest import Manifest, data_files, dataset_path, holds_dataset, read_manifest
from pipelines.doctor.finding import Finding, judge
from pipelines.doctor.host import GIB, available_memory

CHECKPOINT_ROOM = 5 * GIB
"""Free bytes that a run's checkpoints (three and the best, with optimiser), logs and predictions want."""
_SAMPLE = 256 * 2**20
"""Bytes that are read to tell the disk's rate."""
_BLOCK = 4 * 2**20
_SKEW = 2.0
"""Seconds by which a file system's clock may differ from the host's."""


def data_findings(data: Path, images_per_second: float) -> list[Finding]:
    """Of a data set: is it whole, does the disk give so many pictures a second, does it fit into memory?"""
    try:
        if data.is_dir() and not holds_dataset(data):
            classes = list_class_folders(data, "--data")
            said = f"{data.name}: folder of {len(classes):,} classes, {sum(map(len, classes.values())):,} pictures"
            return [Finding("data set", "ok", said)]
        data = dataset_path(data)
        manifest = read_manifest(data)
    except InputError as error:
        return [Finding("data set", "error", str(error), "write or copy it again; writers.verify reads every byte")]
    said = f"{data.name}: {manifest.format}, {manifest.count:,} samples, {manifest.bytes / GIB:.2f} GiB"
    return [Finding("data set", "ok", said), _disk_rate(data, manifest, images_per_second), _fits(manifest)]


def _fits(manifest: Manifest) -> Finding:
    free = available_memory()
    fix = 'every epoch reads the disk again: use order "quasi_random" and a local disk, or a smaller --short-side'
    said = f"{manifest.bytes / GIB:.2f} GiB of data, {free / GIB:.1f} GiB of memory for its cache"
    return judge("page cache", manifest.bytes < free, said, fix)


def _disk_rate(data: Path, manifest: Manifest, images_per_second: float) -> Finding:
    rate = _cold_rate(data_files(data, manifest)[0])
    pictures = rate * manifest.count / manifest.bytes
    said = f"{rate / 1e6:,.0f} MB/s past the cache = {pictures:,.0f} pictures/s"
    fix = f"{images_per_second:,.0f} are wanted: copy the set to a local disk, or write it with a smaller --short-side"
    return judge("disk rate", pictures >= images_per_second, said, fix)


def _cold_rate(file: Path) -> float:
    """Bytes a second of reading the start of `file` after its pages were dropped from the cache."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        size = min(_SAMPLE, os.fstat(descriptor).st_size)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        started = time.perf_counter()
        for start in range(0, size, _BLOCK):
            os.pread(descriptor, _BLOCK, start)
        return size / max(time.perf_counter() - started, 1e-9)
    finally:
        os.close(descriptor)


def out_findings(out: Path) -> list[Finding]:
    """Of the folder for results: can it be written, is there room, does its clock agree with the host's?"""
    folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor") as file:
            before = time.time()
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
            skew = os.fstat(file.fileno()).st_mtime - before
    except OSError as error:
        return [Finding("results", "error", f"{folder}: {error.strerror}", "choose another --out, or its permissions")]
    free = shutil.disk_usage(folder).free
    room = judge(
        "results",
        free >= CHECKPOINT_ROOM,
        f"{free / GIB:.1f} GiB free in {folder}",
        f"make room for {CHECKPOINT_ROOM / GIB:.0f} GiB of checkpoints and predictions, or choose another --out",
    )
    said = f"{folder} is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}"
    fix = "synchronise the file server's clock: files would look older or newer than they are"
    return [room, judge("clock of the file system", abs(skew) <= _SKEW, said, fix)]
