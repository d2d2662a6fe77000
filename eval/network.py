"""One model on one device: pictures in, logits out, with nothing that could make a number depend on the run."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from eval.predictions import FIRST_CLASSES
from eval.store import FLOAT32_CLASSES
from layermix.errors import InputError

PrecisionName = Literal["float32", "tf32", "bfloat16", "float16"]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Where and in which numbers models compute.

    `float32` is the published way: full precision on a GPU too, where `tf32` gives convolutions 10 bits. `bfloat16`
    and `float16` are autocast.
    """

    device: torch.device
    precision: PrecisionName = "float32"

    def __post_init__(self) -> None:
        if self.device.type == "cpu" and self.precision in ("tf32", "float16"):
            raise InputError(f"--precision {self.precision} needs a GPU; use float32 or bfloat16")

    @contextmanager
    def active(self) -> Iterator[None]:
        """While the block runs, forward passes compute so, by algorithms that give equal bits from equal pictures."""
        halved = self.precision in ("bfloat16", "float16")
        kind = getattr(torch, self.precision) if halved else torch.float32
        tf32 = self.precision == "tf32"
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32),
            torch.autocast(self.device.type, dtype=kind, enabled=halved),
        ):
            yield

    def send(self, pixels: np.ndarray) -> Tensor:
        """uint8 (N, H, W, 3) as (N, 3, H, W) in channels-last memory on the device, copied while others compute."""
        return self.send_flat(pixels).permute(0, 3, 1, 2)

    def send_flat(self, array: np.ndarray) -> Tensor:
        """An array on the device; on a GPU neither side waits for the copy, which an ordinary one would."""
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor


@contextmanager
def gradients_of_full_range(device: torch.device) -> Iterator[None]:
    """Where autocast is to float16, whose gradients of sure predictions are 0, compute in float32 inside the block."""
    computed_in = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
    with torch.autocast(device.type, enabled=False) if computed_in == torch.float16 else nullcontext():
        yield


class Answer:
    """Logits and the first classes of a batch on their way to the host: `logits` float32 (N, C), `order` (N, K)."""

    def __init__(self, logits: Tensor, keep_logits: bool) -> None:
        logits = logits.float()
        needs_order = not keep_logits or logits.shape[1] > FLOAT32_CLASSES
        self._parts = [logits.to("cpu", non_blocking=True)]
        if needs_order:
            # Stable: of equal logits the lower class comes first.
            order = logits.sort(dim=1, descending=True, stable=True).indices[:, :FIRST_CLASSES]
            self._parts.append(order.to("cpu", non_blocking=True))
        self._arrived = torch.cuda.Event() if logits.is_cuda else None
        if self._arrived is not None:
            self._arrived.record(torch.cuda.current_stream(logits.device))  # its GPU need not be the current one

    def arrays(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits and order (None where logits are kept exactly), once they have arrived."""
        if self._arrived is not None:
            self._arrived.synchronize()
        logits, *order = (part.numpy() for part in self._parts)
        return logits, order[0] if order else None


def statistics(classifier: nn.Module) -> dict[str, Tensor]:
    """Copies of the batch-norm statistics, all of one kind in one row: few launches, and comparing them waits once."""
    rows = {kind: [value.flatten() for _, value in found] for kind, found in _statistics(classifier).items()}
    return {kind: torch.cat(row) for kind, row in rows.items() if row}


def _statistics(classifier: nn.Module) -> dict[str, list[tuple[str, Tensor]]]:
    """Names and values by kind."""
    found: dict[str, list[tuple[str, Tensor]]] = {kind: [] for kind in STATISTICS}
    for name, value in classifier.named_buffers():
        kind = name.rpartition(".")[2]
        if kind in found:
            found[kind].append((name, value))
    return found


def check_frozen(classifier: nn.Module, before: dict[str, Tensor], where: str) -> None:
    """Raise InputError naming `where` if a batch-norm statistic is no longer as `before`."""
    for kind, row in statistics(classifier).items():
        if torch.equal(row, before[kind]):
            continue
        names, layers = zip(*_statistics(classifier)[kind])
        parts = zip(*(values.split([layer.numel() for layer in layers]) for values in (row, before[kind])))
        moved = [name for name, part in zip(names, parts) if not torch.equal(*part)]
        raise InputError(
            f"{where}: batch-norm statistics must not move during a benchmark, got a change in {moved[0]} "
            f"and {len(moved) - 1} others; the model leaves evaluation mode, remove its call of train()"
        )


@contextmanager
def frozen_statistics(classifier: nn.Module, where: str) -> Iterator[None]:
    """Raise InputError naming `where` if a batch-norm statistic of `classifier` changes inside the block."""
    before = statistics(classifier)
    yield
    check_frozen(classifier, before, where)
