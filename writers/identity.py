"""What makes two writes the same: an interrupted one is continued, a finished one is not repeated, only by its like."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from layermix.errors import InputError
from layermix.manifest import Manifest
from writers.formats.layouts import Layout
from writers.manifest import creator
from writers.source import Source

_NO_PART = ("root", "ground_truth")
"""Entries of a source's description that may change: the same files, by their fingerprint, at another place."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The pictures start, ..., stop - 1 of a source, which become one file: shard `index` of `of`, or a file alone."""

    start: int
    stop: int
    index: int = 0
    of: int | None = None

    @property
    def shard(self) -> dict[str, int] | None:
        """The entry `shard` of the file's manifest."""
        return None if self.of is None else {"index": self.index, "of": self.of}


def identity_of(source: Source, layout: Layout, options: Mapping[str, Any], part: Part) -> dict[str, Any]:
    """Everything that the bytes of the file follow from, as JSON values: source, options, part, programs."""
    about = {
        **_described(layout.format.name, source.describe(), options, source.classes, part.shard),
        "pictures": [part.start, part.stop],
        "kind": layout.kind,
        "programs": ", ".join([creator(), *(f"{name} {version(name)}" for name in ("opencv-python", "pillow"))]),
    }
    return json.loads(json.dumps(about))


def is_manifest_of(manifest: Manifest, identity: Mapping[str, Any]) -> bool:
    """Whether a finished file is what a write of this identity gives, as far as its manifest says."""
    found = _described(manifest.format, manifest.source, manifest.options, manifest.classes, manifest.shard)
    return all(identity[key] == value for key, value in json.loads(json.dumps(found)).items())


def require_same(found: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> None:
    """InputError with the first entry in which the interrupted write `found` differs from the `wanted` one."""
    for key in wanted:
        if found.get(key) != wanted[key]:
            entry, old, new = _first_difference(key, found.get(key), wanted[key])
            rule = f"the interrupted write had {entry} {old!r:.80}, this one has {new!r:.80}"
            raise InputError(
                f"{name}: cannot be continued: {rule}; give the same source and options or --overwrite to start over"
            )


def _described(
    format: str,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    classes: tuple[str, ...],
    shard: Mapping[str, int] | None,
) -> dict[str, Any]:
    return {
        "format": format,
        "source": {key: value for key, value in source.items() if key not in _NO_PART},
        "options": {key: value for key, value in options.items() if key != "on_bad"},
        "classes": hashlib.sha256("\n".join(classes).encode()).hexdigest(),
        "shard": None if shard is None else dict(shard),
    }


def _first_difference(key: str, old: Any, new: Any) -> tuple[str, Any, Any]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                return f"{key}.{name}", old.get(name), new.get(name)
    return key, old, new
