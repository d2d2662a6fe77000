"""A data set in several files: which pictures each holds, and the manifest that makes them one set."""

import dataclasses
import os
import socket
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from layermix.errors import InputError
from layermix.files import sync_folder
from layermix.manifest import FORMATS, Manifest, Shard, manifest_path, read_manifest, set_hash
from writers.atomic import output_errors
from writers.formats.registry import find_format
from writers.identity import Part, is_manifest_of
from writers.manifest import index_path, side_file

MAX_SHARDS = 99_999


def output_path(out: Path, format: str) -> Path:
    """The file, or name of a set, that `--out` means: itself, or `data.<suffix of the format>` in the folder it names.

    InputError: the suffix of another format.
    """
    suffix = FORMATS[format]
    if out.suffix == suffix:
        return out
    if out.suffix and not out.is_dir():
        raise InputError(
            f"--out {out} must end in {suffix} for --format {format}, or be the name of a folder, without suffix"
        )
    return out / f"data{suffix}"


def shard_path(out: Path, index: int, of: int) -> Path:
    """train-00002-of-00008.beton for shard 2 of 8 of train.beton."""
    return out.with_name(f"{out.stem}-{index:05d}-of-{of:05d}{out.suffix}")


def plan_shards(pictures: int, shards: int) -> list[Part]:
    """The pictures of each shard: contiguous, in order, sizes that differ by one at most."""
    if not 1 <= shards <= min(pictures, MAX_SHARDS):
        most = min(pictures, MAX_SHARDS)
        raise InputError(f"--shards must be from 1 to {most} for {pictures} pictures, got {shards}; choose fewer")
    edges = [pictures * index // shards for index in range(shards + 1)]
    return [Part(start=start, stop=stop, index=index, of=shards) for index, (start, stop) in enumerate(pairwise(edges))]


def finished_shards(out: Path, parts: Sequence[Part], identities: Sequence[Mapping[str, Any]]) -> list[Manifest | None]:
    """The manifest of every shard; None for one that is not finished, or was written from something else."""
    manifests: list[Manifest | None] = []
    for part, identity in zip(parts, identities):
        path = shard_path(out, part.index, len(parts))
        manifest = read_manifest(path) if manifest_path(path).is_file() and path.is_file() else None
        manifests.append(manifest if manifest is not None and is_manifest_of(manifest, identity) else None)
    return manifests


def publish_set(out: Path, manifests: Sequence[Manifest]) -> Manifest:
    """Write the manifest of the set `out`, made of these shards in order, and return it.

    Several processes may do so at once: all write the same.
    """
    if out.exists():
        raise InputError(f"--out {out} is a file, which a set of that name would hide; remove it or choose another")
    manifest = _joined(out, manifests)
    index = _set_index(out, manifests)
    if index is not None:
        _write_beside_others(index_path(out), index)
        manifest = dataclasses.replace(manifest, index=side_file(index_path(out), index))
    _write_beside_others(manifest_path(out), manifest.to_json().encode())
    return manifest


def _set_index(out: Path, manifests: Sequence[Manifest]) -> bytes | None:
    paths = (shard_path(out, index, len(manifests)) for index in range(len(manifests)))
    return find_format(manifests[0].format).set_index(list(zip(paths, manifests)))


def _write_beside_others(path: Path, content: bytes) -> None:
    """Publish a file that other processes may be publishing too, with the same content."""
    partial = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.partial")
    with output_errors(path):
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)


def _joined(out: Path, manifests: Sequence[Manifest]) -> Manifest:
    first = manifests[0]
    shards = []
    for index, manifest in enumerate(manifests):
        name = shard_path(out, index, len(manifests)).name
        first_id = sum(shard.count for shard in shards)
        size, digest = manifest.bytes, manifest.sha256
        shards.append(Shard(file=name, count=manifest.count, bytes=size, sha256=digest, first_id=first_id))
    sides = [manifest.short_side for manifest in manifests if manifest.short_side is not None]
    return Manifest(
        format=first.format,
        kind=first.kind,
        count=sum(shard.count for shard in shards),
        bytes=sum(shard.bytes for shard in shards),
        sha256=set_hash(tuple(shards)),
        classes=first.classes,
        class_counts=tuple(map(sum, zip(*(manifest.class_counts for manifest in manifests)))),
        source=first.source,
        options=first.options,
        created_by=first.created_by,
        channels=first.channels,
        short_side=min(sides) if sides else None,
        skipped=sum(manifest.skipped for manifest in manifests),
        shards=tuple(shards),
    )
