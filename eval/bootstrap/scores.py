"""Scores: what each sample adds to a number that is a mean over samples.

The mean of a number's scores is the number itself. A sample that was seen several times, under corruptions, in frames
or from several starts of an attack, has one score, so that resampling takes or leaves all sights of it together.
"""

from collections.abc import Iterator, Mapping
from functools import singledispatch

import numpy as np

from eval.metrics import ALEXNET_ERRORS
from eval.predictions import CellPredictions, Predictions
from eval.sets.corrupted import SEVERITIES
from eval.suites import Key, Suite
from eval.suites.autoattack import AutoAttack
from eval.suites.clean import CLEAN, Clean, error_ranks
from eval.suites.corruptions import Corruptions, OtherCorruptions
from eval.suites.fourier import Fourier
from eval.suites.natural import NaturalShift, restricted
from eval.suites.perturbations import Perturbations, compare_frames
from eval.suites.pgd import Pgd

Scores = dict[Key, np.ndarray]
"""Float or bool (N,) by what names the number."""


@singledispatch
def sample_scores(suite: Suite, predictions: CellPredictions) -> Scores:
    """The scores of every number of the suite that is a mean over samples; none of other suites."""
    return {}


@sample_scores.register
def _(suite: Clean, predictions: CellPredictions) -> Scores:
    if CLEAN not in predictions:
        return {}
    found = predictions[CLEAN]
    published = suite.published_mistakes(found).items()
    return {
        **_top_scores(suite.name, CLEAN, found),
        **{(suite.name, CLEAN, f"top{k}_error", "paper"): wrong for k, wrong in published},
    }


@sample_scores.register
def _(suite: NaturalShift, predictions: CellPredictions) -> Scores:
    found = _top_scores(suite.name, suite.name, predictions[suite.name]) if suite.name in predictions else {}
    if suite.kept is not None and CLEAN in predictions:
        found |= _top_scores(suite.name, f"{suite.name}-clean", restricted(predictions[CLEAN], suite.kept))
    return found


@sample_scores.register
def _(suite: Pgd, predictions: CellPredictions) -> Scores:
    return {
        (suite.name, suite.cell(budget), "top1_error", protocol): wrong
        for (budget, protocol), wrong in suite.mistakes(predictions).items()
    }


@sample_scores.register
def _(suite: AutoAttack, predictions: CellPredictions) -> Scores:
    key = (suite.name, suite.name, "top1_error", "strict")
    return {key: predictions[suite.name].mistakes()} if suite.name in predictions else {}


@sample_scores.register
def _(suite: Fourier, predictions: CellPredictions) -> Scores:
    wrong = suite.mistakes(predictions)
    return {} if wrong is None else {(suite.name, suite.cell, "mean_error", "strict"): wrong.mean(axis=1)}


@sample_scores.register
def _(suite: Corruptions, predictions: CellPredictions) -> Scores:
    found: Scores = {}
    for protocol in suite.protocols:
        pooled = {}
        for name in (*suite.corruptions, *suite.extras):
            wrong = suite.mistakes(predictions, name, protocol)
            if wrong is not None:
                cells = {f"{suite.name}/{name}/{level}": wrong[:, place] for place, level in enumerate(SEVERITIES)}
                cells[f"{suite.name}/{name}"] = pooled[name] = wrong.mean(axis=1)
                found |= {(suite.name, cell, "top1_error", protocol): scores for cell, scores in cells.items()}
        if all(name in pooled for name in suite.corruptions):
            found |= dict(_corruption_means(suite, pooled, protocol))
    return found


def _corruption_means(suite: Corruptions, pooled: Mapping[str, np.ndarray], protocol: str) -> Iterator:
    rows = {name: pooled[name] for name in suite.corruptions}
    yield (suite.name, suite.name, "mce", protocol), _mean(rows)
    if suite.benchmark == "imagenet-c" and set(suite.corruptions) <= set(ALEXNET_ERRORS):
        relative = {name: row / ALEXNET_ERRORS[name] for name, row in rows.items()}
        yield (suite.name, suite.name, "alexnet_mce", protocol), _mean(relative)


@sample_scores.register
def _(suite: OtherCorruptions, predictions: CellPredictions) -> Scores:
    found = sample_scores.dispatch(Corruptions)(suite, predictions)
    keys = [key for row in suite.all_keys().values() for key in row]
    if all(key in predictions for key in keys):
        every = {key: predictions[key].mistakes() for key in keys}
        if len({len(wrong) for wrong in every.values()}) == 1:
            found[suite.name, "c+cbar", "mce_c_and_cbar", "strict"] = _mean(every)
    return found


@sample_scores.register
def _(suite: Perturbations, predictions: CellPredictions) -> Scores:
    found: Scores = {}
    means: dict[str, dict[str, np.ndarray]] = {"flip_probability": {}, "top5_distance": {}}
    for name in (*suite.perturbations, *suite.extras):
        if f"p/{name}" in predictions:
            for metric, pairs in compare_frames(name, predictions[f"p/{name}"]).items():
                found["p", f"p/{name}", metric, "strict"] = means[metric][name] = pairs.mean(axis=1)
    for metric, protocol, names in _perturbation_means(suite):
        rows = {name: means[metric][name] for name in names if name in means[metric]}
        if len(rows) == len(names) and len({len(row) for row in rows.values()}) == 1:
            found |= dict(_perturbation_scores(suite, metric, protocol, rows))
    return found


def _perturbation_means(suite: Perturbations) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for metric in ("flip_probability", "top5_distance"):
        yield metric, "strict", suite.perturbations
        if suite.extras:
            yield metric, "paper", (*suite.perturbations, *suite.extras)


def _perturbation_scores(suite: Perturbations, metric: str, protocol: str, rows: Mapping[str, np.ndarray]) -> Iterator:
    yield ("p", "p", "mfp" if metric == "flip_probability" else "mt5d", protocol), _mean(rows)
    if metric == "flip_probability" and protocol == "strict" and suite.flip_rates:
        rates = dict(suite.flip_rates)
        yield ("p", "p", "mfr", protocol), _mean({name: row / rates[name] for name, row in rows.items()})


def _top_scores(suite: str, cell: str, found: Predictions) -> Scores:
    return {(suite, cell, f"top{k}_error", "strict"): found.mistakes(k) for k in error_ranks(found)}


def _mean(rows: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.mean(list(rows.values()), axis=0)
