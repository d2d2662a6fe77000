"""Clean error: every picture once, unchanged."""

from dataclasses import dataclass
from typing import ClassVar

from eval.metrics import wilson_interval
from eval.predictions import CellPredictions, Predictions
from eval.suites.planning import Context, Planned
from eval.suites.protocol import Cell, Group, Measurement, Shift

CLEAN = "clean"


@dataclass(frozen=True, kw_only=True)
class Clean:
    """Top-1 error, and top-5 error where there are more than five classes."""

    name: ClassVar[str] = CLEAN
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The clean pictures."""
        return Planned(suite=cls(), cells=(clean_cell(context),), shifts=(clean_shift(),))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` and `top5_error` with Wilson intervals."""
        return top_errors(self.name, CLEAN, predictions[CLEAN]) if CLEAN in predictions else []


def clean_cell(context: Context) -> Cell:
    """The clean pictures, which several suites need."""
    return Cell(key=CLEAN, pictures=context.pictures)


def clean_shift() -> Shift:
    """The clean pictures as a set that calibration is judged on."""
    return Shift(name=CLEAN, groups=(Group(name=CLEAN, cells=(CLEAN,)),), paired=True)


def top_errors(suite: str, cell: str, found: Predictions, **more) -> list[Measurement]:
    """`top1_error`, and `top5_error` of more than five classes, of one cell."""
    return [_error(suite, cell, found, k, more) for k in error_ranks(found)]


def error_ranks(found: Predictions) -> tuple[int, ...]:
    """The k of the top-k errors that are measured."""
    return (1, 5) if found.logits.shape[1] > 5 else (1,)


def _error(suite: str, cell: str, found: Predictions, k: int, more: dict) -> Measurement:
    wrong, count = int(found.mistakes(k).sum()), len(found)
    facts = {"protocol": "strict", "value": wrong / count, "count": count, "interval": wilson_interval(wrong, count)}
    return Measurement(suite=suite, cell=cell, metric=f"top{k}_error", **{**facts, **more})
