"""What do slow reads cost a synchronous run, by the number of ranks and the loader's headroom?

    python -m benchmarks.stragglers

A simulation. Every rank's loader prepares batches up to a number ahead; a batch takes the step time over the headroom,
log-normally spread, and one in a thousand takes twenty times as long, as from a busy file server. A step begins when
the step before is over and every rank has its batch.
"""

import sys

import numpy as np

from layermix.errors import run_program

SPREAD, SLOW_SHARE, SLOWDOWN = 0.2, 0.001, 20.0
"""Standard deviation of the logarithm of a batch's time; share of slow batches, and how slow they are."""


def busy_share(*, ranks: int, headroom: float, ahead: int, steps: int = 4000, seed: int = 0) -> float:
    """Share of the time in which the GPUs compute, 0 to 1.

    Args:
        headroom: rate of a rank's loader over the rate of its GPU.
        ahead: batches prepared in advance.
    """
    took = _batch_times(ranks, headroom, steps, seed)
    ready, started = np.zeros(ranks), np.zeros(steps + 1)
    for step in range(steps):
        room = started[step - ahead] if step >= ahead else 0.0
        ready = np.maximum(ready, room) + took[step]
        started[step] = max(started[step - 1] + 1 if step else 0.0, ready.max())
    return steps / (started[steps - 1] + 1)


def _batch_times(ranks: int, headroom: float, steps: int, seed: int) -> np.ndarray:
    """Time of every batch in step times, mean 1 / headroom but for the slow ones: float64 (steps, ranks)."""
    generator = np.random.Generator(np.random.Philox(seed))
    spread = np.exp(SPREAD * generator.standard_normal((steps, ranks)) - SPREAD**2 / 2)
    slow = np.where(generator.random((steps, ranks)) < SLOW_SHARE, SLOWDOWN, 1.0)
    return spread * slow / headroom


def table() -> list[str]:
    """Lines of a Markdown table: GPU busy share by ranks and headroom, for 3 and 32 batches ahead."""
    headrooms = (1.0, 1.2, 1.5, 2.0, 3.0)
    lines = ["| ranks, batches ahead | " + " | ".join(f"headroom {h:g}" for h in headrooms) + " |"]
    lines.append("| --- |" + " --- |" * len(headrooms))
    for ranks in (1, 8, 64):
        for ahead in (3, 32):
            shares = [busy_share(ranks=ranks, headroom=headroom, ahead=ahead) for headroom in headrooms]
            lines.append(f"| {ranks}, {ahead} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Print the table."""
    print("\n".join(table()))
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
