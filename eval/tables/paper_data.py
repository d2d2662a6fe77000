"""The paper's tables III to IX as data: their numbers, what their columns are, and which row a checkpoint belongs to.

Numbers are in `eval/data/paper_results.json`, the rest in `eval/data/paper_tables.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.sets.corrupted import SEVERITIES
from eval.suites.clean import PUBLISHED_BATCH
from eval.suites.perturbations import PUBLISHED
from writers.corruptions import corruption_names, perturbation_names
from writers.corruptions.tables import sequence_of
from writers.wnids import imagenet_wnids

_DATA = Path(__file__).parents[1] / "data"
_TABLES = json.loads((_DATA / "paper_tables.json").read_text(encoding="utf-8"))
_RESULTS = json.loads((_DATA / "paper_results.json").read_text(encoding="utf-8"))

COLUMNS: Mapping[str, Mapping[str, Any]] = _TABLES["columns"]
"""By the name in the results: group, title, and what names our number. `agree`: families whose protocols agree."""

_ALIKE = 0.9
"""Share of class names that must agree; copies of a data set differ in the spelling of a few."""

_SHORT_LOSS = "cross_entropy"


@dataclass(frozen=True, kw_only=True)
class PaperData:
    """A test set of the paper: its kind, its classes, and pictures of the set and of its renditions."""

    family: str
    classes: Sequence[str] | str
    pictures: int
    renditions: int = 0

    def names(self) -> Sequence[str]:
        """The classes by name."""
        return imagenet_wnids(self.classes) if isinstance(self.classes, str) else self.classes

    def is_named_by(self, classes: Sequence[str]) -> bool:
        """Whether these are its classes."""
        names = self.names()
        return len(classes) == len(names) and len(set(classes) & set(names)) >= _ALIKE * len(names)

    def may_be(self, classes: Sequence[str]) -> bool:
        """Whether these are as many numbered classes, as sets without names have them."""
        return list(classes) == [str(number) for number in range(len(self.names()))]

    def clean_pictures(self, protocol: str) -> int:
        """Those of the set that count by a protocol."""
        is_part = self.family == "imagenet" and protocol == "paper"
        return self.pictures // PUBLISHED_BATCH * PUBLISHED_BATCH if is_part else self.pictures

    def sights(self, cell: str) -> int:
        """Predictions a picture that a whole number of this cell is made of."""
        if cell in ("c", "cbar"):
            return len(SEVERITIES) * len(corruption_names(f"{self.family}-{cell}"))
        if cell != "p":
            return 1
        benchmark = f"{self.family}-p"
        published = perturbation_names(benchmark)
        if self.family == "imagenet":
            published = perturbation_names(benchmark, extra=True)[:PUBLISHED]
        return sum(sequence_of(benchmark, name).frames - 1 for name in published)


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """One table. `networks` are ours that it has, with their prefix in its rows; `rows` is how these are named.

    `not_comparable` are columns beside which no number of ours may stand, and why.
    """

    numeral: str
    results: str
    title: str
    data: str
    networks: Mapping[str, str]
    rows: str
    form: str
    not_comparable: Mapping[str, str]

    @property
    def numbers(self) -> Mapping[str, Mapping[str, float]]:
        """By row and column."""
        return _RESULTS[self.results]["rows"]

    def columns(self) -> list[str]:
        """Columns that any row has, in the paper's order."""
        return list(dict.fromkeys(column for row in self.numbers.values() for column in row))

    def rows_of(self, model: Mapping[str, Any]) -> list[str]:
        """The rows that a model was trained as: two where the colour of its fractals decides, which is not recorded."""
        return [row for row in _candidates(self, model) if row in self.numbers]


PaperTableName = Literal["III", "IV", "V", "VI", "VII", "VIII", "IX"]
"""What the commands call the paper's tables."""

PAPER_DATA = {name: PaperData(**values) for name, values in _TABLES["data"].items()}
"""The paper's test sets by name."""

PAPER_TABLES = {numeral: PaperTable(numeral=numeral, **values) for numeral, values in _TABLES["tables"].items()}
"""The paper's tables by Roman numeral."""


def method_of(model: Mapping[str, Any]) -> str | None:
    """The paper's name of the method that the checkpoint's configuration says; None where it mixes two."""
    mixing = model["config"].get("loss", {}).get("mixing", "none")
    if mixing == "none":
        return model["policy"]
    return mixing if model["policy"] == "baseline" else None


def _candidates(table: PaperTable, model: Mapping[str, Any]) -> list[str]:
    """What the rows of a model would be called."""
    method, policy = method_of(model), model["config"].get("policy", {})
    setting = f"{policy.get('magnitude', 0):g}-{policy.get('blending_ratio', 0):g}"
    is_jsd = model["config"].get("loss", {}).get("name", _SHORT_LOSS) == "jsd"
    if table.rows == "fractals":
        return _fractal_rows(model, method, setting, is_jsd)
    if is_jsd and method != "augmix":  # whose published numbers may be with the JSD loss, which is its own
        return []
    if table.rows == "magnitude":
        return [setting] if method == "layermix" else []
    if table.rows == "setting":
        return [f"layermix {setting}" if method == "layermix" else str(method)]
    if method == "layermix" and setting != "8-3":
        return []
    return [f"{table.networks.get(model['network'], '')} {method}".strip()]


def _fractal_rows(model: Mapping[str, Any], method: str | None, setting: str, is_jsd: bool) -> list[str]:
    if method == "layermix" and setting != "8-3":
        return []
    epochs = model["config"].get("run", {}).get("epochs")
    row = f"{method}{' 400ep' if epochs == 400 else ''}{' jsd' if is_jsd else ''}"
    return [row, f"{row} colour", f"{row} gray"]
