"""What happened since the last log record: losses, skipped steps, rate, and where the time went."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from layermix.errors import InputError
from train.clock import StepClock
from train.distributed import SINGLE, Ranks
from train.step import StepResult

_CPU = torch.device("cpu")


class NonFiniteLossError(ArithmeticError):
    """A loss is infinite or not a number; `sample_ids` are those of that `step` on the ranks where it is."""

    def __init__(self, step: int, loss: float, sample_ids: list[int]):
        super().__init__(f"the loss must be finite, got {loss} at step {step}; start anew with a lower --optimizer.lr")
        self.step, self.loss, self.sample_ids = step, loss, sample_ids


class Meter:
    """Collects steps without waiting for the device; `settle` fetches what they tell at once.

    Losses and counts survive a restart through `state_dict`; times count from the last `restart` or `start_clock`.
    """

    def __init__(self, max_skipped_steps: int, ranks: Ranks = SINGLE, device: torch.device = _CPU):
        self._max_skipped, self._ranks, self._clock = max_skipped_steps, ranks, StepClock(device)
        self.losses: list[float] = []
        self._skipped = self._skipped_in_a_row = 0
        self._pending: list[tuple[int, StepResult, Tensor]] = []
        self.start_clock()

    def state_dict(self) -> dict[str, Any]:
        """Losses since the last log record, and counts of skipped steps: over the run, and of late in a row."""
        in_a_row = self._skipped_in_a_row
        return {"losses": list(self.losses), "skipped": self._skipped, "skipped_in_a_row": in_a_row}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.losses, self._skipped = list(state["losses"]), state["skipped"]
        self._skipped_in_a_row = state["skipped_in_a_row"]

    def start_clock(self) -> None:
        """Count time and pictures from now."""
        self._clock.restart()
        self._images = 0

    def restart(self) -> None:
        """Begin a new interval."""
        self.losses.clear()
        self.start_clock()

    def timed(self, loader: Iterable) -> Iterator:
        """The batches of `loader`, with the time spent blocked on it counted."""
        return self._clock.timed(loader)

    def computing(self) -> AbstractContextManager[None]:
        """Count the time of a block as that of a step."""
        return self._clock.computing()

    def add(self, step: int, result: StepResult, sample_ids: Tensor) -> None:
        """Count one step; the values of `result` may be on any device, `sample_ids` `(N,)` are copied."""
        self._pending.append((step, result, sample_ids.clone()))
        self._images += len(sample_ids)

    def settle(self) -> None:
        """Fetch what the steps added so far tell; a loss is the mean over the ranks.

        Raises, on all ranks alike, `NonFiniteLossError` for the first step whose loss is not finite on one of them; and
        on the first rank `InputError` where more steps in a row were skipped than may be, for all ranks leave then.
        """
        if not self._pending:
            return
        results = [result for _, result, _ in self._pending]
        losses = self._ranks.gather(torch.stack([loss for loss, _ in results]).tolist())
        skips = torch.stack([skipped for _, skipped in results]).tolist()
        for (step, _, sample_ids), of_ranks, skipped in zip(self._pending, zip(*losses), skips):
            loss = sum(of_ranks) / len(of_ranks)
            if not math.isfinite(loss):
                raise NonFiniteLossError(step, loss, self._samples_of_non_finite(of_ranks, sample_ids))
            self._count_skipped(step, skipped)
            self.losses.append(loss)
        self._pending.clear()

    def _samples_of_non_finite(self, losses: Sequence[float], sample_ids: Tensor) -> list[int]:
        by_rank = self._ranks.gather_objects(sample_ids.tolist())
        return [sample_id for loss, ids in zip(losses, by_rank) if not math.isfinite(loss) for sample_id in ids]

    def _count_skipped(self, step: int, skipped: bool) -> None:
        self._skipped += skipped
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if skipped else 0
        if self._skipped_in_a_row > self._max_skipped:
            with self._ranks.together():
                raise InputError(
                    f"`max_skipped_steps` is {self._max_skipped}, but {self._skipped_in_a_row} steps in a row up to "
                    f"step {step} were skipped, as their gradients overflow float16; use --precision bfloat16 or a "
                    "lower --optimizer.lr"
                )

    def summary(self) -> dict[str, float]:
        """Of the interval: mean loss, pictures a second, shares of the time that `StepClock` tells apart.

        Pictures are those of all ranks, and each share is that of the rank where it is greatest. `skipped_steps`
        counts those of the whole run.
        """
        self.settle()
        seconds, shares = self._clock.seconds, self._clock.shares()
        greatest = self._ranks.maximum(*shares.values())
        return {
            "loss": math.fsum(self.losses) / len(self.losses),
            "images_per_second": round(self._images * self._ranks.world_size / seconds, 1),
            **{f"{name}_share": round(share, 4) for name, share in zip(shares, greatest)},
            "skipped_steps": self._skipped,
        }

    def describe(self) -> str:
        """The mean loss since the last log record, as the tail of a sentence; empty without steps."""
        return f", loss {math.fsum(self.losses) / len(self.losses):.4f}" if self.losses else ""
