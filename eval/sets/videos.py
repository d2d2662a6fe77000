"""Videos in class folders, decoded by PyAV: ImageNet-P."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError

from eval.sets.folders import FolderPictures, central_square
from layermix.errors import InputError
from writers.source import Sample


class FolderVideos(FolderPictures):
    """The videos of `root/<class>/*`, each of `frames` frames, as sequences of `size` pixels; else as FolderPictures.

    A video that does not decode, or has another number of frames, is a bad sample.
    """

    def __init__(self, root: Path, classes: Sequence[str], *, size: int, frames: int) -> None:
        super().__init__(root, classes, size=size, center_ratio=1.0)
        self.frames: int = frames

    def _room(self, count: int) -> np.ndarray:
        return np.empty((count, self.frames, self._size, self._size, 3), np.uint8)

    def _decode(self, sample: Sample, out: np.ndarray) -> None:
        found = 0
        for found, frame in enumerate(_frames(cast(bytes, sample.image), sample.name), 1):
            if found > self.frames:
                raise InputError(f"{sample.name}: must have {self.frames} frames, got more; copy it again")
            central_square(frame, self._ratio, out[found - 1])
        if found < self.frames:
            raise InputError(f"{sample.name}: must have {self.frames} frames, got {found}; copy it again")


def _frames(data: bytes, name: str):
    """The frames of a video file, uint8 RGB (H, W, 3); InputError for one that does not decode to its end."""
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
    except (FFmpegError, IndexError, ValueError) as error:
        said = error.strerror if isinstance(error, FFmpegError) and error.strerror else str(error)
        reason = " ".join(said.split()) or type(error).__name__
        raise InputError(f"{name}: the video cannot be decoded ({reason:.200}); copy it again") from error
