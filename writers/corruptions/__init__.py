"""Corrupted pictures made from clean ones, on the fly or as sets: CIFAR-C, ImageNet-C, C̄ and P.

Sources: Hendrycks & Dietterich 2019 (C and P) and Mintun et al. 2021 (C̄), with the formulas and severities of their
programs. The random numbers are ours: Philox, keyed by the seed and the corruption, counted by severity and sample id,
so that a picture's corruption does not depend on the batch it came in, on workers or on the order. Bytes are equal for
equal versions of NumPy, OpenCV and Pillow. Pictures made here are not the released files: results measured on them are
labelled "regenerated". Frost is drawn (`writers.corruptions.frost`), as the published frost pictures cannot be shipped.
"""

from writers.corruptions.corrupt import corrupt
from writers.corruptions.perturbations import perturb
from writers.corruptions.tables import (
    CORRUPTION_BENCHMARKS,
    EXTRA_CORRUPTIONS,
    PERTURBATION_BENCHMARKS,
    SEVERITIES,
    corruption_names,
    perturbation_names,
)

CORRUPTIONS = corruption_names("cifar-c")
"""The fifteen corruptions of CIFAR-C and ImageNet-C, in their order."""

__all__ = [
    "CORRUPTIONS",
    "CORRUPTION_BENCHMARKS",
    "EXTRA_CORRUPTIONS",
    "PERTURBATION_BENCHMARKS",
    "SEVERITIES",
    "corrupt",
    "corruption_names",
    "perturb",
    "perturbation_names",
]
