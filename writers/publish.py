"""The end of a write: what belongs beside the data file, its name, and last the manifest."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layermix.manifest import Manifest
from layermix.samples import table_path
from writers.atomic import publish
from writers.bad import quarantine_path
from writers.formats.container import Container
from writers.hashes import hashes_path
from writers.manifest import index_path, side_file, withdraw_manifest, write_manifest, write_side_file


def publish_file(
    file: io.FileIO, out: Path, contents: Container, about: Mapping[str, Any], quarantine: bytes | None
) -> Manifest:
    """Publish the finished `<out>.partial`, open as `file`, and return its manifest.

    `about` holds the entries of the manifest that do not follow from the contents, `quarantine` the list of bad
    pictures, if there is to be one. From the withdrawal of an old manifest on nothing vouches for `out` until the end.
    """
    index = contents.index()
    beside = {"hashes": (hashes_path(out), contents.hashes.tobytes())}
    if index is not None:
        beside["index"] = index_path(out), index
    if contents.has_records:
        beside["table"] = table_path(out), contents.rows.tobytes()
    if quarantine is not None:
        beside["quarantine"] = quarantine_path(out), quarantine
    manifest = Manifest(
        format=contents.name,
        count=contents.stored,
        bytes=os.fstat(file.fileno()).st_size,
        sha256=contents.content_hash(),
        first_id=contents.first_id if contents.has_records else None,
        **{key: side_file(path, content) for key, (path, content) in beside.items()},
        **about,
    )
    withdraw_manifest(out)
    for path, content in beside.values():
        write_side_file(path, content)
    if quarantine is None:
        quarantine_path(out).unlink(missing_ok=True)
    publish(file, out)
    write_manifest(out, manifest)
    return manifest
