"""The random part of the bootstrap (Efron 1979): how often each replicate of a test set takes each sample.

Seed and number of samples alone decide it, so all cells and models that were measured on as many samples are
resampled alike: an easy sample that a replicate takes twice is taken twice for each, and differences are paired.
"""

import numpy as np

REPLICATES = 1000

KNOWN, STRANGE, FITTED = 0, 1, 2
"""Streams: the test set and what is paired with it; the other set of a metric that compares two sets; the part of the
test set that a temperature is fitted on, which the part that it is judged on is drawn apart from."""

_NUMBERS = 400_000
"""Counts that are multiplied at once: in float64 they stay in the cache."""


class Resampling:
    """Counts of `replicates` resamplings of any number of samples, made once for each number."""

    def __init__(self, seed: int = 0, replicates: int = REPLICATES) -> None:
        self.seed, self.replicates = seed, replicates
        self._counts: dict[tuple[int, int], np.ndarray] = {}

    def counts(self, samples: int, stream: int = KNOWN) -> np.ndarray:
        """How often a replicate takes a sample: uint8 (replicates, samples), every row sums to `samples`."""
        if (samples, stream) not in self._counts:
            self._counts[samples, stream] = self._draw(samples, stream)
        return self._counts[samples, stream]

    def _draw(self, samples: int, stream: int) -> np.ndarray:
        generator = np.random.default_rng((self.seed, samples, stream))
        counts = np.empty((self.replicates, samples), np.uint8)
        for row in counts:
            row[:] = np.bincount(generator.integers(0, samples, samples), minlength=samples)
        return counts

    def means(self, scores: np.ndarray, stream: int = KNOWN) -> np.ndarray:
        """The mean score of every replicate: float64 (replicates, K) from (samples, K)."""
        counts = self.counts(len(scores), stream)
        found = np.empty((len(counts), scores.shape[1]))
        block = max(1, _NUMBERS // len(scores))
        for start in range(0, len(counts), block):
            found[start : start + block] = counts[start : start + block].astype(np.float64) @ scores
        return found / len(scores)


def around(value: float, replicates: np.ndarray) -> np.ndarray:
    """The replicates moved so that their mean is `value`, none below 0: of numbers that chance makes larger.

    Resampling repeats samples, and repeated ones scatter more than as many different ones: replicates of an error
    of calibration, or of a largest error, lie too high. What is right about them is their spread.
    """
    return np.maximum(0.0, value + replicates - replicates.mean())
