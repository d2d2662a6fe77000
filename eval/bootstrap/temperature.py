"""Replicates of the temperature that calibration fits on a part of the clean pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from eval.bootstrap.resampling import FITTED, Resampling
from eval.metrics import HIGHEST_TEMPERATURE, LOWEST_TEMPERATURE, likelihood_slopes
from eval.predictions import CellPredictions
from eval.suites.calibration import fitted_part, temperature_of


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

    A resampling's temperature is one step of Newton's method from the measured one: of a thousand samples within 3%
    of the spread of what fits to the repeated samples give (root mean square).
    """
    part, value = fitted_part(predictions), temperature_of(predictions)
    if part is None or value is None:
        return None
    slopes = np.stack(likelihood_slopes(part.logits, part.labels, value), axis=1)
    first, second = resampling.means(slopes, FITTED).T
    step = np.divide(first, second, out=np.zeros_like(first), where=second > 0)
    replicates = np.clip(value - value**2 * step, LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE)
    return FittedTemperature(value=value, replicates=replicates)
