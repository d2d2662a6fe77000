"""The gallery of what LayerMix does to pictures of the test set."""

from collections.abc import Sequence
from pathlib import Path

from eval.gallery import augmentation_gallery
from eval.illustrations.album import Album
from eval.illustrations.stored import AugmentationRow
from eval.pictures import recorded_path
from eval.sets import LoaderPictures
from eval.subjects import Subject
from layermix import FractalBank, LayerMix


def chosen_bank(given: Path | None, subjects: Sequence[Subject]) -> tuple[Path | None, str]:
    """The fractal bank that is given or that the checkpoints name; None where there is none, and the reason."""
    if given is not None:
        return given, ""
    recorded = recorded_path(subjects, "fractals")
    if recorded is None:
        return None, "no fractals were given; add --fractals with a fractal bank"
    if not recorded.exists():
        return None, f"{recorded}, named by the checkpoints, is not there; add --fractals with a bank"
    return recorded, ""


def draw_augmentations(
    pictures: LoaderPictures, bank: Path, *, batch_size: int, seed: int, album: Album
) -> tuple[AugmentationRow, ...]:
    """A row an operation of LayerMix(8, 3), each on the next picture of the set; the pictures go into `album`."""
    policy = LayerMix()
    images = next(pictures.batches(batch_size, [0]))().images[: len(policy.operation_names())]
    rows = augmentation_gallery(images, FractalBank.open(bank), policy=policy, seed=seed)
    return tuple(
        AugmentationRow(operation=row.operation, pictures=tuple(album.add(picture) for picture in row.pictures))
        for row in rows
    )
