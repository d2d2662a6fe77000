"""The contract between picture sources and writers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture of a source.

    image: decoded pixels, uint8 RGB of shape (H, W, 3) (fractals: gray (H, W) too), or the encoded bytes of a
        picture file exactly as found, not yet checked.
    label: index into the classes of the source.
    name: what an error message calls the picture: its path, or file and row.
    """

    image: np.ndarray | bytes
    label: int
    name: str


class Source(Protocol):
    """A finite, ordered, labelled set of pictures; the index of a picture becomes its sample id.

    `read` is called from several threads at once, in roughly ascending order, and gives the same sample
    whenever it is asked again. Input that cannot be read is an InputError that names it; an OSError never
    leaves a source. A source of sequences, such as videos, yields their pictures one after the other and has
    `frames`, the number of pictures of each.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""
        ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> Sample:
        """The picture at `index`, 0 <= index < len(self)."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Origin of the pictures for the manifest: values that JSON can hold, the same at every call."""
        ...


def frames_of(source: Source) -> dict[str, int]:
    """The manifest's option `frames` of a source of sequences; nothing for others."""
    frames = getattr(source, "frames", None)
    return {} if frames is None else {"frames": frames}
