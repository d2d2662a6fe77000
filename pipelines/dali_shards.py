"""Stored pictures as DALI's own readers give them, shard after shard: `fn.readers.webdataset`, `tfrecord` and `mxnet`.

A reader begins at any record, for it is given an index that begins there. So what is read is a function of the samples
that are asked for, and where an epoch goes on is a number, not a checkpoint of DALI's (which gives the same: tested).
"""

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from nvidia.dali import fn
from nvidia.dali import tfrecord as tf
from nvidia.dali.pipeline import Pipeline

from layermix import InputError
from layermix.manifest import Manifest, read_manifest, read_side_file
from pipelines.records import Records

_AT_A_TIME = 32
"""Records that DALI reads in one go; it reads twice as many ahead."""


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
        """
        while self._coming[sample_id]:
            part = next(self._parts)
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
    """Generate {sample id: picture file}, some records a time; the next shard is opened while one is read."""
    files = np.searchsorted(records.first_ids, ids, side="right") - 1
    stretches = np.split(ids, np.flatnonzero(np.diff(files)) + 1) if len(ids) else []
    readers = (ShardReader(records, stretch) for stretch in stretches)
    for reader, _ in pairwise(chain(readers, [None])):
        yield from reader


class ShardReader:
    """Iterates over {sample id: picture file} of some records of one file, neighbours in it, a few at a time."""

    def __init__(self, records: Records, ids: np.ndarray) -> None:
        number = records.file_of(ids[0])
        self._file, self._ids = records.files[number], ids
        manifest, place = read_manifest(self._file), int(ids[0] - records.first_ids[number])
        self._shift = (manifest.first_id or 0) + place - ids[0]  # a file of a set may be opened by itself
        self._recorded_id = _RECORDED_IDS[manifest.format]
        with TemporaryDirectory() as folder:
            index = Path(folder, "index")
            index.write_bytes(_index_from(self._file, manifest, place))
            self._pipeline = _pipeline(manifest.format, self._file, index)
        self._pipeline.schedule_run()

    def __iter__(self) -> Iterator[dict[int, np.ndarray]]:
        for start in range(0, len(self._ids), _AT_A_TIME):
            ids = self._ids[start : start + _AT_A_TIME]
            pictures, recorded = self._outputs(ids[0])
            self._check(ids, [self._recorded_id(np.array(recorded[n])) for n in range(len(ids))])
            yield {sample_id: np.array(pictures[n]) for n, sample_id in enumerate(ids.tolist())}

    def _check(self, ids: np.ndarray, found: list[object]) -> None:
        for sample_id, expected, recorded in zip(ids, ids + self._shift, found):
            if recorded != expected:
                raise InputError(
                    f"{self._file}: where the record of sample {sample_id} should be, id {expected}, stands one of id "
                    f"{recorded}, so the file was damaged after it was written; copy or write it again"
                )

    def _outputs(self, first: int) -> tuple:
        """The next records, from sample `first` on; DALI goes on with those after them."""
        try:
            outputs = self._pipeline.share_outputs()
            self._pipeline.release_outputs()
            self._pipeline.schedule_run()
        except RuntimeError as error:
            reason = str(error).split("encountered:")[-1].split("C++ context")[0].strip()
            raise InputError(
                f"{self._file}: DALI's reader fails on sample {first} or one soon after it ({reason}); "
                f"python -m writers.verify {self._file} names it; copy or write the file again"
            ) from error
        return outputs


def _pipeline(container: str, file: Path, index: Path) -> Pipeline:
    """The graph of one file, built: picture files and what tells of the sample id. Its end is filled up by repeats."""
    pipeline = Pipeline(batch_size=_AT_A_TIME, num_threads=1, device_id=None, exec_dynamic=True, prefetch_queue_depth=1)
    with pipeline:
        outputs = _READERS[container](
            [str(file)], [str(index)], dont_use_mmap=True, pad_last_batch=True, prefetch_queue_depth=2
        )
        pipeline.set_outputs(*outputs)
    pipeline.build()
    return pipeline


def _webdataset(paths: list[str], indices: list[str], **settings: Any) -> Any:
    return fn.readers.webdataset(
        paths=paths, index_paths=indices, ext=["jpg;png", "id"], missing_component_behavior="error", **settings
    )


def _tfrecord(paths: list[str], indices: list[str], **settings: Any) -> Any:
    features = {
        "image/encoded": tf.FixedLenFeature((), tf.string, ""),  # pyright: ignore[reportAttributeAccessIssue]
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


def _index_from(file: Path, manifest: Manifest, first: int) -> bytes:
    """The index of a file from record `first` on, in the form that DALI's reader of the format wants."""
    if manifest.index is None:
        raise InputError(f"{file}: its manifest names no index; write the data set again")
    lines = read_side_file(file, manifest.index).splitlines(keepends=True)
    if manifest.format != "webdataset":
        return b"".join(lines[first:])
    version, _ = lines[0].split()
    return b"%s %d\n" % (version, manifest.count - first) + b"".join(lines[1 + first :])
