"""Which models a crowded plot names and colours: eyes follow a handful of lines, and the rest are its background."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from eval.suites import Measurement

MOST_NAMED = 6
"""Models up to which every one is named: as many as there are colours with their markers."""

BEST = 3
"""Of more, so many of the least error are named."""


@dataclass(frozen=True, kw_only=True)
class Emphasis:
    """`named` in the order of their colours, `others` in the order of the report; `reason` says who is named."""

    named: Sequence[str]
    others: Sequence[str] = ()
    reason: str = ""


def emphasis(measurements: Mapping[str, Sequence[Measurement]], against: str, suites: Sequence[str]) -> Emphasis:
    """All models where they are few; else `against`, those of the least mean error over `suites`, and the worst."""
    if len(measurements) <= MOST_NAMED:
        return Emphasis(named=list(measurements))
    means = {model: fmean(errors) for model, found in measurements.items() if (errors := [*_errors(found, suites)])}
    rising = sorted(means, key=lambda model: means[model])
    named = list(dict.fromkeys([against, *rising[:BEST], *rising[-1:]]))
    return Emphasis(
        named=named,
        others=[model for model in measurements if model not in named],
        reason=(
            f"Named are {against}, with which the others are compared, the {BEST} models of the least mean error under "
            "corruption, and the one of the largest."
        ),
    )


def _errors(found: Sequence[Measurement], suites: Sequence[str]) -> Iterator[float]:
    for number in found:
        if number.suite in suites and (number.metric, number.protocol) == ("top1_error", "strict"):
            yield number.value
