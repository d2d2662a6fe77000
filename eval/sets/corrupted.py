"""The released files of C and C-bar: five sets a corruption, severity 1 first."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.sets.arrays import ArrayPictures, open_array, open_labels
from eval.sets.folders import FolderPictures
from layermix.errors import InputError

SEVERITIES = (1, 2, 3, 4, 5)


def open_cifar_corruption(
    folder: Path, name: str, *, size: int, classes: int, labels: np.ndarray
) -> list[ArrayPictures]:
    """`<name>.npy`, severity-major, and `labels.npy`: five times the pictures of the test set, in its order.

    `labels` int64 (N,) are those of the test set. InputError: a file that is missing, cut off, or of another shape or
    number, and labels in another order.
    """
    path = folder / f"{name}.npy"
    images, found = open_array(path, (None, size, size, 3)), open_labels(folder / "labels.npy", classes)
    count = len(labels)
    for file, length in ((path, len(images)), (folder / "labels.npy", len(found))):
        if length != len(SEVERITIES) * count:
            raise InputError(
                f"{file}: must hold five times the {count} pictures of the test set, got {length}; "
                "give --data the test set that it was made from"
            )
    differing = int((found != np.tile(labels, len(SEVERITIES))).sum())
    if differing:
        raise InputError(
            f"{folder / 'labels.npy'}: must be the labels of the test set five times over, {differing} of {len(found)} "
            "differ; give --data the test set in the order of the released files"
        )
    parts = [range(place * count, (place + 1) * count) for place in range(len(SEVERITIES))]
    return [ArrayPictures(images, labels, path, part) for part in parts]


def open_imagenet_corruption(
    folder: Path, name: str, *, classes: Sequence[str], size: int, center_ratio: float
) -> list[FolderPictures]:
    """`[group/]<name>/<severity>/<wnid>/*`; severity folders are 1 to 5, or numbers such as 0.80 that rise.

    InputError: no such folder, not five severities, classes that differ from `classes`, or severities that do not hold
    pictures of the same names.
    """
    found = [path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_dir()]
    if not found:
        raise InputError(f"{folder / name}: no such corruption, here or in a group folder; unpack it there")
    severities = sorted((path for path in found[0].iterdir() if _is_number(path)), key=lambda path: float(path.name))
    if len(severities) != len(SEVERITIES):
        raise InputError(f"{found[0]}: must hold five severities, got {len(severities)}; unpack it again")
    sets = [FolderPictures(path, classes, size=size, center_ratio=center_ratio) for path in severities]
    every = set().union(*(pictures.names for pictures in sets))
    for path, pictures in zip(severities, sets):
        if lacking := sorted(every.difference(pictures.names)):
            raise InputError(
                f"{path}: must hold the same pictures as the other severities, {len(lacking)} of {len(every)} are not "
                f"there ({', '.join(lacking[:3])}); unpack the corruption again"
            )
    return sets


def _is_number(path: Path) -> bool:
    return path.is_dir() and path.name.replace(".", "", 1).isdecimal()
