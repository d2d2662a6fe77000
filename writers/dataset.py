"""Writing a source, or a part of one, to a data file with its manifest: whole, or to be continued."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from layermix.errors import InputError
from layermix.manifest import Manifest
from writers.atomic import partial_path
from writers.bad import BadPicture, OnBad, quarantine_list
from writers.formats.layouts import Layout
from writers.identity import Part, identity_of
from writers.manifest import creator
from writers.ordered import map_ordered
from writers.publish import publish_file
from writers.source import Source
from writers.stored import StoredPicture
from writers.unfinished import UnfinishedFile, begin_or_resume, finished_manifest

_TOGETHER = 16
"""Small pictures that a thread is handed at once, at most."""


def write_file(
    source: Source,
    out: Path,
    layout: Layout,
    *,
    options: Mapping[str, Any],
    threads: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    on_bad: OnBad = "fail",
    part: Part | None = None,
    advance: Callable[[int], None] = lambda pictures: None,
) -> Manifest:
    """Write the samples of `source` (or a part), in order, to `out`, then its manifest, and return the manifest.

    Pictures are read and encoded by `threads` threads a few ahead of the file, so memory is flat; the bytes
    of the file do not depend on their number, nor on interruptions. `options` goes into the manifest;
    `advance` is called with the number of pictures dealt with. A sample's id is its place in the file: bad
    pictures that are left out (see OnBad) take no id, and the class indices stay those of the source.

    Whatever is raised, and Ctrl-C, leaves `out` as it was, and what is stored so far in `<out>.partial` with
    `<out>.journal`: `resume` goes on from there, starts where there is nothing, and is done where `out` is
    finished. InputError: a bad sample under "fail", no good sample, `out` or a partial exists and neither
    `overwrite` nor `resume` is given, an interrupted write of something else, `out` cannot be written.
    """
    part = part or Part(start=0, stop=len(source))
    identity = identity_of(source, layout, options, part)
    finished = finished_manifest(out, identity, overwrite=overwrite, resume=resume)
    if finished is not None:
        if on_bad == "fail" and finished.skipped:
            raise InputError(f"--out {out} is finished without {finished.skipped} bad pictures; give its --on-bad")
        advance(part.stop - part.start)
        return finished
    if on_bad != "fail":
        options = {**options, "on_bad": on_bad}
    with begin_or_resume(out, layout, part, identity, resume=resume) as unfinished:
        if on_bad == "fail" and unfinished.bad:
            raise _bad_picture_error(out, unfinished.bad[0])
        advance(unfinished.next_index - part.start)
        _store_samples(unfinished, source, layout, threads, on_bad, advance)
        if unfinished.contents.stored == 0:
            raise _nothing_good_error(out, unfinished.bad)
        unfinished.contents.finish()
        return _publish(unfinished, source, layout, options, part)


def _store_samples(
    unfinished: UnfinishedFile,
    source: Source,
    layout: Layout,
    threads: int,
    on_bad: OnBad,
    advance: Callable[[int], None],
) -> None:
    encode = partial(_encode, source, layout)
    start, stop = unfinished.next_index, unfinished.part.stop
    with contextlib.closing(map_ordered(encode, stop, threads, start=start, most=_TOGETHER)) as results:
        for result in results:
            if isinstance(result, BadPicture):
                if on_bad == "fail":
                    raise InputError(f"{result.path}: {result.reason}, or leave it out: --resume --on-bad quarantine")
                unfinished.leave_out(result)
            else:
                unfinished.store(*result)
            advance(1)


def _encode(source: Source, layout: Layout, index: int) -> tuple[StoredPicture, int] | BadPicture:
    name = f"picture {index}"
    try:
        sample = source.read(index)
        name, last = sample.name, len(source.classes) - 1
        if not 0 <= sample.label <= last:
            rule = f"the label must be from 0 to {last}, got {sample.label}"
            raise InputError(f"{name}: {rule}; mend the labels or the class names")
        picture = layout.encode(sample)
    except InputError as error:
        return BadPicture.of(index, name, str(error))
    return picture, sample.label


def _publish(
    unfinished: UnfinishedFile, source: Source, layout: Layout, options: Mapping[str, Any], part: Part
) -> Manifest:
    bad = unfinished.bad
    about = {
        "classes": source.classes,
        "source": source.describe(),
        "options": options,
        "created_by": creator(),
        "skipped": len(bad),
        "shard": part.shard,
        **layout.summary(unfinished.contents.rows, len(source.classes)),
    }
    quarantine = quarantine_list(bad) if options.get("on_bad") == "quarantine" else None
    manifest = publish_file(unfinished.file, unfinished.out, unfinished.contents, about, quarantine)
    unfinished.forget()
    return manifest


def _bad_picture_error(out: Path, bad: BadPicture) -> InputError:
    return InputError(
        f"{partial_path(out)}: the interrupted write left out bad pictures, first {bad.path}: {bad.reason}; "
        "give the same --on-bad, or --overwrite to start over"
    )


def _nothing_good_error(out: Path, bad: Sequence[BadPicture]) -> InputError:
    return InputError(f"{out}: not one of {len(bad)} pictures is good, first {bad[0].path}: {bad[0].reason}")
