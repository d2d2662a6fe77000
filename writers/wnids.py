"""ImageNet's classes by wnid, and subsets of the classes of a source."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from layermix.errors import InputError
from writers.source import Sample, Source

_TABLE = Path(__file__).parent / "data" / "imagenet_wnids.json"


class LabelledSource(Source, Protocol):
    """A source that knows its labels, int64 (n,), without reading the pictures."""

    labels: np.ndarray


def imagenet_wnids(name: str) -> tuple[str, ...]:
    """The wnids of "imagenet-1k" (1,000), or of 200 classes: "imagenet-200" (ImageNet-R's), "imagenet-a", "imagenet-o".

    In class order, which is sorted.
    """
    return tuple(json.loads(_TABLE.read_text(encoding="utf-8"))[name])


def read_subset(subset: str) -> tuple[str, ...]:
    """The classes of --subset in sorted order: imagenet-200, or a file of one class name a line."""
    if subset == "imagenet-200":
        return imagenet_wnids(subset)
    try:
        lines = Path(subset).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--subset {subset}: cannot be read ({error}); give imagenet-200 or a file") from error
    if not lines or len(set(lines)) != len(lines):
        raise InputError(f"--subset {subset}: must list each class once, one a line; mend the file")
    return tuple(sorted(lines))


class ClassSubset:
    """The pictures of some classes of a source, in its order; labels count these classes in sorted order.

    InputError: a class that the source has not.
    """

    def __init__(self, source: LabelledSource, classes: tuple[str, ...], name: str) -> None:
        missing = sorted(set(classes) - set(source.classes))
        if missing:
            raise InputError(f"--subset {name}: the source has no class {missing[0]} ({len(missing)} are missing)")
        places = {wnid: place for place, wnid in enumerate(classes)}
        new_labels = np.array([places.get(wnid, -1) for wnid in source.classes])
        self._source, self._name, self.classes = source, name, classes
        self._indices = np.flatnonzero(new_labels[source.labels] >= 0)
        self.labels = new_labels[source.labels][self._indices]
        if len(self._indices) == 0:
            raise InputError(f"--subset {name}: the source has no picture of these classes; choose others")

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, index: int) -> Sample:
        sample = self._source.read(int(self._indices[index]))
        return Sample(image=sample.image, label=int(self.labels[index]), name=sample.name)

    def describe(self) -> Mapping[str, Any]:
        return {**self._source.describe(), "subset": self._name}
