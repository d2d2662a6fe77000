"""Replicates of the temperature that calibration fits on a part of the clean pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from eval.bootstrap.resampling import FITTED, Resampling
from eval.metrics import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, likelihood_slopes
from eval.predictions import CellPredictions
from eval.suites.calibration import fitted_part, temperature_of

_STEPS = np.arange(-4, 5)
"""Standard errors from the fit at which the slope of the likelihood is known."""


@dataclass(frozen=True, kw_only=True)
class FittedTemperature:
    """The temperature, and float64 (replicates,) those of resamplings."""

    value: float
    replicates: np.ndarray

    def secants(self, measure: Callable[[float], Mapping[str, float]]) -> dict[str, float]:
        """How fast each number that `measure` gives for a temperature rises, from a standard error below to above."""
        error = min(float(self.replicates.std()), self.value / 2)
        if error == 0:
            return dict.fromkeys(measure(self.value), 0.0)
        low, high = measure(self.value - error), measure(self.value + error)
        return {name: (high[name] - low[name]) / (2 * error) for name in low}


def fitted_temperature(predictions: CellPredictions, resampling: Resampling) -> FittedTemperature | None:
    """None where the suite fits none.

    Of a resampling 1 / T is where the mean slope of its likelihood is 0: found on the lines between the slopes at
    whole standard errors, to within a few hundredths of one.
    """
    part, value = fitted_part(predictions), temperature_of(predictions)
    if part is None or value is None:
        return None
    if value < 1.01 * LOWEST_TEMPERATURE:  # no mistake, so no minimum: the end of the search
        return FittedTemperature(value=value, replicates=np.full(resampling.replicates, value))
    slope, variance = likelihood_slopes(part.logits, part.labels, 1 / value)
    error = slope.std() / variance.mean() / len(slope) ** 0.5
    places = np.maximum(0.0, 1 / value + error * _STEPS)
    slopes = np.stack([likelihood_slopes(part.logits, part.labels, place)[0] for place in places], axis=1)
    inverse = _roots(places, resampling.means(slopes, FITTED))
    return FittedTemperature(
        value=value, replicates=1 / np.clip(inverse, 1 / HIGHEST_TEMPERATURE, 1 / LOWEST_TEMPERATURE)
    )


def _roots(places: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Where each row of falling `heights`, (R, K) at the rising `places`, (K,), crosses 0: float64 (R,)."""
    rows, after = np.arange(len(heights)), np.clip((heights > 0).sum(axis=1), 1, len(places) - 1)
    above, below = heights[rows, after - 1], heights[rows, after]
    share = np.divide(above, above - below, out=np.zeros(len(rows)), where=above > below)
    return places[after - 1] + share * (places[after] - places[after - 1])
