"""Every instruction that a policy writes: how often, and what it costs."""

import time
from collections import defaultdict
from collections.abc import Mapping
from statistics import median

import numpy as np

from layermix import FractalBank, Policy, program
from layermix.augmentation import run

_BLENDS = range(program.ARITHMETIC, program.PATCH_ELEMENT_MASK + 1)
_NAMES = {
    value: f"blend, {name.lower()}" if value in _BLENDS else name.lower()
    for name, value in vars(program).items()
    if name.isupper() and isinstance(value, int) and name not in ("PATCH", "SOURCE", "RESULT", "SCRATCH")
}
_SUMS = (program.SUM_START, program.SUM_ADD, program.SUM_STORE)


def measure_operations(
    policy: Policy, bank: FractalBank | None, images: np.ndarray, *, seed: int, repeats: int
) -> Mapping[str, tuple[float, float]]:
    """By instruction: how many a picture has in the mean, and microseconds of one, most expensive in all first.

    Args:
        images: uint8 (N, H, W, 3); a program is drawn for each, and each instruction of it is run by itself.
    """
    ids = np.arange(len(images))
    programs = policy.draw(ids, seed=seed, height=images.shape[1], width=images.shape[2], bank=bank)
    found: dict[str, tuple[float, float]] = {}
    for op, (rows, records) in _by_operation(programs).items():
        seconds = _time(policy, bank, images[rows], records, repeats)
        found[_NAMES[op]] = (len(rows) / len(images), 1e6 * seconds / len(rows))
    return dict(sorted(found.items(), key=lambda item: -item[1][0] * item[1][1]))


def _by_operation(programs: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Rows of the pictures and records, (n,), of each instruction that comes before a program's END."""
    found: dict[int, list[tuple[int, np.void]]] = defaultdict(list)
    for row, records in enumerate(programs):
        for record in records:
            if record["op"] == program.END:
                break
            found[int(record["op"])].append((row, record))
    return {op: (np.array([row for row, _ in items]), np.array([r for _, r in items])) for op, items in found.items()}


def _time(policy: Policy, bank, images: np.ndarray, records: np.ndarray, repeats: int) -> float:
    """Median seconds of one-instruction programs, from the picture to the result."""
    programs = np.zeros((len(records), 2), program.INSTRUCTION)
    programs[:, 0] = records
    programs["a"][:, 0] = programs["b"][:, 0] = program.SOURCE
    if int(records[0]["op"]) not in _SUMS:
        programs["dst"][:, 0] = program.RESULT
    out, seconds = np.empty_like(images), []
    for repeat in range(repeats + 1):
        started = time.perf_counter()
        run(
            programs,
            images,
            bank=bank,
            scratch_registers=policy.scratch_registers,
            needs_total=policy.needs_accumulator,
            out=out,
        )
        if repeat:
            seconds.append(time.perf_counter() - started)
    return median(seconds)
