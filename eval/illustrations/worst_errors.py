"""The most confident mistakes of each model, on the clean pictures and on those of one corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.illustrations.album import Album
from eval.illustrations.grad_cam import explained
from eval.illustrations.stored import WorstError, WorstErrors
from eval.predictions import CellPredictions, Predictions
from eval.runner import read_prepared
from eval.subjects import Subject
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
    subjects: Sequence[Subject],
    cells: Sequence[Cell],
    predictions: Mapping[str, CellPredictions],
    album: Album,
    *,
    most: int,
    explain: int = 0,
) -> list[WorstErrors]:
    """For each of `shown_cells` and each subject at most `most` of its mistakes, the first `explain` with Grad-CAM.

    `predictions` go by name of the subject; the pictures go into `album`.
    """
    found = []
    for cell in shown_cells(cells, predictions) if most else []:
        mistakes = {subject.name: confident_mistakes(predictions[subject.name][cell.key], most) for subject in subjects}
        ids = np.concatenate([of_subject.sample_ids for of_subject in mistakes.values()]).tolist()
        pictures = shown_pictures(cell, ids)
        found += [
            _described(subject, cell.key, mistakes[subject.name], pictures, explain, album) for subject in subjects
        ]
    return found


def _described(
    subject: Subject,
    cell: str,
    mistakes: ConfidentMistakes,
    pictures: Mapping[int, np.ndarray],
    explain: int,
    album: Album,
) -> WorstErrors:
    ids, classes = mistakes.sample_ids.tolist(), subject.classes
    shown = np.array([pictures[sample_id] for sample_id in ids[:explain]])
    maps = [album.add(overlaid) for overlaid in explained(subject.classifier, shown, mistakes.said[:explain])]
    maps += [""] * (len(ids) - len(maps))
    columns = (ids, mistakes.labels.tolist(), mistakes.said.tolist(), mistakes.confidence.tolist(), maps)
    errors = [
        WorstError(
            sample_id=sample_id,
            label=classes[label],
            said=classes[said],
            confidence=confidence,
            picture=album.add(pictures[sample_id]),
            explanation=explanation,
        )
        for sample_id, label, said, confidence, explanation in zip(*columns, strict=True)
    ]
    return WorstErrors(
        model=subject.name, cell=cell, mistakes=mistakes.total, count=mistakes.count, errors=tuple(errors)
    )
