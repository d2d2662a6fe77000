"""Mean corruption error and mean flip rate: plain, or relative to AlexNet."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from eval.metrics.protocol import check_protocol
from layermix.errors import InputError

_TABLE = json.loads((Path(__file__).parents[1] / "data" / "alexnet_errors.json").read_text(encoding="utf-8"))

ALEXNET_ERRORS: Mapping[str, float] = _TABLE["corruptions"]
"""AlexNet's top-1 error by corruption of ImageNet-C, over its severities; `eval/data/alexnet_errors.json`."""

ALEXNET_CLEAN_ERROR: float = _TABLE["clean"]
"""AlexNet's top-1 error on ImageNet's validation pictures."""


def mean_corruption_error(
    errors: Mapping[str, Sequence[float] | np.ndarray], protocol: Literal["paper", "strict", "alexnet"] = "strict"
) -> float:
    """mCE: the mean over corruptions of the mean over severities of the top-1 error.

    `errors[corruption]` holds the error at each severity, or one pooled over them; as many for every corruption.
    `paper` and `strict` are the plain mean, as for CIFAR-C and in the tables of the paper; `alexnet` divides each
    corruption's mean by AlexNet's, the mCE that ImageNet-C defines (AlexNet has 1, that is 100%).
    """
    check_protocol(protocol, ("paper", "strict", "alexnet"))
    _check_table(errors)
    if protocol != "alexnet":
        return math.fsum(float(error) for row in errors.values() for error in row) / sum(map(len, errors.values()))
    unknown = sorted(set(errors) - set(ALEXNET_ERRORS))
    if unknown:
        raise InputError(
            f"protocol 'alexnet' needs AlexNet's error, and there is none for {unknown[0]!r}; use 'strict' "
            "for other benchmarks than ImageNet-C"
        )
    ratios = [math.fsum(map(float, row)) / len(row) / ALEXNET_ERRORS[name] for name, row in errors.items()]
    return math.fsum(ratios) / len(ratios)


def mean_flip_rate(probabilities: Mapping[str, float], alexnet: Mapping[str, float]) -> float:
    """mFR: the mean over perturbations of the flip probability over AlexNet's, which the caller has to know."""
    missing = sorted(set(probabilities) - set(alexnet))
    if missing or not probabilities:
        raise InputError(
            f"AlexNet's flip probability must be known for every perturbation, it is not for {', '.join(missing)}; "
            "add it to the file"
        )
    return math.fsum(value / alexnet[name] for name, value in probabilities.items()) / len(probabilities)


def _check_table(errors: Mapping[str, Sequence[float] | np.ndarray]) -> None:
    severities = {len(row) for row in errors.values()}
    if len(severities) != 1 or 0 in severities:
        raise InputError(
            "errors must hold the same number of severities for every corruption, "
            f"got {sorted(severities)}; complete the missing ones"
        )
    for name, row in errors.items():
        for error in row:
            if not 0 <= error <= 1:
                raise InputError(f"errors must be fractions in [0, 1], got {error} for {name}; divide by the count")
