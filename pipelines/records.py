"""The stored pictures of a data set in one of DALI's formats, in any order, by the table beside each file."""

import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from layermix import InputError
from layermix.manifest import Manifest, data_files, read_manifest
from layermix.recordio import is_whole, unsplit
from layermix.samples import read_samples


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """What stands where in the files of a set; close it, or use it in a `with` block."""

    manifest: Manifest
    """Of the whole set."""
    files: tuple[Path, ...]
    """The files that hold the samples, in the order of the ids."""
    first_ids: np.ndarray
    """int64 (files,): sample id of the first sample of each file."""
    samples: np.ndarray
    """`layermix.samples.SAMPLE` (count,): a row a sample; addresses count from the start of the sample's file."""
    contents: tuple[np.ndarray, ...]
    """The files mapped into memory, uint8, read-only; () where they are read instead."""
    descriptors: tuple[int, ...]
    """The files open for reading; () where they are mapped."""

    @classmethod
    def open(cls, data: Path, *, os_cache: bool) -> Self:
        """Open the set `data`, a file or the name of a set of shards.

        Args:
            os_cache: True maps the files; False reads each picture when it is asked for.

        Raises:
            InputError: no such set, damaged, unfinished, without a table of its samples, or no pictures.
        """
        manifest = read_manifest(data)
        if manifest.kind != "images":
            raise InputError(f"{data}: holds {manifest.kind}, not images; pass it as `fractals`")
        files = data_files(data, manifest)
        parts = [read_samples(file, read_manifest(file) if manifest.shards else manifest) for file in files]
        samples, counts = np.concatenate(parts), [len(part) for part in parts]
        _check_labels(data, samples["label"], manifest)
        return cls(
            manifest=manifest, files=files, first_ids=np.cumsum([0, *counts[:-1]]), samples=samples,
            contents=tuple(np.memmap(file, np.uint8, mode="r").view(np.ndarray) for file in files) if os_cache else (),
            descriptors=() if os_cache else tuple(os.open(file, os.O_RDONLY) for file in files),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def counts(self) -> list[int]:
        """Samples of each file."""
        return np.diff(self.first_ids, append=len(self.samples)).tolist()

    def file_of(self, sample_id: int) -> int:
        """Number of the file that holds a sample."""
        return int(self.files_of(sample_id))

    def files_of(self, sample_ids: np.ndarray | int) -> np.ndarray:
        """Numbers of the files that hold samples."""
        return np.searchsorted(self.first_ids, sample_ids, side="right") - 1

    def stored(self, sample_id: int) -> np.ndarray:
        """The picture file of a sample, a JPEG or PNG: uint8 (bytes,), without a copy where the set is mapped.

        Of a record that recordio had to split and that is damaged between its parts, no bytes: it does not decode.
        """
        number, (record, _, start, size, *_) = self.file_of(sample_id), self.samples[sample_id].tolist()
        if self.manifest.format != "recordio":
            return self._bytes(number, start, size)
        content = self._bytes(number, record, start - record + size)
        head, picture = content[: start - record].tobytes(), content[start - record :]
        if is_whole(head):
            return picture
        try:
            return np.frombuffer(unsplit(head, picture.tobytes()), np.uint8)
        except ValueError:
            return np.empty(0, np.uint8)

    def _bytes(self, number: int, start: int, size: int) -> np.ndarray:
        if self.contents:
            return self.contents[number][start : start + size]
        content = os.pread(self.descriptors[number], size, start)
        if len(content) < size:
            raise InputError(f"{self.files[number]}: became shorter while it was read; copy or write it again")
        return np.frombuffer(content, np.uint8)

    def is_sound(self, sample_id: int) -> bool:
        """Whether a picture decodes to its last pixel, and to the size in the table."""
        row = self.samples[sample_id]
        try:
            with Image.open(BytesIO(self.stored(sample_id).tobytes())) as picture:
                picture.load()
                return picture.size == (row["width"], row["height"])
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return False

    def close(self) -> None:
        """Close the files. Pictures from mapped files stay readable for as long as they are referred to."""
        for number in self.descriptors:
            os.close(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _check_labels(data: Path, labels: np.ndarray, manifest: Manifest) -> None:
    least, most = int(labels.min()), int(labels.max())
    if not 0 <= least <= most < len(manifest.classes):
        raise InputError(
            f"{data}: holds labels {least} to {most}, its manifest tells of {len(manifest.classes)} classes; "
            "copy or write it again"
        )
