"""Intervals of an evaluation's numbers by the bootstrap over samples, and paired differences between models."""

from eval.bootstrap.comparison import (
    Comparison,
    Difference,
    compare,
    percentile_interval,
    reference_model,
    with_intervals,
)
from eval.bootstrap.replicates import Replicates, replicate
from eval.bootstrap.resampling import Resampling

__all__ = [
    "Comparison",
    "Difference",
    "Replicates",
    "Resampling",
    "compare",
    "percentile_interval",
    "reference_model",
    "replicate",
    "with_intervals",
]
