"""The most confident mistakes of each model, on the clean pictures and on those of one corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.illustrations.album import Album
from eval.illustrations.stored import WorstError, WorstErrors
from eval.predictions import CellPredictions, Predictions
from eval.runner import read_prepared
from eval.suites import Cell
from eval.suites.clean import CLEAN

SEVERITY = 3
"""Severity of the corrupted pictures: strong enough to mislead, weak enough for the reader to see what is there."""

READ_AT_ONCE = 8
"""Pictures of a batch that is read for the sake of one of them."""


@dataclass(frozen=True, kw_only=True)
class ConfidentMistakes:
    """The most confident mistakes on one cell, the worst first, of equally confident ones the first of the set.

    `sample_ids`, `labels` and `said`, the predicted classes, are int64 (K,), `confidence` is float64 (K,); `total`
    counts the mistakes, `count` the pictures.
    """

    sample_ids: np.ndarray
    labels: np.ndarray
    said: np.ndarray
    confidence: np.ndarray
    total: int
    count: int


def confident_mistakes(found: Predictions, most: int) -> ConfidentMistakes:
    """At most `most` of them."""
    confidence, correct = found.confidence_and_correct()
    wrong = np.flatnonzero(~correct)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return ConfidentMistakes(
        sample_ids=found.sample_ids[chosen],
        labels=found.labels[chosen],
        said=found.predicted()[chosen],
        confidence=confidence[chosen],
        total=len(wrong),
        count=len(found),
    )


def shown_cells(cells: Sequence[Cell], predictions: Mapping[str, CellPredictions]) -> list[Cell]:
    """The clean cell, and the one of suite c at the middle severity that the models together get wrong most often."""
    finished = [cell for cell in cells if all(cell.key in known for known in predictions.values())]
    clean = [cell for cell in finished if cell.key == CLEAN]
    corrupted = [cell for cell in finished if cell.key.startswith("c/") and cell.key.endswith(f"/{SEVERITY}")]
    if not corrupted:
        return clean
    errors = [sum(known[cell.key].mistakes().mean() for known in predictions.values()) for cell in corrupted]
    return [*clean, corrupted[int(np.argmax(errors))]]


def shown_pictures(cell: Cell, sample_ids: Sequence[int]) -> dict[int, np.ndarray]:
    """The pictures of these samples as the models were shown them, through the set's own reader: uint8 (H, W, 3)."""
    wanted, found = set(sample_ids), {}
    for number in sorted({sample_id // READ_AT_ONCE for sample_id in wanted}):
        (read,) = cell.pictures.batches(READ_AT_ONCE, [number])
        batch = read_prepared(cell, read)
        found |= {
            sample_id: image for sample_id, image in zip(batch.sample_ids.tolist(), batch.images) if sample_id in wanted
        }
    return found


def worst_errors(
    cells: Sequence[Cell],
    predictions: Mapping[str, CellPredictions],
    classes: Sequence[str],
    most: int,
    album: Album,
) -> list[WorstErrors]:
    """For each of `shown_cells` and each model, of `predictions` by name, at most `most` of its mistakes.

    The pictures go into `album`.
    """
    found = []
    for cell in shown_cells(cells, predictions) if most else []:
        mistakes = {model: confident_mistakes(known[cell.key], most) for model, known in predictions.items()}
        ids = np.concatenate([of_model.sample_ids for of_model in mistakes.values()]).tolist()
        names = {sample_id: album.add(picture) for sample_id, picture in shown_pictures(cell, ids).items()}
        found += [_described(model, cell.key, of_model, classes, names) for model, of_model in mistakes.items()]
    return found


def _described(
    model: str, cell: str, mistakes: ConfidentMistakes, classes: Sequence[str], names: Mapping[int, str]
) -> WorstErrors:
    rows = zip(
        mistakes.sample_ids.tolist(), mistakes.labels.tolist(), mistakes.said.tolist(), mistakes.confidence.tolist()
    )
    errors = [
        WorstError(
            sample_id=sample_id,
            label=classes[label],
            said=classes[said],
            confidence=confidence,
            picture=names[sample_id],
        )
        for sample_id, label, said, confidence in rows
    ]
    return WorstErrors(model=model, cell=cell, mistakes=mistakes.total, count=mistakes.count, errors=tuple(errors))
