"""Shows every cell to every model once and keeps in the store what they answer.

Pictures are read and corrupted ahead in threads, once for all models. Work comes in batches that are the same at
any world size, each rank taking its share of them, so that logits are equal to the last bit however many ranks
there are and wherever a run was killed. What the store holds already is not computed again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eval.network import Answer, Arithmetic
from eval.prefetch import prefetched
from eval.problems import Problem
from eval.progress import Progress
from eval.ranks import Ranks
from eval.sets import BadPicturesError, PictureBatch
from eval.shards import ShardDisk, ShardWriter
from eval.store import CellKey, StoredCell, StoredPredictions
from eval.subjects import Subject
from eval.suites import Cell
from layermix.errors import InputError

SILENT = Progress()

NAMED = 5
"""Bad samples that a problem names; all are counted."""

Cells = Mapping[tuple[str, str], StoredCell]
"""Stored cells by name of the model and key of the cell."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """How cells are computed. batch_size: pictures or frames a forward pass.  threads: that read and corrupt ahead."""

    store: Path
    arithmetic: Arithmetic
    batch_size: int = 250
    threads: int = 2
    ranks: Ranks = field(default_factory=Ranks)

    def samples(self, cell: Cell) -> int:
        """Samples of a batch: so many that their frames are a forward pass."""
        return max(1, self.batch_size // (cell.frames or 1))


def collect_predictions(
    subjects: Sequence[Subject], cells: Sequence[Cell], run: Run, progress: Progress = SILENT
) -> tuple[dict[str, StoredPredictions], list[Problem]]:
    """Predictions by model name, finished cells only, and why the others are not.

    Raises InputError for probabilities in place of logits, logits that are not finite, batch-norm statistics that
    move, a store that ranks do not share, and a rank that does not answer.
    """
    stored = {
        (subject.name, cell.key): StoredCell(run.store, cell_key(subject, cell, run.arithmetic))
        for subject in subjects
        for cell in cells
    }
    work = _open_store(stored, cells, run)
    problems = []
    with run.arithmetic.active(), ShardDisk() as disk:
        for cell in cells:
            bad = _run_cell(subjects, cell, stored, work, run, disk, progress)
            run.ranks.wait(cell.key)
            problems += _problem(cell, run.ranks.gather(bad))
            progress.finish(cell.key)
        disk.wait()
        run.ranks.wait("store")
    by_model = {subject.name: {cell.key: stored[subject.name, cell.key] for cell in cells} for subject in subjects}
    return {name: StoredPredictions(found) for name, found in by_model.items()}, problems


def cell_key(subject: Subject, cell: Cell, arithmetic: Arithmetic) -> CellKey:
    """What the predictions of `subject` on `cell` are kept under."""
    return CellKey(
        weights=subject.weights,
        data=cell.pictures.data_hash,
        cell=cell.key,
        preparation={"precision": arithmetic.precision, **cell.preparation()},
        count=cell.count,
        frames=cell.frames,
    )


def _open_store(stored: Cells, cells: Sequence[Cell], run: Run) -> dict[tuple[str, str], list[int]]:
    """The numbers of the batches that are missing, by model and cell, the same on every rank."""
    digests = {place: cell.key.digest for place, cell in stored.items()}
    for number, others in enumerate(run.ranks.gather(digests)):
        differing = sorted(place for place, digest in others.items() if digest != digests[place])
        if differing:
            raise InputError(f"rank {number} sees another {differing[0]}; give all ranks the same files and flags")
    if run.ranks.number == 0:
        for cell in stored.values():
            cell.prepare()
    run.ranks.wait("store")
    for cell in stored.values():
        if not cell.folder.is_dir():
            raise InputError(f"--store {run.store} must be a folder that all ranks see; this rank lacks {cell.folder}")
    sizes = {cell.key: run.samples(cell) for cell in cells}
    missing = {place: _batches(cell.missing(), sizes[place[1]]) for place, cell in stored.items()}
    return run.ranks.broadcast(missing)


def _batches(missing: list[range], size: int) -> list[int]:
    """The numbers of the batches that hold the missing samples, rising."""
    return sorted({number for part in missing for number in range(part.start // size, (part.stop - 1) // size + 1)})


def _run_cell(
    subjects: Sequence[Subject],
    cell: Cell,
    stored: Cells,
    work: Mapping[tuple[str, str], list[int]],
    run: Run,
    disk: ShardDisk,
    progress: Progress,
) -> list[BadPicturesError]:
    """Compute this rank's share of a cell; batches with samples that cannot be read stay missing."""
    wanted = {subject.name: {*work[subject.name, cell.key]} for subject in subjects}
    numbers = run.ranks.share(sorted(set().union(*wanted.values())))
    if not numbers:
        return []
    writers = {
        subject.name: ShardWriter(
            stored[subject.name, cell.key], subject.classifier, f"{subject.name}, {cell.key}", disk
        )
        for subject in subjects
    }
    bad = []
    kept = None if cell.kept is None else run.arithmetic.send_flat(np.array(cell.kept))
    progress.begin(cell.key, sum(number in asked for number in numbers for asked in wanted.values()))
    for number, batch in zip(numbers, _ready_batches(cell, numbers, run), strict=True):
        asked = [subject for subject in subjects if number in wanted[subject.name]]
        if isinstance(batch, BadPicturesError):
            bad.append(batch)
            progress.advance(len(asked))
            continue
        images, labels = _frames(run.arithmetic, batch), run.arithmetic.send_flat(batch.labels)
        for subject in asked:
            logits = _predict(cell, subject, images, labels, batch)
            logits = logits if kept is None else logits.index_select(1, kept)
            writers[subject.name].add(Answer(logits, keep_logits=cell.frames is None), batch)
            progress.advance()
    for writer in writers.values():
        writer.finish()
    return bad


def _ready_batches(cell: Cell, numbers: Sequence[int], run: Run) -> Iterator[PictureBatch | BadPicturesError]:
    """The batches, read and prepared ahead; in place of one that cannot be read, the error."""
    reads = cell.pictures.batches(run.samples(cell), numbers)
    for outcome in prefetched((partial(read_prepared, cell, read) for read in reads), run.threads):
        if isinstance(outcome, Exception) and not isinstance(outcome, BadPicturesError):
            raise outcome
        yield outcome


def read_prepared(cell: Cell, read: Callable[[], PictureBatch]) -> PictureBatch:
    """A batch as every model is shown it in `cell`."""
    batch = read()
    return PictureBatch(cell.prepare(batch.images, batch.sample_ids), batch.labels, batch.sample_ids)


def _frames(arithmetic: Arithmetic, batch: PictureBatch) -> Tensor:
    """Pictures, or all frames of all sequences, on the device."""
    return arithmetic.send(batch.images.reshape(-1, *batch.images.shape[-3:]))


@torch.no_grad()
def _predict(cell: Cell, subject: Subject, images: Tensor, labels: Tensor, batch: PictureBatch) -> Tensor:
    """Logits (N, C) of all classes."""
    classifier = subject.classifier
    if any(module.training for module in classifier.modules()):  # a quarter of the time of eval(), with each batch
        classifier.eval()
    logits = classifier(cell.challenge(classifier, images, labels, torch.from_numpy(batch.sample_ids)))
    classes = len(subject.classes)
    if tuple(logits.shape) != (len(images), classes):
        raise InputError(
            f"{subject.name}, {cell.key}: the model must return a logit for each of its {classes} classes, "
            f"got {tuple(logits.shape)} for {len(images)} pictures; give the checkpoint the classes of its last layer"
        )
    return logits


def _problem(cell: Cell, ranks: list[list[BadPicturesError]]) -> list[Problem]:
    reasons = [reason for errors in ranks for error in errors for reason in error.reasons]
    if not reasons:
        return []
    listed = "; ".join(reasons[:NAMED]) + ("; ..." if len(reasons) > NAMED else "")
    return [Problem(what=cell.key, reason=f"{len(reasons)} of {cell.count} samples cannot be read: {listed}")]
