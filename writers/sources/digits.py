"""scikit-learn's handwritten digits, the data set that needs no download."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, cast

import cv2
import numpy as np
from sklearn.datasets import load_digits

from writers.fingerprint import fingerprint
from writers.source import Sample

SIDE = 32
"""Side of the pictures in pixels, CIFAR's."""

_FULL = 16.0
"""Brightest value in scikit-learn's pictures."""

_TEST_EVERY = 5


class DigitsSource:
    """The 1,797 digits of 8 px, enlarged to 32 px RGB, uint8, by bicubic interpolation.

    Every fifth picture of each class is in "test" (355), the others are in "train" (1,442): the same in every
    run.
    """

    classes = tuple(str(digit) for digit in range(10))

    def __init__(self, split: Literal["train", "test"]) -> None:
        pixels, labels = cast(tuple[np.ndarray, np.ndarray], load_digits(return_X_y=True))
        chosen = _is_test(labels) == (split == "test")
        self._images = pixels[chosen].reshape(-1, 8, 8).astype(np.float32)
        self._labels = labels[chosen]
        self._split = split
        self._fingerprint = fingerprint([(hashlib.sha256(self._images.tobytes()).hexdigest(), len(labels))])

    def __len__(self) -> int:
        return len(self._labels)

    def read(self, index: int) -> Sample:
        enlarged = cv2.resize(self._images[index], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        gray = np.rint(np.clip(enlarged * (255 / _FULL), 0, 255)).astype(np.uint8)
        image = np.repeat(gray[..., None], 3, axis=2)
        return Sample(image=image, label=int(self._labels[index]), name=f"digits {self._split} {index}")

    def describe(self) -> Mapping[str, Any]:
        return {"name": "digits", "split": self._split, "fingerprint": self._fingerprint}


def _is_test(labels: np.ndarray) -> np.ndarray:
    """bool (n,): the last of every five pictures of a class, in the order of the set."""
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[_TEST_EVERY - 1 :: _TEST_EVERY]] = True
    return chosen
