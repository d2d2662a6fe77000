"""How well does each order of samples mix a set that lies sorted by class, the worst case?

    python -m benchmarks.shuffling

Three measures of the first epoch, beside what independent draws would give: distinct classes in a batch; how often
samples that are neighbours in the file meet in a batch; and the correlation of a sample's place in the epoch with its
place in the file.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from layermix.errors import run_program
from layermix.order import epoch_order, quasi_random_order
from pipelines import LoaderConfig
from pipelines.shares import rank_share
from pipelines.telling import tell

COUNT, CLASSES, BATCH = 1_281_167, 1000, 256
"""ImageNet-1K's training set, and the paper's batch."""


def shards_order(count: int, *, shards: int, window: int, ranks: int = 1, batch: int = BATCH) -> np.ndarray:
    """The order "shards" of a set in equal shards, the ranks' batches of a step one after the other: int64 (n,).

    Args:
        window: samples that the buffer of each rank holds.
        batch: samples of a step, over all ranks; what is left over of one is dropped.
    """
    counts = np.diff(np.arange(shards + 1) * count // shards).tolist()
    config = LoaderConfig(
        data=Path("shards"), size=1, batch_size=batch // ranks, order="shards", window=window, drop_last=True, rank=0,
        world_size=ranks,
    )  # fmt: skip
    shares = [rank_share(replace(config, rank=rank), count, 0, counts)[0] for rank in range(ranks)]
    return np.stack([share.reshape(-1, batch // ranks) for share in shares], axis=1).reshape(-1)


def measure(order: np.ndarray, *, classes: int = CLASSES, batch: int = BATCH) -> dict[str, float]:
    """Three measures of an order of samples that lie sorted by class.

    Returns:
        `classes`: mean distinct classes a whole batch. `meetings`: share of the neighbours in the file that meet in a
        batch, times what independent draws give. `correlation`: of place in the epoch and place in the file, absolute.
    """
    count = int(order.max()) + 1
    whole = order[: len(order) // batch * batch].reshape(-1, batch)
    labels = np.sort(whole * classes // count, axis=1)
    distinct = 1 + (np.diff(labels, axis=1) != 0).sum(axis=1)
    batch_of = np.full(count, -1)
    batch_of[order] = np.arange(len(order)) // batch
    meetings = float(((batch_of[1:] == batch_of[:-1]) & (batch_of[1:] >= 0)).mean())
    return {
        "classes": float(distinct.mean()),
        "meetings": meetings / ((batch - 1) / (count - 1)),
        "correlation": abs(float(np.corrcoef(order, np.arange(len(order)))[0, 1])),
    }


def expected_classes(classes: int = CLASSES, batch: int = BATCH) -> float:
    """Distinct classes in a batch of independent draws."""
    return classes * (1 - (1 - 1 / classes) ** batch)


ORDERS: dict[str, Callable[[], np.ndarray]] = {
    "`random`": lambda: epoch_order(COUNT, seed=0, epoch=0),
    "`quasi_random`, window 16,384": lambda: quasi_random_order(COUNT, window=16384, seed=0, epoch=0),
    "`quasi_random`, window 262,144": lambda: quasi_random_order(COUNT, window=262144, seed=0, epoch=0),
    "`shards`, 1,024 of them, window 16,384": lambda: shards_order(COUNT, shards=1024, window=16384),
    "the same, 8 ranks": lambda: shards_order(COUNT, shards=1024, window=16384, ranks=8),
    "`shards`, 1,024 of them, window 1,024": lambda: shards_order(COUNT, shards=1024, window=1024),
    "`shards`, 64 of them, window 1,024": lambda: shards_order(COUNT, shards=64, window=1024),
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
        tell(f"order {name}")
        found = measure(make())
        lines.append(f"| {name} | {found['classes']:.0f} | {found['meetings']:,.1f} | {found['correlation']:.2f} |")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    print("\n".join(table()))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
