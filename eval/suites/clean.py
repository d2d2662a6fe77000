"""Clean error: every picture once, unchanged; of ImageNet also on the pictures that the published program showed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from eval.metrics import wilson_interval
from eval.predictions import CellPredictions, Predictions
from eval.suites.planning import Context, Planned
from eval.suites.protocol import Cell, Group, Measurement, Shift

CLEAN = "clean"

PUBLISHED_BATCH = 32
"""Pictures of a batch of the published ImageNet program, which leaves out the last one where it is not full.

Source: the authors' released `imagenet.py`, whose validation loader has `drop_last=True` and `--batch-size-val`, 32
unless given. Its loaders of C, C-bar and R leave out none, and neither does `cifar.py`.
"""


@dataclass(frozen=True, kw_only=True)
class Clean:
    """Top-1 error, and top-5 error where there are more than five classes.

    By the paper's protocol on whole batches of `whole_batches` pictures alone; None where both protocols are one.
    """

    name: ClassVar[str] = CLEAN
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    whole_batches: int | None = None

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The clean pictures."""
        size = published_batch(context)
        suite = cls(whole_batches=size if "paper" in context.options.protocols else None)
        return Planned(suite=suite, cells=(clean_cell(context),), shifts=(clean_shift(size),))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` and `top5_error` with Wilson intervals."""
        if CLEAN not in predictions:
            return []
        found = predictions[CLEAN]
        published = [
            _error(self.name, CLEAN, k, wrong, protocol="paper", detail=f"{len(wrong):,} of {len(found):,} pictures")
            for k, wrong in self.published_mistakes(found).items()
        ]
        return [*top_errors(self.name, CLEAN, found), *published]

    def published_mistakes(self, found: Predictions) -> dict[int, np.ndarray]:
        """By k the top-k mistakes, bool (N,), on the pictures that the published program showed; {} where none was."""
        if self.whole_batches is None or len(found) < self.whole_batches:
            return {}
        shown = in_whole_batches(found.labels, self.whole_batches)
        return {k: found.mistakes(k)[shown] for k in error_ranks(found)}


def clean_cell(context: Context) -> Cell:
    """The clean pictures, which several suites need."""
    return Cell(key=CLEAN, pictures=context.pictures)


def clean_shift(whole_batches: int | None = None) -> Shift:
    """The clean pictures as a set that calibration is judged on."""
    group = Group(name=CLEAN, cells=(CLEAN,))
    return Shift(name=CLEAN, groups=(group,), paired=True, whole_batches=whole_batches)


def published_batch(context: Context) -> int | None:
    """The size of the batches of clean pictures of which the published program left out a last one; None for none."""
    return PUBLISHED_BATCH if context.family == "imagenet" else None


def in_whole_batches(labels: np.ndarray, size: int) -> np.ndarray:
    """Which pictures are in whole batches: bool (N,), from labels (N,).

    Batches follow the order of the classes and, within a class, of the file, as the published program reads folders.
    """
    shown = np.zeros(len(labels), bool)
    shown[np.argsort(labels, kind="stable")[: len(labels) // size * size]] = True
    return shown


def top_errors(suite: str, cell: str, found: Predictions) -> list[Measurement]:
    """`top1_error`, and `top5_error` of more than five classes, of one cell."""
    return [_error(suite, cell, k, found.mistakes(k)) for k in error_ranks(found)]


def error_ranks(found: Predictions) -> tuple[int, ...]:
    """The k of the top-k errors that are measured."""
    is_large = found.order is not None or found.logits.shape[1] > 5
    return (1, 5) if is_large else (1,)


def _error(
    suite: str, cell: str, k: int, wrong: np.ndarray, *, protocol: str = "strict", detail: str = ""
) -> Measurement:
    errors, count = int(wrong.sum()), len(wrong)
    return Measurement(
        suite=suite,
        cell=cell,
        metric=f"top{k}_error",
        protocol=protocol,
        value=errors / count,
        count=count,
        interval=wilson_interval(errors, count),
        detail=detail,
    )
