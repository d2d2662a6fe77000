"""Metrics as pure functions of NumPy arrays: integers are summed exactly and divided once.

Values are fractions: 0.25 is an error of 25%. Where the published programs compute something other than the
definition, `protocol="paper"` repeats them and `protocol="strict"` keeps to the definition.
"""

from eval.metrics.calibration import (
    BIN_SIZE,
    UNIFORM_BINS,
    ReliabilityCurve,
    aurra,
    bin_counts,
    confidence_and_correct,
    debiased_rms_calibration_error,
    debiased_rms_of_curve,
    expected_calibration_error,
    reliability_curve,
    rms_calibration_error,
    rms_of_curve,
    uniform_bins,
)
from eval.metrics.consistency import flip_probability, flips, order_distance, top5_distance, top_order
from eval.metrics.corruption import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERRORS,
    mean_corruption_error,
    mean_flip_rate,
)
from eval.metrics.detection import aupr, auroc, energy_score, fpr_at_95_tpr, softmax_score
from eval.metrics.errors import top_k_error, top_k_mistakes
from eval.metrics.intervals import NORMAL_975, pooled_interval, wilson_interval
from eval.metrics.likelihood import (
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    brier_score,
    confidence_and_losses,
    fit_temperature,
    likelihood_slopes,
    log_losses,
    negative_log_likelihood,
    squared_distances,
)
from eval.metrics.protocol import Protocol

__all__ = [
    "ALEXNET_CLEAN_ERROR",
    "ALEXNET_ERRORS",
    "BIN_SIZE",
    "HIGHEST_TEMPERATURE",
    "LOWEST_TEMPERATURE",
    "NORMAL_975",
    "UNIFORM_BINS",
    "Protocol",
    "ReliabilityCurve",
    "aupr",
    "auroc",
    "aurra",
    "bin_counts",
    "brier_score",
    "confidence_and_correct",
    "confidence_and_losses",
    "debiased_rms_calibration_error",
    "debiased_rms_of_curve",
    "energy_score",
    "expected_calibration_error",
    "fit_temperature",
    "flip_probability",
    "flips",
    "fpr_at_95_tpr",
    "likelihood_slopes",
    "log_losses",
    "mean_corruption_error",
    "mean_flip_rate",
    "negative_log_likelihood",
    "order_distance",
    "pooled_interval",
    "reliability_curve",
    "rms_calibration_error",
    "rms_of_curve",
    "softmax_score",
    "squared_distances",
    "top5_distance",
    "top_k_error",
    "top_k_mistakes",
    "top_order",
    "uniform_bins",
    "wilson_interval",
]
