"""From suites and predictions to replicates: what a number of one model would have been on other samples."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from eval.bootstrap.calibration import calibration_replicates
from eval.bootstrap.resampling import Resampling, around
from eval.bootstrap.scores import Scores, sample_scores
from eval.bootstrap.separation import separation_replicates
from eval.predictions import CellPredictions
from eval.suites import Key, Suite
from eval.suites.calibration import Calibration
from eval.suites.detection import ImageNetO, OutOfDistribution
from eval.suites.fourier import Fourier

Replicates = Mapping[Key, np.ndarray]
"""Float64 (replicates,) by what names the number."""


def replicate(suites: Sequence[Suite], predictions: CellPredictions, resampling: Resampling) -> Replicates:
    """Replicates of every number of one model."""
    scores: Scores = {}
    found: dict[Key, np.ndarray] = {}
    for suite in suites:
        if isinstance(suite, Calibration):
            found |= dict(calibration_replicates(suite, predictions, resampling))
        elif isinstance(suite, ImageNetO | OutOfDistribution):
            found |= separation_replicates(suite, predictions, resampling)
        else:
            scores |= sample_scores(suite, predictions)
            if isinstance(suite, Fourier):
                found |= _largest_error(suite, predictions, resampling)
    return found | replicate_means(scores, resampling)


def _largest_error(suite: Fourier, predictions: CellPredictions, resampling: Resampling) -> dict[Key, np.ndarray]:
    wrong = suite.mistakes(predictions)
    if wrong is None:
        return {}
    largest = resampling.means(wrong.astype(np.float64)).max(axis=1)
    return {(suite.name, suite.cell, "largest_error", "strict"): around(wrong.mean(axis=0).max().item(), largest)}


def replicate_means(scores: Scores, resampling: Resampling) -> dict[Key, np.ndarray]:
    """The mean scores of every resampling: one product a number of samples."""
    by_count = defaultdict(list)
    for key, row in scores.items():
        by_count[len(row)].append(key)
    found = {}
    for keys in by_count.values():
        means = resampling.means(np.stack([scores[key] for key in keys], axis=1).astype(np.float64))
        found |= dict(zip(keys, means.T))
    return found
