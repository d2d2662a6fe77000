"""The layouts of ImageNet-C, C̄ and P: a JPEG or a video for every picture, in folders by name, severity and class."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layermix.errors import InputError
from writers.atomic import output_errors
from writers.bad import BadPicture, OnBad
from writers.corrupted.layout import Done
from writers.corrupted.reading import CROP, Picture, SourceChoice, read_picture, shrunk
from writers.corrupted.video import encode_video
from writers.corruptions import PERTURBATION_BENCHMARKS, SEVERITIES, corrupt, perturb
from writers.corruptions.geometry import middle
from writers.source import Source

_QUALITY = 85
_BLOCKS = {False: 8, True: 1}
"""Pictures a unit, of pictures and of videos: some seconds of work, which is what a kill costs."""


@dataclass(frozen=True, kw_only=True)
class FolderLayout:
    """`name/severity/class/picture.JPEG`, 224 px, quality 85; of sequences `name/class/picture.mp4`.

    A unit is a few pictures under every name and severity, so that each picture is read and shrunk once. Files keep
    the name of a source that has files; others are numbered by sample id.
    """

    benchmark: str
    names: tuple[str, ...]
    seed: int
    source: SourceChoice
    count: int
    on_bad: OnBad

    @property
    def units(self) -> int:
        return -(-self.count // self._block)

    @property
    def total(self) -> int:
        return self.count * self._files_a_picture

    def owner(self, unit: int, ranks: int) -> int:
        return unit % ranks

    def begin(self, folder: Path, units: Sequence[int]) -> None:
        """Nothing: folders are made with the first file in them."""

    def make(self, folder: Path, unit: int) -> Done:
        start, bad = unit * self._block, []
        stop = min(self.count, start + self._block)
        for index in range(start, stop):
            picture = read_picture(self._open_source, index)
            if isinstance(picture, Picture):
                self._write(folder, index, picture)
            elif self.on_bad == "fail":
                raise InputError(f"{picture.path}: {picture.reason}")
            else:
                bad.append(picture)
        return Done(written=(stop - start - len(bad)) * self._files_a_picture, bad=tuple(bad))

    def finish(self, folder: Path, bad: Sequence[BadPicture]) -> Mapping[str, Any]:
        """Count the files of every name and severity."""
        pictures = self.count - len(bad)
        for place in self._places:
            found = sum(1 for _ in (folder / place).glob("*/*"))
            if found != pictures:
                raise InputError(
                    f"{folder / place}: holds {found:,} files for {pictures:,} pictures; two pictures of a class have "
                    "one name, or files were removed; mend that and start over with --overwrite"
                )
        return {"pictures": pictures}

    def _write(self, folder: Path, index: int, picture: Picture) -> None:
        place = Path(self._open_source.classes[picture.label]) / self._file_name(index, picture.name)
        image = shrunk(picture.image)
        for name in self.names:
            if self._is_sequence:
                (frames,) = perturb([image], name, self.seed, [index], self.benchmark)
                _write_file(folder / name / place.with_suffix(".mp4"), encode_video(frames, grain="noise" in name))
                continue
            crop = np.ascontiguousarray(middle(image, CROP, CROP))[None]
            for severity in SEVERITIES:
                (made,) = corrupt(crop, name, severity, self.seed, [index], self.benchmark)
                _write_file(folder / name / str(severity) / place, _jpeg(made))

    def _file_name(self, index: int, name: str) -> str:
        """`x.JPEG` for a picture file x.JPEG, x.jpg or x.jpeg, `x.png.JPEG` for x.png, else the sample id."""
        if self.source.kind not in ("folder", "ilsvrc-tar"):
            return f"{index:08d}.JPEG"
        path = Path(name)
        return f"{path.stem if path.suffix.lower() in ('.jpeg', '.jpg') else path.name}.JPEG"

    @cached_property
    def _open_source(self) -> Source:
        return self.source.open()

    @property
    def _is_sequence(self) -> bool:
        return self.benchmark in PERTURBATION_BENCHMARKS

    @property
    def _block(self) -> int:
        return _BLOCKS[self._is_sequence]

    @property
    def _places(self) -> list[str]:
        """The folder of every name and severity."""
        if self._is_sequence:
            return list(self.names)
        return [f"{name}/{severity}" for name in self.names for severity in SEVERITIES]

    @property
    def _files_a_picture(self) -> int:
        return len(self._places)


def _jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()


def _write_file(path: Path, data: bytes) -> None:
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
