"""From the names of suites to what will be measured: suites, their cells, and the sets that are missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.benchmarks import how_to_get
from eval.families import not_measured
from eval.problems import Problem
from eval.suites.autoattack import AutoAttack
from eval.suites.calibration import Calibration
from eval.suites.clean import Clean, clean_cell, clean_shift, published_batch
from eval.suites.corruptions import Corruptions, OtherCorruptions, check_corruptions
from eval.suites.detection import ImageNetO, OutOfDistribution
from eval.suites.fourier import Fourier
from eval.suites.natural import Adversarial, NewTestSet, Renditions, Sketch
from eval.suites.perturbations import Perturbations
from eval.suites.pgd import Pgd
from eval.suites.planning import Context, MissingSetError, Planned, require_known
from eval.suites.protocol import Cell, Shift, Suite
from layermix.config import build, to_mapping
from layermix.errors import InputError

_SUITES = (
    Clean,
    Corruptions,
    OtherCorruptions,
    Perturbations,
    Renditions,
    Adversarial,
    NewTestSet,
    Sketch,
    ImageNetO,
    OutOfDistribution,
    Pgd,
    Fourier,
    AutoAttack,
    Calibration,
)
SUITES: Mapping[str, Any] = {suite.name: suite for suite in _SUITES}
"""Every suite's class by the name that the command takes; each but Calibration has `plan(context)`."""

EXTRA = (Fourier.name, AutoAttack.name)
"""Suites that run only where they are named."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Suites in the order asked for, their cells, each once, and why others are not measured.

    `notes` are lines to be read at the start: whose benchmarks these are, and what below --root is not among them.
    """

    suites: tuple[Suite, ...]
    cells: tuple[Cell, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def make_plan(names: Sequence[str], context: Context) -> Plan:
    """Plan the suites of these names, each once; a set that is missing or damaged is a problem, not the end.

    Calibration covers the clean pictures and every shifted set of the other suites. InputError for an unknown name,
    and for a suite of pictures that the models do not meet.
    """
    names = names or default_names(context.family)
    check_names(names)
    _check_family(names, context)
    check_corruptions(context.options.corruptions)
    planned, problems = {}, []
    for name in dict.fromkeys(names):
        if name != Calibration.name:
            try:
                planned[name] = SUITES[name].plan(context)
            except MissingSetError as error:
                reason = how_to_get(error.benchmark, context.options.root, len(context.classes), context.data)
                problems.append(Problem(what=name, reason=reason, missing=True))
            except InputError as error:
                problems.append(Problem(what=name, reason=str(error)))
    if Calibration.name in names:
        shifts = [shift for found in planned.values() for shift in found.shifts]
        planned[Calibration.name] = _calibration(context, shifts)
    problems += [Problem(what=name, reason=reason) for name, found in planned.items() for reason in found.problems]
    cells = {cell.key: cell for found in planned.values() for cell in found.cells}
    suites = tuple(planned[name].suite for name in dict.fromkeys(names) if name in planned)
    return Plan(
        suites=suites, cells=tuple(cells.values()), problems=tuple(problems), notes=tuple(_notes(names, context))
    )


def _notes(names: Sequence[str], context: Context) -> Iterator[str]:
    family, root = context.benchmarks, context.options.root
    yield f"benchmarks of {family.title}, as {family.reason}"
    if root is not None:
        yield from not_measured(root, family, len(context.classes), names)


def _check_family(names: Sequence[str], context: Context) -> None:
    others = [name for name in names if context.family not in SUITES[name].families]
    if others:
        raise InputError(
            f"--suite must name benchmarks of {context.benchmarks.title}, as {context.benchmarks.reason}; leave out "
            f"{', '.join(others)}"
        )


def check_names(names: Sequence[str]) -> None:
    """InputError that names the nearest suite for an unknown one."""
    for name in names:
        require_known(name, tuple(SUITES), "--suite")


def default_names(family: str) -> tuple[str, ...]:
    """Every suite for this kind of pictures but the extra ones."""
    return tuple(name for name, suite in SUITES.items() if family in suite.families and name not in EXTRA)


def describe_suite(suite: Suite) -> dict[str, Any]:
    """The suite as plain values, from which `read_suite` makes an equal one."""
    return {"suite": suite.name, **to_mapping(suite)}


def read_suite(description: Mapping[str, Any], where: str) -> Suite:
    """The suite that `describe_suite` described; InputError naming `where` for anything else."""
    fields = dict(description)
    name = str(fields.pop("suite", ""))
    require_known(name, tuple(SUITES), f"{where}: suite")
    return build(SUITES[name], fields, where)


def _calibration(context: Context, shifts: Sequence[Shift]) -> Planned:
    """The suite over these shifts, the clean pictures first."""
    clean = clean_shift(published_batch(context))
    others = [shift for shift in shifts if shift != clean]
    return Planned(suite=Calibration(shifts=(clean, *others)), cells=(clean_cell(context),))
