"""The manifest beside every written data set: what the file holds, and the proof that it is whole.

A manifest stands at `<file>.manifest.json` and is written last: its presence means that the file is complete.
A set written as shards has the same: the manifest at `<name>.manifest.json` lists the files, and no file
`<name>` exists.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from layermix.errors import InputError

MANIFEST_VERSION = 1

_SHARD = re.compile(r"-\d{5}-of-\d{5}(\.[^.]*)?$")

Kind = Literal["images", "fractals"]
"""What a data set holds: pictures with labels, or a fractal bank."""

FORMATS = {"beton": ".beton", "webdataset": ".tar", "tfrecord": ".tfrecord", "recordio": ".rec"}
"""The containers and how the names of their files end."""

SIDE_FILES = ("quarantine", "hashes", "index", "table")
"""The files beside a data file that its manifest vouches for."""


@dataclass(frozen=True, kw_only=True)
class SideFile:
    """A file that belongs to a data file. file: its name in the same folder.  sha256: its content hash."""

    file: str
    sha256: str

    def __post_init__(self) -> None:
        _require("file", _is_name(self.file), "must be the name of a file in the same folder", self.file)
        _require("sha256", _is_sha256(self.sha256), "must be 64 hexadecimal digits", self.sha256)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a sharded set.

    file: its name in the folder of the set's manifest; it has a manifest of its own.
    count, bytes, sha256: as in that manifest.  first_id: sample id, in the set, of its first picture.
    """

    file: str
    count: int
    bytes: int
    sha256: str
    first_id: int

    def __post_init__(self) -> None:
        _require("file", _is_name(self.file), "must be the name of a file in the same folder", self.file)
        _require("count", _is_int(self.count, 1), "must be an integer > 0", self.count)
        _require("bytes", _is_int(self.bytes, 1), "must be an integer > 0", self.bytes)
        _require("sha256", _is_sha256(self.sha256), "must be 64 hexadecimal digits", self.sha256)
        _require("first_id", _is_int(self.first_id, 0), "must be an integer >= 0", self.first_id)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What one data file, or a set of shards, holds; immutable, checked once, InputError where a value breaks its rule.

    format: the container, one of FORMATS.  kind: "images" (picture and label) or "fractals" (a fractal bank).
    count: samples in the file; a sample's id is its place, 0 to count - 1.
    bytes, sha256: size and content hash (64 hexadecimal digits) of the whole file; of a set the sum, and the
        hash of the shards' hashes joined by newlines.
    classes, class_counts: class names, into which a label is an index, and the samples of each.
    source, options: where the samples came from (with a fingerprint: a digest of the names and sizes of the
        inputs) and how they were stored.
    created_by: program and version that wrote the file.
    channels, short_side: fractal banks only, None otherwise: 1 or 3, and the pixels of the smallest picture.
    skipped: bad pictures of the source that were left out.
    quarantine: JSON lines with index in the source, path and reason of each, where that was asked for.
    hashes: xxh3 of every sample, 8 bytes each in the order of the ids: all that the file holds of it.
    index: where each sample stands, as DALI's reader of the format wants it.  table: the same and more, a row of
        `layermix.samples.SAMPLE` each. Neither for a .beton, which holds its tables itself.
    shard: {"index": i, "of": n} for the i-th of n files of a set.
    first_id: of a file whose records hold their sample ids, that of the first.
    shards: the files of a set, in the order of their ids; empty for a single file.
    """

    format: str
    kind: Kind
    count: int
    bytes: int
    sha256: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    source: Mapping[str, Any]
    options: Mapping[str, Any]
    created_by: str
    version: int = MANIFEST_VERSION
    channels: int | None = None
    short_side: int | None = None
    skipped: int = 0
    quarantine: SideFile | None = None
    hashes: SideFile | None = None
    index: SideFile | None = None
    table: SideFile | None = None
    shard: Mapping[str, int] | None = None
    first_id: int | None = None
    shards: tuple[Shard, ...] = ()

    def __post_init__(self) -> None:
        _require("version", self.version == MANIFEST_VERSION, f"must be {MANIFEST_VERSION}", self.version)
        _require("format", self.format in FORMATS, f"must be one of {', '.join(FORMATS)}", self.format)
        _require("kind", self.kind in ("images", "fractals"), 'must be "images" or "fractals"', self.kind)
        _require("count", _is_int(self.count, 1), "must be an integer > 0", self.count)
        _require("bytes", _is_int(self.bytes, 1), "must be an integer > 0", self.bytes)
        _require("sha256", _is_sha256(self.sha256), "must be 64 hexadecimal digits", self.sha256)
        _require("source", isinstance(self.source, Mapping), "must be an object", self.source)
        _require("options", isinstance(self.options, Mapping), "must be an object", self.options)
        _require("created_by", isinstance(self.created_by, str), "must be a string", self.created_by)
        _require(
            "first_id", self.first_id is None or _is_int(self.first_id, 0), "must be an integer >= 0", self.first_id
        )
        _require("skipped", _is_int(self.skipped, 0), "must be an integer >= 0", self.skipped)
        for key in SIDE_FILES:
            value = getattr(self, key)
            _require(key, value is None or isinstance(value, SideFile), "must be an object", value)
        self._check_classes()
        self._check_bank()
        self._check_shards()

    def _check_classes(self) -> None:
        names, counts = self.classes, self.class_counts
        named = isinstance(names, tuple) and len(names) > 0 and all(isinstance(name, str) for name in names)
        _require("classes", named, "must be a list of one or more names", names)
        counted = isinstance(counts, tuple) and all(_is_int(count, 0) for count in counts)
        _require("class_counts", counted, "must be a list of integers >= 0", counts)
        _require("class_counts", len(counts) == len(names), f"must hold {len(names)} numbers", counts)
        _require("class_counts", sum(counts) == self.count, f"must add up to {self.count}", sum(counts))

    def _check_bank(self) -> None:
        if self.kind == "images":
            _require("channels", self.channels is None, "belongs to fractal banks only", self.channels)
            _require("short_side", self.short_side is None, "belongs to fractal banks only", self.short_side)
        else:
            _require("channels", self.channels in (1, 3), "must be 1 or 3", self.channels)
            _require("short_side", _is_int(self.short_side, 1), "must be an integer > 0", self.short_side)

    def _check_shards(self) -> None:
        _require("shard", self.shard is None or _is_place(self.shard), "must be {index, of}", self.shard)
        _require("shards", isinstance(self.shards, tuple), "must be a list", self.shards)
        first_id = 0
        for shard in self.shards:
            _require("shards", shard.first_id == first_id, f"must go on at id {first_id}", shard.first_id)
            first_id += shard.count
        if self.shards:
            _require("shards", first_id == self.count, f"must hold {self.count} samples", first_id)
            size = sum(shard.bytes for shard in self.shards)
            _require("shards", size == self.bytes, f"must hold {self.bytes} bytes", size)
            _require("sha256", self.sha256 == set_hash(self.shards), "must be that of the shards", self.sha256)

    def to_json(self) -> str:
        """The manifest as indented JSON text with a final newline.

        Fields at None, and `shards` where there are none, are left out; `checksum`, the SHA-256 of all others,
        comes last.
        """
        fields = {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, ())}
        return json.dumps({**fields, "checksum": _checksum(fields)}, indent=2) + "\n"


def set_hash(shards: tuple[Shard, ...]) -> str:
    """The content hash of a set: SHA-256 of its shards' hashes joined by newlines."""
    return hashlib.sha256("\n".join(shard.sha256 for shard in shards).encode()).hexdigest()


def holds_dataset(folder: Path) -> bool:
    """Whether `folder` is one that holds a written data set, not one of class folders or another path."""
    return folder.is_dir() and any(folder.glob("*.manifest.json"))


def dataset_path(path: Path) -> Path:
    """`path` itself, or of a folder the one data set that it holds, by the name of its file or set.

    InputError: a folder that holds no finished data set, or several.
    """
    if not path.is_dir():
        return path
    end = ".manifest.json"
    found = sorted(file.name.removesuffix(end) for file in path.glob(f"*{end}"))
    names = [name for name in found if not _SHARD.search(name)]
    if len(names) != 1:
        rule = f"holds {', '.join(names)}" if names else "holds no finished data set"
        raise InputError(f"{path}: {rule}; give the path of one data file or set")
    return path / names[0]


def data_files(data: Path, manifest: Manifest) -> tuple[Path, ...]:
    """The files that hold the samples of `data`, in the order of the ids: its shards, or `data` itself."""
    return tuple(data.with_name(shard.file) for shard in manifest.shards) or (data,)


def manifest_path(data: Path) -> Path:
    """Where the manifest of the data file `data` stands: the same name with `.manifest.json` added."""
    return data.with_name(data.name + ".manifest.json")


def read_manifest(data: Path) -> Manifest:
    """Read and check the manifest of the data file or sharded set `data`; milliseconds, the content is not hashed.

    InputError, naming path and key: no such file, no manifest (the file was not written to its end, or not by
    layermix), damaged JSON, a missing, unknown or wrong value, a changed manifest, or a file of another size
    than was written.
    """
    path = manifest_path(data)
    if not path.is_file() and not data.is_file():
        raise InputError(f"{data}: no such data file; write it with python -m writers.write_dataset")
    if not path.is_file():
        raise InputError(
            f"{path}: no such manifest, so {data.name} is incomplete or was not written by layermix; "
            "write it again with python -m writers.write_dataset --overwrite"
        )
    try:
        manifest = _parse(path)
    except InputError as error:
        raise InputError(f"{path}: {error}; write the data set again") from error
    sizes = [shard.bytes for shard in manifest.shards] or [manifest.bytes]
    for file, size in zip(data_files(data, manifest), sizes):
        _check_size(file, size)
    return manifest


def read_side_file(data: Path, side: SideFile) -> bytes:
    """The content of a file beside `data`. InputError: no such file, or changed since it was written."""
    path = data.with_name(side.file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); copy it with the data file") from error
    if hashlib.sha256(content).hexdigest() != side.sha256:
        raise InputError(f"{path}: is not what was written: the file is damaged; copy or write it again")
    return content


def _check_size(data: Path, size: int) -> None:
    try:
        found = data.stat().st_size
    except OSError as error:
        raise InputError(f"{data}: no such data file ({error.strerror}); copy it or write it again") from error
    if found != size:
        raise InputError(
            f"{data}: has {found} bytes, its manifest says {size}: the file was cut or changed; copy or write it again"
        )


def _parse(path: Path) -> Manifest:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read as JSON ({error})") from error
    if not isinstance(fields, dict):
        raise InputError(f"must hold a JSON object, got {type(fields).__name__}")
    _check_keys(fields)
    checksum = fields.pop("checksum")
    manifest = _from_json(fields)
    _require("checksum", checksum == _checksum(fields), "must be that of the other entries", checksum)
    return manifest


def _from_json(fields: dict[str, Any]) -> Manifest:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    for key in SIDE_FILES:
        if key in values:
            values[key] = _record(SideFile, values[key], key)
    if isinstance(values.get("shards"), tuple):
        values["shards"] = tuple(_record(Shard, shard, "shards") for shard in values["shards"])
    return Manifest(**values)


def _record(kind: type, value: object, key: str) -> Any:
    names = {field.name for field in dataclasses.fields(kind)}
    _require(key, isinstance(value, dict) and value.keys() == names, f"must have {', '.join(sorted(names))}", value)
    return kind(**cast(dict, value))


def _checksum(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _check_keys(fields: dict[str, Any]) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(Manifest)}
    known = defaults.keys() | {"checksum"}
    unknown = sorted(fields.keys() - known)
    if unknown:
        raise InputError(f"`{unknown[0]}` is not a key of manifest version {MANIFEST_VERSION}")
    required = {name for name, default in defaults.items() if default is dataclasses.MISSING}
    missing = sorted((required | {"checksum", "version"}) - fields.keys())
    if missing:
        raise InputError(f"`{missing[0]}` is missing")


def _require(key: str, holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(f"`{key}` {rule}, got {value!r:.200}")


def _is_int(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value == Path(value).name != ""


def _is_place(value: Mapping[str, object]) -> bool:
    if not isinstance(value, Mapping) or value.keys() != {"index", "of"} or not _is_int(value["of"], 1):
        return False
    return _is_int(value["index"], 0) and cast(int, value["index"]) < cast(int, value["of"])
