"""How well does each order of samples mix a set that lies sorted by class, the worst case?

    python -m benchmarks.shuffling

Three measures of the first epoch, beside what independent draws would give: distinct classes in a batch; how often
samples that are neighbours in the file meet in a batch; and the correlation of a sample's place in the epoch with its
place in the file.
"""

import sys
from collections.abc import Callable

import numpy as np

from layermix.compilation import jit
from layermix.errors import run_program
from layermix.order import epoch_order, quasi_random_order

COUNT, CLASSES, BATCH = 1_281_167, 1000, 256
"""ImageNet-1K's training set, and the paper's batch."""


@jit
def _through_buffer(order, picks, buffer):
    """`order` as it leaves a buffer from which samples are taken at random: each gap is filled by the next read."""
    held, out = order[:buffer].copy(), np.empty_like(order)
    read, filled = buffer, buffer
    for n in range(len(order)):
        place = min(np.int64(picks[n] * filled), filled - 1)
        out[n] = held[place]
        if read < len(order):
            held[place] = order[read]
            read += 1
        else:
            filled -= 1
            held[place] = held[filled]
    return out


def buffered_order(count: int, *, shards: int, buffer: int, seed: int) -> np.ndarray:
    """Shards in random order, read one after the other through a shuffle buffer, as DALI's readers do: int64 (count,).

    Args:
        shards: equal, contiguous parts of the file.
        buffer: samples held back (DALI's `initial_fill`).
    """
    generator = np.random.Generator(np.random.Philox(seed))
    parts = np.array_split(np.arange(count), shards)
    read = np.concatenate([parts[n] for n in generator.permutation(shards)])
    return _through_buffer(read, generator.random(count), min(buffer, count))


def measure(order: np.ndarray, *, classes: int = CLASSES, batch: int = BATCH) -> dict[str, float]:
    """Three measures of an order of samples that lie sorted by class.

    Returns:
        `classes`: mean distinct classes a whole batch. `meetings`: share of the neighbours in the file that meet in a
        batch, times what independent draws give. `correlation`: of place in the epoch and place in the file, absolute.
    """
    count = len(order)
    whole = order[: count // batch * batch].reshape(-1, batch)
    labels = np.sort(whole * classes // count, axis=1)
    distinct = 1 + (np.diff(labels, axis=1) != 0).sum(axis=1)
    batch_of = np.empty(count, np.int64)
    batch_of[order] = np.arange(count) // batch
    meetings = float((batch_of[1:] == batch_of[:-1]).mean())
    return {
        "classes": float(distinct.mean()),
        "meetings": meetings / ((batch - 1) / (count - 1)),
        "correlation": abs(float(np.corrcoef(order, np.arange(count))[0, 1])),
    }


def expected_classes(classes: int = CLASSES, batch: int = BATCH) -> float:
    """Distinct classes in a batch of independent draws."""
    return classes * (1 - (1 - 1 / classes) ** batch)


ORDERS: dict[str, Callable[[], np.ndarray]] = {
    "`random`": lambda: epoch_order(COUNT, seed=0, epoch=0),
    "`quasi_random`, window 16,384": lambda: quasi_random_order(COUNT, window=16384, seed=0, epoch=0),
    "`quasi_random`, window 262,144": lambda: quasi_random_order(COUNT, window=262144, seed=0, epoch=0),
    "1,024 shards x buffer 16,384": lambda: buffered_order(COUNT, shards=1024, buffer=16384, seed=0),
    "1,024 shards x buffer 1,024": lambda: buffered_order(COUNT, shards=1024, buffer=1024, seed=0),
    "64 shards x buffer 1,024": lambda: buffered_order(COUNT, shards=64, buffer=1024, seed=0),
    "`sequential`": lambda: np.arange(COUNT),
}


def table() -> list[str]:
    """Lines of a Markdown table of `ORDERS`."""
    lines = [
        "| order | distinct classes a batch | neighbours meet, times chance | correlation |",
        "| --- | --- | --- | --- |",
    ]
    lines.append(f"| independent draws | {expected_classes():.0f} | 1.0 | 0.00 |")
    for name, make in ORDERS.items():
        found = measure(make())
        lines.append(f"| {name} | {found['classes']:.0f} | {found['meetings']:,.1f} | {found['correlation']:.2f} |")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    print("\n".join(table()))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
