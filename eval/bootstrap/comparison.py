"""95% intervals of numbers, and differences between models on the same samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.bootstrap.replicates import Replicates
from eval.suites import Key, Measurement
from layermix.errors import InputError

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A number of one model less that of the model compared against, with its 95% interval."""

    value: float
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """Whether 0 is outside the interval."""
        return not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """By model and number the differences of every other model from `against`, where both have the number."""

    against: str
    differences: Mapping[str, Mapping[Key, Difference]]


def compare(
    measurements: Mapping[str, Sequence[Measurement]], replicates: Mapping[str, Replicates], against: str | None = None
) -> Comparison:
    """Compare all models with `against`, the first if None; InputError where there is none of that name."""
    against = reference_model(list(measurements), against)
    numbers = {model: {found.key: found for found in row} for model, row in measurements.items()}
    return Comparison(
        against=against,
        differences={
            model: _differences(numbers[model], numbers[against], replicates[model], replicates[against])
            for model in measurements
            if model != against
        },
    )


def reference_model(models: Sequence[str], against: str | None) -> str:
    """The model that others are compared with: the first if `against` is None; InputError for none of the models."""
    if against is not None and against not in models:
        raise InputError(f"--against must be one of the models, {', '.join(models)}; got {against!r}")
    return models[0] if against is None else against


def percentile_interval(replicates: np.ndarray) -> Interval:
    """The interval that holds the middle 95% of the replicates, to nine decimals.

    A product of matrices depends in its last bits on how many threads share it; the decimals do not.
    """
    low, high = np.percentile(replicates, (2.5, 97.5)).round(9)
    return float(low), float(high)


def with_intervals(measurements: Sequence[Measurement], replicates: Replicates) -> list[Measurement]:
    """The numbers of one model with the bootstrap's intervals.

    A number that has no replicates keeps its own interval, and so does one that no resampling changes, as an error
    of 0: Wilson's says more of it.
    """
    found = {key: percentile_interval(rows) for key, rows in replicates.items()}
    changed = {key: interval for key, interval in found.items() if interval[0] < interval[1]}
    return [replace(number, interval=changed.get(number.key, number.interval)) for number in measurements]


def _differences(
    own: Mapping[Key, Measurement], other: Mapping[Key, Measurement], mine: Replicates, theirs: Replicates
) -> dict[Key, Difference]:
    """Of the numbers that both have, over the same samples of the same pictures."""
    shared = [key for key in own if key in other and key in mine and key in theirs and _alike(own[key], other[key])]
    return {
        key: Difference(value=own[key].value - other[key].value, interval=percentile_interval(mine[key] - theirs[key]))
        for key in shared
    }


def _alike(one: Measurement, other: Measurement) -> bool:
    return (one.count, one.regenerated, one.detail) == (other.count, other.regenerated, other.detail)
