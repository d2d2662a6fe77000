"""Whose benchmarks models meet, CIFAR's or ImageNet's, and what lies below --root that they do not."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.benchmarks import BENCHMARKS, benchmarks_called, folders_below
from writers.wnids import imagenet_wnids

LARGEST_CIFAR = 64
"""Side of pictures up to which they meet CIFAR's benchmarks, where neither classes nor sets tell."""

TITLES = {"cifar": "CIFAR", "imagenet": "ImageNet"}
"""Families as users know them."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """`name` is "cifar" or "imagenet"; `reason` says what decided."""

    name: str
    reason: str

    @property
    def title(self) -> str:
        """As users know it."""
        return TITLES[self.name]


def family_of(classes: Sequence[str], size: int, found: Collection[str]) -> Family:
    """By the classes, then by the benchmarks that are `found` below --root, last by the side of the pictures."""
    if set(classes) <= set(imagenet_wnids("imagenet-1k")):
        return Family(name="imagenet", reason=f"the {len(classes)} classes are wnids of ImageNet")
    families = {benchmark.partition("-")[0] for benchmark in found} & set(TITLES)
    if families == {"cifar"}:
        return Family(name="cifar", reason="--root holds sets of CIFAR's layout and none of ImageNet's")
    name = "cifar" if size <= LARGEST_CIFAR else "imagenet"
    return Family(name=name, reason=f"the classes are not ImageNet's and the pictures are of {size} px")


def not_measured(root: Path, family: Family, classes: int, suites: Collection[str]) -> Iterator[str]:
    """A line on every folder below `root` that none of the `suites` of the family measures: why, and the next step."""
    others, measured = [], {}
    for path in folders_below(root):
        for benchmark in benchmarks_called(path.name, classes):
            suite = benchmark.partition("-")[2] or benchmark
            if suite != benchmark and not benchmark.startswith(family.name):
                yield f"{path}: not measured, as {family.reason}; it is for models of {_whose(benchmark)} classes"
            elif suite not in suites:
                yield f"{path}: not measured, as --suite does not name {suite}; add it"
            elif benchmark in measured:
                yield f"{path}: not measured, as {measured[benchmark]} is; keep one of the two there"
            measured.setdefault(benchmark, path)
        if not benchmarks_called(path.name, classes):
            others.append(path.name)
    if others:
        yield (
            f"{root}: not measured: {', '.join(others)}; no benchmark of {classes} classes has that name, those of "
            f"{family.title} have {', '.join(_names(family, classes))}"
        )


def _whose(benchmark: str) -> str:
    return "ImageNet's" if benchmark.startswith("imagenet") else "CIFAR's"


def _names(family: Family, classes: int) -> list[str]:
    """The first name of each benchmark of the family."""
    return [
        facts["folders"][0].format(classes=classes)
        for benchmark, facts in BENCHMARKS.items()
        if benchmark.startswith(family.name) or "-" not in benchmark
    ]
