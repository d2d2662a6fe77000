"""The record of an evaluation in its store: what was measured on which cells, so that it can be scored again.

    STORE/evaluations/<hash>.json

The hash is of what was asked for, so the same command has the same record, however often it was interrupted. Time and
software are those of the run that wrote it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.plan import read_suite
from eval.problems import Problem
from eval.results import Evaluation, Origin
from eval.store import StoredCell, StoredPredictions
from eval.suites import Measurement, Suite
from layermix.errors import InputError
from layermix.files import atomic_file

FOLDER = "evaluations"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What `Evaluation` is scored from. `cells` are folders of the store by model name and key of the cell."""

    models: Sequence[Mapping[str, Any]]
    dataset: Mapping[str, Any]
    configuration: Mapping[str, Any]
    suites: Sequence[Mapping[str, Any]]
    cells: Mapping[str, Mapping[str, str]]
    problems: Sequence[Problem]
    created: str
    versions: Mapping[str, str] = field(default_factory=dict)

    def save(self, store: Path) -> "Record":
        """Write it, or return the one of the same evaluation that is there: with its own time of creation."""
        path = self.folder(store).with_suffix(".json")
        if path.is_file():
            return read_record(path)
        with atomic_file(path) as file:
            file.write((json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n").encode())
        return self

    def folder(self, store: Path) -> Path:
        """Where what belongs to the evaluation lies beside its record: the same name without `.json`."""
        return store / FOLDER / self._digest()[:16]

    def _digest(self) -> str:
        values = asdict(self)
        del values["created"], values["versions"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def origin(self) -> Origin:
        """The run, as results name it."""
        return Origin(
            evaluation=self._digest()[:16],
            created=self.created,
            configuration=self.configuration,
            versions=self.versions,
        )

    def predictions(self, store: Path) -> dict[str, StoredPredictions]:
        """By model name, those of the finished cells; read when they are asked for."""
        return {
            model: StoredPredictions({key: StoredCell.open(store, folder) for key, folder in cells.items()})
            for model, cells in self.cells.items()
        }

    def read_suites(self, store: Path) -> list[Suite]:
        """What was measured; `store` is named in errors."""
        return [read_suite(description, str(store)) for description in self.suites]

    def score(self, store: Path) -> Evaluation:
        """Every number anew, from the store alone."""
        suites = self.read_suites(store)
        return Evaluation(
            models=self.models,
            dataset=self.dataset,
            measurements={model: measure(suites, found) for model, found in self.predictions(store).items()},
            origins=[self.origin()],
            problems=self.problems,
        )


def measure(suites: Sequence[Suite], predictions: StoredPredictions) -> list[Measurement]:
    """The numbers of all suites about one model."""
    return [measured for suite in suites for measured in suite.measure(predictions)]


def read_records(store: Path) -> list[Record]:
    """The records of a store, oldest first; InputError where it has none."""
    records = [read_record(path) for path in sorted((store / FOLDER).glob("*.json"))]
    if not records:
        raise InputError(f"{store}: holds no evaluation; give the --store of a finished `python -m eval`")
    return sorted(records, key=lambda record: record.created)


def read_record(path: Path) -> Record:
    """The record in a file; InputError for anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        problems = [Problem(**problem) for problem in values.pop("problems")]
        return Record(problems=problems, **values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: is not the record of an evaluation ({error}); run it again") from error
