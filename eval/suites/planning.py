"""How a benchmark comes about: from what is there and what the user asked for, to a suite and its cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from eval.benchmarks import find_sets
from eval.families import Family, family_of
from eval.metrics import Protocol
from eval.sets import LoaderPictures, PictureSet
from eval.sets.spread import SpreadPictures
from eval.suites.protocol import Cell, Shift, Suite
from layermix.errors import InputError


class MissingSetError(InputError):
    """A benchmark's pictures are not there; `benchmark` is its name in `eval/data/benchmarks.json`."""

    def __init__(self, benchmark: str) -> None:
        super().__init__(benchmark)
        self.benchmark = benchmark


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """What the user may set about the suites; see the flags of `python -m eval`."""

    root: Path | None = None
    regenerate: bool = False
    protocols: tuple[Protocol, ...] = ("paper", "strict")
    corruptions: tuple[str, ...] = ()
    pgd_limit: int | None = None
    pgd_budgets: tuple[float, ...] = (2.0,)
    pgd_restarts: int = 1
    flip_rates: Path | None = None
    fourier_samples: int = 1000
    fourier_grid: int | None = None
    batch_size: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.protocols:
            raise InputError("--protocols must name paper, strict or both, got none; leave it out for both")
        if len(set(self.corruptions)) < len(self.corruptions):
            raise InputError(f"--corruptions must name each once, got {' '.join(self.corruptions)}; drop the repeated")
        if self.pgd_limit is not None and self.pgd_limit < 1:
            raise InputError(f"--pgd-limit must be ≥ 1, got {self.pgd_limit}; leave it out to attack every picture")
        if self.pgd_restarts < 1:
            raise InputError(f"--pgd-restarts must be ≥ 1, got {self.pgd_restarts}; 1 is the published attack")
        if not self.pgd_budgets or min(self.pgd_budgets) <= 0:
            raise InputError(f"--pgd-budgets must be > 0 in 255ths, got {self.pgd_budgets}; 2 is the published one")
        if self.fourier_samples < 1:
            raise InputError(f"--fourier-samples must be ≥ 1, got {self.fourier_samples}; 1000 is as published")
        if self.fourier_grid is not None and (self.fourier_grid < 3 or self.fourier_grid % 2 == 0):
            raise InputError(f"--fourier-grid must be odd and ≥ 3, got {self.fourier_grid}; zero is in its middle")
        if not 0 <= self.seed < 2**64:
            raise InputError(f"--seed must be in [0, 2**64), got {self.seed}; pass a non-negative integer")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What suites are planned from: the test set, the models' classes, the side of their pictures, and the flags."""

    pictures: LoaderPictures
    classes: tuple[str, ...]
    size: int
    options: SuiteOptions

    def attacked(self) -> PictureSet:
        """The pictures that are attacked: all, or `pgd_limit` of them, spread over the set."""
        limit = self.options.pgd_limit
        return self.pictures if limit is None else SpreadPictures(self.pictures, limit)

    @property
    def data(self) -> Path:
        """The file of the test set."""
        return self.pictures.config.data

    @cached_property
    def benchmarks(self) -> Family:
        """Whose benchmarks the models meet, and why."""
        return family_of(self.classes, self.size, self._found)

    @property
    def family(self) -> str:
        """Whose benchmarks the models meet: "cifar" or "imagenet"."""
        return self.benchmarks.name

    def find(self, benchmark: str) -> Path | None:
        """The folder of a benchmark below --root; None where it is not there."""
        return self._found.get(benchmark)

    @cached_property
    def _found(self) -> Mapping[str, Path]:
        root = self.options.root
        return {} if root is None else find_sets(root, len(self.classes))


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A suite, the cells that it needs, the shifts that calibration can be judged on, and what it cannot measure."""

    suite: Suite
    cells: tuple[Cell, ...] = ()
    shifts: tuple[Shift, ...] = ()
    problems: tuple[str, ...] = ()


def require_known(name: str, known: Sequence[str], flag: str) -> None:
    """InputError that names the nearest known one for an unknown `name`."""
    if name not in known:
        nearest = get_close_matches(name, known, n=1, cutoff=0.0)[0]
        raise InputError(f"{flag} {name!r} is unknown, did you mean {nearest!r}? known: {', '.join(known)}")
