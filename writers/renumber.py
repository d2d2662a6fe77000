"""New ids for the records of a shard, once it is known how many pictures the shards before it left out.

Ids run through a set without gaps, but ranks write their shards at the same time: each starts at the number of its
first picture in the source, which is too high where an earlier shard leaves out bad pictures.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layermix.manifest import Manifest, read_side_file
from layermix.samples import FORMS
from writers.atomic import open_locked, output_errors
from writers.formats.registry import find_format
from writers.journal import Journal, journal_path
from writers.publish import publish_file
from writers.stored import StoredPicture

_KEPT = (
    "kind",
    "classes",
    "class_counts",
    "source",
    "options",
    "created_by",
    "channels",
    "short_side",
    "skipped",
    "shard",
)
"""Entries of a manifest that do not depend on the ids."""


def renumber(data: Path, manifest: Manifest, first_id: int, identity: Mapping[str, Any]) -> Manifest:
    """Write the finished file `data` anew with ids from `first_id` on; its new manifest.

    At the speed of the disk: pictures are copied, not encoded. `identity` is that of the write of `data`: a kill at any
    moment leaves the old file, or one that `--resume` writes again.
    """
    container, channels = find_format(manifest.format), manifest.channels or 3
    quarantine = None if manifest.quarantine is None else read_side_file(data, manifest.quarantine)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(contextlib.closing(open_locked(data)))
        opened.enter_context(Journal(data)).begin(identity)
        with output_errors(data):
            file.truncate(0)
        contents = container(file, data, manifest.kind, manifest.count, first_id)
        opened.enter_context(contextlib.closing(contents))
        with data.open("rb") as old:
            for row in container.read_rows(data, manifest):
                height, width, form = int(row["height"]), int(row["width"]), FORMS[row["form"]]
                picture = container.picture(old, row)
                stored = StoredPicture(data=picture, height=height, width=width, channels=channels, form=form)
                contents.append(stored, int(row["label"]))
        contents.finish()
        about = {key: getattr(manifest, key) for key in _KEPT}
        renewed = publish_file(file, data, contents, about, quarantine)
        with output_errors(data):
            journal_path(data).unlink(missing_ok=True)
    return renewed
