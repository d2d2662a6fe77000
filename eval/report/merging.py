"""Several evaluations of one test set as one: models side by side, the newest number of each.

A model is known by its name and the hash of its weights; of models of one name the hash is added to it.
"""

from collections import ChainMap, Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import Resampling, replicate, with_intervals
from eval.illustrations import Album, Illustrations, read_illustrations
from eval.predictions import CellPredictions
from eval.record import Record
from eval.results import Evaluation
from eval.store import StoredCell
from eval.suites import Key, Measurement, Suite
from layermix.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Source:
    """A record and the store that it is scored from."""

    record: Record
    store: Path

    @property
    def name(self) -> str:
        """What notes call it."""
        return f"{self.store} ({self.record.created})"


@dataclass(frozen=True, kw_only=True)
class Merged:
    """An evaluation, and by model's name replicates of its numbers, predictions, and suites, the newest first."""

    evaluation: Evaluation
    replicates: Mapping[str, Mapping[Key, np.ndarray]]
    predictions: Mapping[str, CellPredictions]
    suites: Mapping[str, Sequence[Suite]]
    illustrations: Illustrations
    album: Album


@dataclass
class _Model:
    """What is known of one model so far."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    numbers: dict[Key, Measurement] = field(default_factory=dict)
    replicates: dict[Key, np.ndarray] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)
    predictions: list[CellPredictions] = field(default_factory=list)
    suites: list[Suite] = field(default_factory=list)

    def add(
        self, measurements: Sequence[Measurement], predictions: CellPredictions, suites: Sequence[Suite], place: str
    ) -> Counter:
        """Take a newer source's numbers and predictions; how many numbers of which older places they replace."""
        keys = [found.key for found in measurements]
        replaced = Counter(self.places[key] for key in keys if key in self.places)
        for found in measurements:
            self.numbers[found.key], self.places[found.key] = found, place
            self.replicates.pop(found.key, None)
        self.predictions.insert(0, predictions)
        self.suites[:0] = suites
        return replaced


def merge(sources: Sequence[Source]) -> Merged:
    """Score all sources and merge them, models in the order of the sources; InputError where their test sets differ."""
    check_test_sets(sources)
    names, resampling = model_names(sources), Resampling()
    models = {name: _Model() for name in names.values()}
    rising = sorted(sources, key=lambda source: source.record.created)
    notes = [note for source in rising for note in _add(source, models, names, resampling)]
    illustrations, album = _illustrations(rising, names)
    return Merged(
        evaluation=Evaluation(
            models=[model.facts for model in models.values()],
            dataset=rising[-1].record.dataset,
            measurements={
                name: with_intervals(list(model.numbers.values()), model.replicates) for name, model in models.items()
            },
            origins=[source.record.origin() for source in rising],
            problems=list(dict.fromkeys(problem for source in rising for problem in source.record.problems)),
            notes=[*notes, *_unlike_cells(sources)],
        ),
        replicates={name: model.replicates for name, model in models.items()},
        predictions={name: ChainMap(*model.predictions) for name, model in models.items()},  # pyright: ignore
        suites={name: model.suites for name, model in models.items()},
        illustrations=illustrations,
        album=album,
    )


def _add(
    source: Source, models: Mapping[str, _Model], names: Mapping[tuple[str, str], str], resampling: Resampling
) -> list[str]:
    """Give the models what a source has on them; notes on numbers that they had already."""
    suites, predictions = source.record.read_suites(source.store), source.record.predictions(source.store)
    measurements, notes = source.record.score(source.store).measurements, []
    for facts in source.record.models:
        own, name = facts["name"], names[facts["name"], facts["weights"]]
        replaced = models[name].add(measurements[own], predictions[own], suites, source.name)
        models[name].facts = {**facts, "name": name}
        models[name].replicates |= replicate(suites, predictions[own], resampling)
        notes += [
            f"{count} numbers of {name} are in {older} and in {source.name}: the newer ones are shown."
            for older, count in replaced.items()
        ]
    return notes


def check_test_sets(sources: Sequence[Source]) -> None:
    """Raise InputError unless all sources were measured on the same file of pictures, with the same classes."""
    first = sources[0]
    for source in sources[1:]:
        for fact in ("sha256", "count", "classes_sha256"):
            one, other = first.record.dataset[fact], source.record.dataset[fact]
            if one != other:
                raise InputError(
                    f"{first.name} and {source.name} must be of one test set, got {fact} {one} and {other}; "
                    "make their reports one by one"
                )


def model_names(sources: Sequence[Source]) -> dict[tuple[str, str], str]:
    """What a model is called, by name and weights."""
    models = dict.fromkeys((model["name"], model["weights"]) for source in sources for model in source.record.models)
    times = Counter(name for name, _ in models)
    return {(name, weights): name if times[name] == 1 else f"{name} ({weights[:8]})" for name, weights in models}


def _unlike_cells(sources: Sequence[Source]) -> Iterator[str]:
    """A note on cells that models met differently: other pictures, or pictures prepared otherwise."""
    met: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for cells in source.record.cells.values():
            for key, folder in cells.items():
                met[key].add(replace(StoredCell.open(source.store, folder).key, weights="").digest)
    unlike = [key for key, digests in met.items() if len(digests) > 1]
    if unlike:
        yield (
            f"Not all models met the same pictures, equally prepared, in {len(unlike)} cells, of which the first is "
            f"{unlike[0]}: numbers of these cells are to be compared with care."
        )


def _illustrations(sources: Sequence[Source], names: Mapping[tuple[str, str], str]) -> tuple[Illustrations, Album]:
    """Augmentations of the newest source that has them, and of each model and cell the newest worst errors."""
    found, album, worst = Illustrations(), Album(), {}
    for source in sources:
        own, pictures = read_illustrations(source.record.folder(source.store))
        shown = {model["name"]: names[model["name"], model["weights"]] for model in source.record.models}
        worst |= {(shown[row.model], row.cell): replace(row, model=shown[row.model]) for row in own.worst}
        album.files |= pictures.files
        if own.augmentations or not found.augmentations:
            found = own
    return replace(found, worst=tuple(worst.values())), album
