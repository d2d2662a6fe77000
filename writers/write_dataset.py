"""Write a picture source to a data file, for ffcv (.beton), webdataset, TensorFlow or MXNet, with a manifest beside it.

Purpose: one command from raw pictures (CIFAR pickles, parquet, class folders, scikit-learn's digits) or
fractals to the file that training and evaluation load.

Contract: the file and its manifest appear complete or not at all: written as OUT.partial, flushed, renamed,
the manifest (counts, classes, options, SHA-256) last; OUT.hashes holds a hash of every sample. The order of the
samples is the source's, the sample id is the place in the file, and the bytes do not depend on --threads. Every
picture is decoded whole once. A bad one, or a JPEG so damaged that the decoder would make up pixels, ends the run with
one line naming it, exit code 2, or is left out by --on-bad skip or quarantine: it takes no id, and class indices stay
those of the source.

Decoding bounds the rate where JPEGs keep their bytes, 120 MB/s a core. --check header, for a source known to be sound,
copies them instead, more than twice as fast: of each it reads the header and looks for its end. The manifest
says so, and `writers.verify --decode` makes up for it later.

An interrupted write (SIGKILL, Ctrl-C, a full disk, a bad picture) leaves OUT.partial and OUT.journal; the same
command with --resume goes on, after reading back what is there, and gives the same bytes.

Storage: pictures of at most 64 px stay raw pixels, larger ones become JPEG quality 90, and a JPEG that needs
no change (RGB or gray, upright, small enough, sound to ffcv's decoder) keeps its bytes. --raw stores pixels
only, --yuv planes with the colours at half resolution (half the bytes of --raw, read by LayerMix's loader alone),
--quality encodes every picture anew. --short-side and --max-side shrink by pixel area and never enlarge. Fractals
are always raw, gray unless --color, of short side 256 unless --short-side says otherwise.

--shards N writes a set of N files of contiguous parts and, last, OUT.manifest.json, by which OUT is read as one.
Under torchrun the ranks, on any number of machines with a shared folder, share the shards; a rank that is
started again with --resume continues its own, and rank 0 publishes. --shard-index I writes one shard, for arrays
of jobs. Sample ids run through the set in the order of the source.

Formats: --format webdataset (.tar), tfrecord (.tfrecord) and recordio (.rec) hold the sample id and the label in each
record, store as PNG what a .beton stores raw, and have beside the file the index that DALI reads (OUT.idx) and a table
of the samples (OUT.table); --yuv is for .beton alone. Fractals are .npy files in a .tar and a .rec, pixels with their
shape in a .tfrecord. --out without suffix is a folder for the file or set: OUT/data.tar and so on.

Limits: pictures up to 89 million pixels and sides up to 65,500; in a .tar 8 GiB a picture, in a .tfrecord 2 GiB, in a
.rec 512 MiB.

    python -m writers.write_dataset --source digits --format beton --out train.beton
    python -m writers.write_dataset --source digits --split test --format beton --out test.beton
    python -m writers.write_dataset --source cifar10 --root cifar-10-batches-py --format beton --out c10.beton
    python -m writers.write_dataset --source parquet --root train.parquet --format beton --out c10.beton
    python -m writers.write_dataset --source folder --root train --short-side 400 --out in.beton
    torchrun --nproc-per-node 4 -m writers.write_dataset --source folder --root train --shards 8 --resume --out in.beton
    python -m writers.write_dataset --source folder --root train --format webdataset --shards 128 --out in-webdataset
    python -m writers.write_dataset --source ilsvrc-tar --root downloads --subset imagenet-200 --out in200.beton
    python -m writers.write_dataset --source npy --root CIFAR-10-C/fog.npy --severity 3 --out fog3.beton
    python -m writers.write_dataset --source npy --root CIFAR-10-P/tilt.npy --out tilt.beton
    python -m writers.write_dataset --source videos --root ImageNet-P/tilt --raw --out tilt.beton
    python -m writers.write_dataset --source fractals --root fractals --format beton --out bank.beton
    python -m writers.write_dataset --source fractals --generate 1000 --short-side 36 --out bank36.beton
"""

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from layermix.errors import InputError, run_program
from layermix.ffcv_import import quick_ffcv_import
from layermix.manifest import Manifest
from writers.bad import OnBad
from writers.images import quiet_pillow
from writers.options import Check, StoreOptions
from writers.progress import show_progress
from writers.ranks import Rank
from writers.registry import FRACTAL_SIDE, SourceRequest, open_source
from writers.shards import output_path
from writers.source import Source, frames_of


@dataclass(frozen=True, kw_only=True)
class WriteDataset:
    """Write pictures to a data file and its manifest: everything or nothing.

    Pictures of at most 64 px are stored as raw pixels, larger ones as JPEG quality 90; a JPEG that needs no
    change keeps its bytes.
    """

    source: Literal["cifar10", "cifar100", "parquet", "folder", "ilsvrc-tar", "npy", "videos", "digits", "fractals"]
    """Kind of pictures: original CIFAR pickles, Hugging Face parquet, class folders (ImageNet's and
    ImageNet-C's layout), ImageNet's tars, a file of CIFAR-C or CIFAR-P (.npy with labels.npy beside it),
    class folders of videos (a perturbation of ImageNet-P), scikit-learn's digits, or fractals."""
    out: Path
    """File to write, with the suffix of the format, or a folder for it (a name without suffix); its manifest stands
    beside the file as OUT.manifest.json."""
    format: Literal["beton", "webdataset", "tfrecord", "recordio"] = "beton"
    """Kind of file: ffcv's .beton, a .tar of webdataset, TensorFlow's .tfrecord, or MXNet's .rec."""
    root: Path | None = None
    """File or folder of the pictures; not for digits and --generate."""
    split: Literal["train", "test"] | None = None
    """Part of cifar10, cifar100 and digits (train if not given), or of a folder of parquet shards."""
    ground_truth: Path | None = None
    """Labels of ImageNet's validation tar: the devkit's file (meta.mat beside it), val.txt, LOC_val_solution.csv,
    or a wnid a line."""
    subset: str | None = None
    """Classes of folder, videos and ilsvrc-tar to keep: imagenet-200, or a file of one class name a line."""
    severity: int | None = None
    """The part of a corrupted set's .npy of this severity, 1 to 5; the whole file if not given."""
    short_side: int | None = None
    """Shrink pictures whose shorter side is longer than this, in pixels (fractals: 256 if not given)."""
    max_side: int | None = None
    """Shrink pictures whose longer side is longer than this, in pixels."""
    quality: int | None = None
    """Encode every picture anew as JPEG of this quality, 1 to 100."""
    raw: bool = False
    """Store every picture as raw pixels: larger files, no decoding when read."""
    yuv: bool = False
    """Store every picture as YUV 4:2:0: half the bytes of --raw, no decoding; for LayerMix's loader alone."""
    check: Check = "decode"
    """Of each JPEG that keeps its bytes, decode it all, or (header, for a source known to be sound) read its header and
    look for its end: wrong bits inside are left to the loader and to writers.verify --decode."""
    generate: int | None = None
    """Number of fractals to make instead of reading them from --root."""
    seed: int | None = None
    """Seed of the made fractals (0 if not given)."""
    color: bool = False
    """Fractals in colour, not gray."""
    threads: int | None = None
    """Pictures encoded at a time (the number of cores if not given)."""
    on_bad: OnBad = "fail"
    """A bad picture ends the write (fail), is left out and counted (skip), or is left out and listed with its
    reason in OUT.quarantine.jsonl (quarantine)."""
    resume: bool = False
    """Continue an interrupted write of the same source and options; start where there is none."""
    shards: int | None = None
    """Write OUT as a set of this many files, OUT-00000-of-0000N and so on; under torchrun the ranks share them."""
    shard_index: int | None = None
    """Write this one shard only (for arrays of jobs); the job that finishes last publishes the set."""
    publish: bool = False
    """Write nothing, publish the set of shards that are all finished."""
    patience: float = 60.0
    """Seconds that rank 0 waits for a rank that gives no sign of life."""
    overwrite: bool = False
    """Replace OUT, or what an interrupted write left of it."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when the data set is written. InputError for every mistake that the user can mend."""
    arguments = tyro.cli(
        WriteDataset,
        prog="python -m writers.write_dataset",
        args=argv,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    arguments = dataclasses.replace(arguments, out=output_path(arguments.out, arguments.format))
    _check(arguments)
    options = _store_options(arguments)
    source = open_source(arguments.source, _request(arguments))
    start = time.monotonic()
    manifest = _write(source, options, arguments)
    if manifest is not None:
        _report(arguments.out, manifest, time.monotonic() - start)
    return 0


def _report(out: Path, manifest: Manifest, seconds: float) -> None:
    what = "fractals" if manifest.kind == "fractals" else f"pictures, {len(manifest.classes):,} classes"
    rate = f"{manifest.bytes:,} bytes, {seconds:.1f} s ({manifest.count / seconds:,.0f} img/s)"
    print(f"{out}: {manifest.count:,} {what}, {rate}")
    if manifest.skipped:
        listed = f", see {manifest.quarantine.file}" if manifest.quarantine else ""
        print(f"{out}: {manifest.skipped:,} bad pictures left out{listed}")


def _check(arguments: WriteDataset) -> None:
    _check_shards(arguments)
    for flag in ("generate", "threads"):
        value = getattr(arguments, flag)
        if value is not None and value < 1:
            raise InputError(f"--{flag} must be >= 1, got {value}; leave it out for the default")
    if arguments.seed is not None and arguments.seed < 0:
        raise InputError(f"--seed must be >= 0, got {arguments.seed}; leave it out for seed 0")
    if arguments.resume and arguments.overwrite:
        raise InputError("--resume continues a write and --overwrite starts over; give one of them")
    if arguments.raw and arguments.quality is not None:
        raise InputError("--raw stores pixels and --quality is for JPEG; give one of them")
    if arguments.yuv:
        _check_yuv(arguments)
    if arguments.source == "fractals" and arguments.quality is not None:
        raise InputError("--quality is for JPEG, and fractals are always stored raw; leave it out")
    if arguments.root is not None and arguments.root.resolve() == arguments.out.resolve():
        raise InputError(f"--out {arguments.out} is the same as --root; choose another --out")


def _check_yuv(arguments: WriteDataset) -> None:
    if arguments.raw:
        raise InputError("--yuv stores planes and --raw stores pixels; give one of them")
    if arguments.quality is not None:
        raise InputError("--yuv stores planes and --quality is for JPEG; give one of them")
    if arguments.source == "fractals":
        raise InputError("--yuv is for pictures, and fractals are always stored raw; leave it out")


def _check_shards(arguments: WriteDataset) -> None:
    if arguments.shards is None:
        for flag, given in (("shard-index", arguments.shard_index is not None), ("publish", arguments.publish)):
            if given:
                raise InputError(f"--{flag} belongs to --shards; add --shards N")
        if Rank.from_environment().size > 1:
            raise InputError("--shards is missing: several ranks cannot write one file; add --shards N")
    elif arguments.shards < 1:
        raise InputError(f"--shards must be >= 1, got {arguments.shards}; leave it out for one file")
    if not arguments.patience > 0:
        raise InputError(f"--patience must be > 0, got {arguments.patience:g}; 60 is usual")


def _store_options(arguments: WriteDataset) -> StoreOptions:
    sides: dict[str, Any] = {"short_side": arguments.short_side, "max_side": arguments.max_side}
    if arguments.source == "fractals":
        sides["short_side"] = arguments.short_side or FRACTAL_SIDE
        return StoreOptions(mode="raw", check=arguments.check, **sides)
    if arguments.quality is not None:
        return StoreOptions(mode="jpeg", quality=arguments.quality, check=arguments.check, **sides)
    mode = "raw" if arguments.raw else "yuv" if arguments.yuv else "auto"
    return StoreOptions(mode=mode, check=arguments.check, **sides)


def _request(arguments: WriteDataset) -> SourceRequest:
    return SourceRequest(
        root=arguments.root,
        split=arguments.split,
        generate=arguments.generate,
        seed=arguments.seed,
        color=arguments.color,
        short_side=arguments.short_side,
        ground_truth=arguments.ground_truth,
        subset=arguments.subset,
        severity=arguments.severity,
    )


def _write(source: Source, options: StoreOptions, arguments: WriteDataset) -> Manifest | None:
    """Write the data set; its manifest, or None where others have still to finish the set."""
    # Imported here: ffcv brings torch, seconds that a mistaken flag or a missing root should not cost.
    with quick_ffcv_import():
        from writers.dataset import write_file
        from writers.formats.layouts import FractalLayout, ImageLayout
        from writers.write_set import SetWriter

    is_bank, rank = arguments.source == "fractals", Rank.from_environment()
    channels = 3 if arguments.color else 1
    layout = FractalLayout(options, channels, arguments.format) if is_bank else ImageLayout(options, arguments.format)
    with quiet_pillow(), _progress(source, arguments, rank) as advance:
        common: dict[str, Any] = {
            "options": options.describe() | frames_of(source),
            "threads": arguments.threads or max(1, len(os.sched_getaffinity(0)) // rank.local_size),
            "overwrite": arguments.overwrite and not rank.restarted,
            "resume": arguments.resume or rank.restarted,
            "on_bad": arguments.on_bad,
            "advance": advance,
        }
        if arguments.shards is None:
            return write_file(source, arguments.out, layout, **common)
        writer = SetWriter(source=source, out=arguments.out, layout=layout, shards=arguments.shards, **common)
        if arguments.publish:
            return writer.publish()
        if arguments.shard_index is not None:
            return writer.write_one(arguments.shard_index)
        return writer.write_as(rank, arguments.patience)


def _progress(source: Source, arguments: WriteDataset, rank: Rank) -> AbstractContextManager[Callable[..., None]]:
    if rank.number != 0 or arguments.publish:
        return nullcontext(lambda pictures: None)
    share = rank.size if arguments.shard_index is None else arguments.shards or 1
    return show_progress(len(source) // share)


if __name__ == "__main__":
    sys.exit(run_program(main))
