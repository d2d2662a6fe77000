"""The pictures of a report and what they show, in a folder beside the record of the evaluation.

    STORE/evaluations/<hash>/illustrations.json     what is shown, by names of pictures
    STORE/evaluations/<hash>/<hash>.png             the pictures, also .jpeg

The description is written last, so where it is, all pictures are. A report is made from them without a model.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.illustrations.album import Album
from layermix.config import build, to_mapping
from layermix.errors import InputError
from layermix.files import atomic_file, read_file

DESCRIPTION = "illustrations.json"

NOT_STORED = "the store holds no pictures of this evaluation; run the same python -m eval again"


@dataclass(frozen=True, kw_only=True)
class AugmentationRow:
    """One operation of LayerMix: names of the pictures of `eval.gallery.STAGES`."""

    operation: str
    pictures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WorstError:
    """A picture that a model took for `said` instead of its `label`, both names of classes, with this confidence.

    `explanation` is the picture with the Grad-CAM map of `said` over it; "" where none was asked for.
    """

    sample_id: int
    label: str
    said: str
    confidence: float
    picture: str
    explanation: str = ""


@dataclass(frozen=True, kw_only=True)
class WorstErrors:
    """The most confident of the `mistakes` that a model made on a cell of `count` pictures, the worst first."""

    model: str
    cell: str
    mistakes: int
    count: int
    errors: tuple[WorstError, ...]

    @property
    def title(self) -> str:
        """The cell in words: `Clean pictures`, or `Fog, severity 3`."""
        _, _, rest = self.cell.partition("/")
        corruption, _, severity = rest.replace("_", " ").partition("/")
        return f"{corruption.capitalize()}, severity {severity}" if rest else "Clean pictures"


@dataclass(frozen=True, kw_only=True)
class Illustrations:
    """What the report shows in pictures, or why it shows no augmentations."""

    augmentations: tuple[AugmentationRow, ...] = ()
    missing: str = ""
    worst: tuple[WorstErrors, ...] = ()

    def by_cell(self) -> dict[str, list[WorstErrors]]:
        """The worst errors of all models by title of the cell, in the order of the cells."""
        found: dict[str, list[WorstErrors]] = {}
        for row in self.worst:
            found.setdefault(row.title, []).append(row)
        return found

    @property
    def explains(self) -> bool:
        """Whether any error is shown with its Grad-CAM map."""
        return any(error.explanation for found in self.worst for error in found.errors)

    def pictures(self) -> Iterator[str]:
        """Names of all pictures."""
        for row in self.augmentations:
            yield from row.pictures
        for found in self.worst:
            for error in found.errors:
                yield from filter(None, (error.picture, error.explanation))


def are_stored(folder: Path) -> bool:
    """Whether `folder` holds illustrations."""
    return (folder / DESCRIPTION).is_file()


def save_illustrations(folder: Path, illustrations: Illustrations, album: Album) -> None:
    """Write the pictures and then what they show."""
    album.save(folder)
    with atomic_file(folder / DESCRIPTION) as file:
        file.write((json.dumps(to_mapping(illustrations), indent=1, ensure_ascii=False) + "\n").encode())


def read_illustrations(folder: Path) -> tuple[Illustrations, Album]:
    """What `save_illustrations` wrote; where it wrote nothing, illustrations that say so.

    InputError for a description or a picture that is damaged.
    """
    if not are_stored(folder):
        return Illustrations(missing=NOT_STORED), Album()
    path = folder / DESCRIPTION
    try:
        values = json.loads(read_file(path))
    except ValueError as error:
        raise InputError(f"{path}: is damaged ({error}); remove it and run the evaluation again") from error
    illustrations = build(Illustrations, values, str(path))
    return illustrations, Album.read(folder, set(illustrations.pictures()))
