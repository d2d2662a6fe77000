"""Where tensors live, in which type the network computes, and with how many threads."""

import os
from dataclasses import dataclass

import torch

from layermix.errors import InputError


@dataclass(frozen=True)
class Precision:
    """A device and the type that autocast computes in; `float32` is no autocast."""

    device: torch.device
    dtype: torch.dtype

    def autocast(self) -> torch.autocast:
        """Context in which forward passes and losses are computed."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Scaler of the loss; it does nothing except for float16, whose small gradients would vanish."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)


def choose_precision(device: str, precision: str) -> Precision:
    """The device and type for `run.device` and `run.precision`.

    Raises `InputError` for a GPU that torch does not find and for float16 on the CPU.
    """
    has_gpu = torch.cuda.is_available()
    if device == "auto":
        device = "cuda" if has_gpu else "cpu"
    if device == "cuda" and not has_gpu:
        raise InputError("`device` must be one that torch finds, got cuda; use --device cpu or repair the driver")
    if device == "cpu" and precision == "float16":
        raise InputError("`precision` must be float32 or bfloat16 on the CPU, got float16; change --precision")
    return Precision(torch.device(device), getattr(torch, precision))


def core_count(sharing: int = 1) -> int:
    """Cores for each of `sharing` processes on this machine, at least 1."""
    return max(1, len(os.sched_getaffinity(0)) // sharing)


def limit_network_threads(threads: int | None, sharing: int = 1) -> None:
    """Let torch compute on the CPU with `threads` threads; None is one less than each of `sharing` processes has cores.

    The threads of a layer wait for one another, so one that shares its core with another holds up all: on two busy
    cores two threads were four times slower than one.
    """
    torch.set_num_threads(threads or max(1, core_count(sharing) - 1))


def choose_algorithms(precision: Precision, *, deterministic: bool) -> None:
    """Let cuDNN try which algorithm is fastest for each shape; or, for this process, allow only reproducible ones."""
    torch.backends.cudnn.benchmark = precision.device.type == "cuda" and not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not reproducible
        torch.use_deterministic_algorithms(True)
