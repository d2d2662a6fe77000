"""Stored pictures as DALI's own readers give them, shard after shard: `fn.readers.webdataset`, `tfrecord` and `mxnet`.

A reader begins at any record, for it is given an index that begins there. So what is read is a function of the samples
that are asked for, and where an epoch goes on is a number, not a checkpoint of DALI's (which gives the same: tested).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from nvidia.dali import fn
from nvidia.dali import tfrecord as tf
from nvidia.dali.pipeline import Pipeline

from layermix import InputError
from layermix.manifest import Manifest, read_manifest, read_side_file
from pipelines.records import Records

_AT_A_TIME = 32
"""Records that DALI reads in one go; it reads twice as many ahead."""
_FILES = 32
"""Files of one reader: it keeps all of them open, and at its end reads a little in vain."""


class ShardStream:
    """The stored pictures of some samples, of which those to come are read from the disk in one sweep; close it.

    A picture that was read is kept until it is asked for: asked in the order of a shuffle buffer, this is the buffer.

    Args:
        records: the set.
        ids: int64 (n,), the samples to read, in this order. Those of one file are neighbours in it, and are together.
    """

    def __init__(self, records: Records, ids: np.ndarray) -> None:
        self._records, self._held = records, dict[int, np.ndarray]()
        self._coming = np.zeros(len(records), bool)
        self._coming[ids] = True
        self._parts = _read_parts(records, ids)

    def stored(self, sample_id: int) -> np.ndarray:
        """The picture file of a sample, uint8 (bytes,): from what was read, or by its address where the sweep is past
        it or does not come by it.

        Raises:
            InputError: DALI's reader failed, or gave another sample than stands at its place.
            RuntimeError: the stream was closed, by its owner or by such an error.
        """
        while self._coming[sample_id]:
            part = next(self._parts, None)
            if part is None:  # not StopIteration, which a DALI source takes for the end of the epoch
                raise RuntimeError(f"sample {sample_id} is asked of a stream that was closed; open a new one")
            self._held.update(part)
            self._coming[list(part)] = False
        return self._held.pop(sample_id) if sample_id in self._held else self._records.stored(sample_id)

    def __len__(self) -> int:
        """Pictures held."""
        return len(self._held)

    def close(self) -> None:
        """End DALI's threads."""
        self._parts.close()


def _read_parts(records: Records, ids: np.ndarray) -> Any:
    """Generate {sample id: picture file}, some records a time; the next reader is opened while one is read."""
    edges = np.flatnonzero(np.diff(records.files_of(ids))) + 1
    stretches = np.split(ids, edges) if len(ids) else []
    starts = range(0, len(stretches), _FILES)
    readers = (ShardReader(records, stretches[start : start + _FILES]) for start in starts)
    for reader, _ in pairwise(chain(readers, [()])):
        yield from reader


class ShardReader:
    """Iterates over {sample id: picture file}, some records at a time.

    Args:
        records: the set.
        stretches: sample ids that are neighbours in a file, int64 (n,), a file each: all of it, but for the first that
            may begin anywhere, and for the last that may end anywhere.
    """

    def __init__(self, records: Records, stretches: Sequence[np.ndarray]) -> None:
        self._records, self._ids = records, np.concatenate(stretches)
        parts = [_Part.of(records, int(stretch[0])) for stretch in stretches]
        self._recorded = np.concatenate([part.recorded(len(ids)) for part, ids in zip(parts, stretches)])
        self._recorded_id = _RECORDED_IDS[records.manifest.format]
        with TemporaryDirectory() as folder:
            self._pipeline = _pipeline(records.manifest.format, parts, Path(folder))
        self._pipeline.schedule_run()

    def __iter__(self) -> Iterator[dict[int, np.ndarray]]:
        for start in range(0, len(self._ids), _AT_A_TIME):
            place = slice(start, start + _AT_A_TIME)
            pictures, marks = self._outputs(self._ids[start])
            self._check(place, [self._recorded_id(np.array(mark)) for mark in marks])
            yield {sample_id: np.array(picture) for sample_id, picture in zip(self._ids[place].tolist(), pictures)}

    def _check(self, place: slice, found: list[object]) -> None:
        for sample_id, expected, recorded in zip(self._ids[place], self._recorded[place], found):
            if recorded != expected:
                raise InputError(
                    f"{self._file(sample_id)}: where the record of sample {sample_id} should be, id {expected}, stands "
                    f"one of id {recorded}, so the file was damaged after it was written; copy or write it again"
                )

    def _file(self, sample_id: int) -> Path:
        return self._records.files[self._records.file_of(sample_id)]

    def _outputs(self, first: int) -> tuple:
        """The next records, from sample `first` on; DALI goes on with those after them."""
        try:
            outputs = self._pipeline.share_outputs()
            self._pipeline.release_outputs()
            self._pipeline.schedule_run()
        except RuntimeError as error:
            reason = str(error).split("encountered:")[-1].split("C++ context")[0].strip()
            raise InputError(
                f"{self._file(first)}: DALI's reader fails on sample {first} or one soon after it ({reason}); "
                "python -m writers.verify names it; copy or write the file again"
            ) from error
        return outputs


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One file from one record on."""

    file: Path
    manifest: Manifest
    place: int
    """Of the first record."""

    @classmethod
    def of(cls, records: Records, sample_id: int) -> Self:
        number = records.file_of(sample_id)
        file = records.files[number]
        return cls(file=file, manifest=read_manifest(file), place=sample_id - int(records.first_ids[number]))

    def recorded(self, count: int) -> np.ndarray:
        """The ids that stand in the first `count` records; others than those in the set, where it is part of one."""
        return (self.manifest.first_id or 0) + self.place + np.arange(count)

    def index(self) -> bytes:
        """The index of these records, in the form that DALI's reader of the format wants."""
        if self.manifest.index is None:
            raise InputError(f"{self.file}: its manifest names no index; write the data set again")
        lines = read_side_file(self.file, self.manifest.index).splitlines(keepends=True)
        if self.manifest.format != "webdataset":
            return b"".join(lines[self.place :])
        version, _ = lines[0].split()
        return b"%s %d\n" % (version, self.manifest.count - self.place) + b"".join(lines[1 + self.place :])


def _pipeline(container: str, parts: Sequence[_Part], folder: Path) -> Pipeline:
    """The graph of some files, built: picture files and what tells of the sample id. Repeats fill up its end.

    Args:
        folder: for index files, which DALI reads now.
    """
    indices = [part.index() for part in parts]
    if container == "recordio":
        indices = [_one_index(indices, [part.manifest.bytes for part in parts])]
    names = [folder / str(number) for number in range(len(indices))]
    for name, index in zip(names, indices):
        name.write_bytes(index)
    pipeline = Pipeline(batch_size=_AT_A_TIME, num_threads=1, device_id=None, exec_dynamic=True, prefetch_queue_depth=1)
    with pipeline:
        outputs = _READERS[container](
            [str(part.file) for part in parts], [str(name) for name in names],
            dont_use_mmap=True, pad_last_batch=True, prefetch_queue_depth=2,
        )  # fmt: skip
        pipeline.set_outputs(*outputs)
    pipeline.build()
    return pipeline


def _one_index(indices: Sequence[bytes], sizes: Sequence[int]) -> bytes:
    """DALI takes one index for several files of recordio, in which addresses go on from file to file."""
    lines, start = [], 0
    for index, size in zip(indices, sizes):
        rows = (line.split() for line in index.splitlines())
        lines += [b"%s\t%d\n" % (number, int(address) + start) for number, address in rows]
        start += size
    return b"".join(lines)


def _webdataset(paths: list[str], indices: list[str], **settings: Any) -> Any:
    return fn.readers.webdataset(
        paths=paths, index_paths=indices, ext=["jpg;png", "id"], missing_component_behavior="error", **settings
    )


def _tfrecord(paths: list[str], indices: list[str], **settings: Any) -> Any:
    features = {
        "image/encoded": tf.FixedLenFeature([], tf.string, ""),  # pyright: ignore[reportAttributeAccessIssue]
        "image/id": tf.FixedLenFeature([1], tf.int64, -1),  # pyright: ignore[reportAttributeAccessIssue]
    }
    read: Any = fn.readers.tfrecord(path=paths, index_path=indices, features=features, **settings)
    return [read[name] for name in features]


def _recordio(paths: list[str], indices: list[str], **settings: Any) -> Any:
    return fn.readers.mxnet(path=paths, index_path=indices, **settings)


def _webdataset_id(text: np.ndarray) -> object:
    digits = text.tobytes()
    return int(digits) if digits.isdigit() else digits


def _recordio_id(labels: np.ndarray) -> object:
    """Of MXNet's labels: the label, and the id divided by 2^24 and its rest."""
    _, high, low = labels.tolist()
    return high * 2.0**24 + low


_READERS: dict[str, Callable[..., Any]] = {"webdataset": _webdataset, "tfrecord": _tfrecord, "recordio": _recordio}
_RECORDED_IDS: dict[str, Callable[[np.ndarray], object]] = {
    "webdataset": _webdataset_id,
    "tfrecord": np.ndarray.item,
    "recordio": _recordio_id,
}
