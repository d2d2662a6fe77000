"""The frames of video files, as of ImageNet-P (<perturbation>/<wnid>/<video>.mp4): each frame is a picture."""

import io
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import av
import numpy as np

from layermix.errors import InputError
from layermix.pictures import MAX_PIXELS
from writers.source import Sample, Source

_TRIALS = 5
"""Videos that are decoded when the source is opened, to know how many frames each has."""

_KEPT = 16
"""Decoded videos that are kept: the frames of one are asked for one by one, by several threads."""


@dataclass(eq=False)
class _Kept:
    """A decoded video: its number, the sample that it was read from and its frames."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    number: int = -1
    video: Sample = field(default_factory=lambda: Sample(image=b"", label=0, name=""))
    pictures: Sequence[np.ndarray] = ()


class VideoSource:
    """The frames of all videos of a source of files, video by video; the label of a frame is that of its video.

    All videos have `frames` frames, the number that most of the first few have. One that does not decode without a
    fault or has another number is an InputError at each of its frames: it is left out whole or not at all. InputError
    on opening where none of the first few decodes.
    """

    def __init__(self, files: Source) -> None:
        self._files, self.classes = files, files.classes
        self.frames = _usual_length(files)
        self._kept = [_Kept() for _ in range(_KEPT)]

    def __len__(self) -> int:
        return len(self._files) * self.frames

    def read(self, index: int) -> Sample:
        number, frame = divmod(index, self.frames)
        kept = self._kept[number % _KEPT]
        with kept.lock:
            if kept.number != number:
                video = self._files.read(number)
                kept.pictures, kept.video, kept.number = decode_video(video), video, number
            video, pictures = kept.video, kept.pictures
        if len(pictures) != self.frames:
            found = f"has {len(pictures)} frames, most of the first videos have {self.frames}"
            raise InputError(f"{video.name}: {found}; replace it or remove it")
        return Sample(image=pictures[frame], label=video.label, name=f"{video.name} frame {frame}")

    def describe(self) -> Mapping[str, Any]:
        return {**self._files.describe(), "name": "videos"}


def _usual_length(files: Source) -> int:
    lengths, failure = Counter[int](), None
    for number in range(min(_TRIALS, len(files))):
        try:
            lengths[len(decode_video(files.read(number)))] += 1
        except InputError as error:
            failure = error
    if not lengths:
        raise failure or InputError("--root holds no video; give the folder of one perturbation")
    return lengths.most_common(1)[0][0]


def decode_video(video: Sample) -> list[np.ndarray]:
    """All frames of a video file, uint8 RGB (H, W, 3) each.

    FFmpeg is told to fail where it would else paint over damage. InputError with the name of the video: no video in
    it, damaged or cut, no frame, or more than MAX_PIXELS in all.
    """
    try:
        return _frames(video)
    except InputError:
        raise
    except Exception as error:  # FFmpeg's errors and those of hostile numbers in headers have no common type
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{video.name}: cannot be decoded as a video ({reason:.200}); replace or remove it") from error


def _frames(video: Sample) -> list[np.ndarray]:
    pictures, pixels = [], 0
    opened: Any = av.open(io.BytesIO(cast(bytes, video.image)))
    with opened as container:
        if not container.streams.video:
            raise InputError(f"{video.name}: holds no video; replace it or remove it")
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        for frame in container.decode(stream):
            pixels += frame.width * frame.height
            if frame.is_corrupt or pixels > MAX_PIXELS:
                reason = "is damaged" if frame.is_corrupt else f"more than {MAX_PIXELS} pixels up to here"
                raise InputError(f"{video.name}: frame {len(pictures)} {reason}; replace it or remove it")
            pictures.append(frame.to_ndarray(format="rgb24"))
    if not pictures:
        raise InputError(f"{video.name}: holds no frame; replace it or remove it")
    return pictures
