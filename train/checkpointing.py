"""From a training state to a checkpoint and back, so that a run continues as if nothing had happened."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from layermix.config import build, to_mapping
from layermix.errors import InputError
from models import Checkpoint
from models.checkpoint import load_weights
from train.checkpoint_folder import CheckpointFolder
from train.config import TrainConfig
from train.distributed import SINGLE, Ranks
from train.state import TrainState

_FREE_KEYS = (
    "data.train", "data.test", "data.fractals", "data.test_batch_size", "data.os_cache", "data.batches_ahead",
)  # fmt: skip
_FREE_RUN_KEYS = (
    "out", "max_steps", "resume", "threads", "device", "checkpoint_minutes", "track", "rank_timeout", "stall_timeout",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a continued run takes up its log and its loader, and the least test error so far."""

    log_bytes: int = 0
    meter: dict[str, Any] = field(default_factory=dict)
    loader: dict[str, Any] = field(default_factory=dict)
    best_error: float | None = None


class Checkpointer:
    """Saves to the run folder and says when that is due; a context manager that ends with everything on the disk.

    Rank 0 copies the state and writes it in the background while training goes on. All ranks call `save` and
    `restore`, and leave, together: a checkpoint that cannot be written then ends them all, and rank 0 tells why.
    """

    def __init__(
        self, config: TrainConfig, folder: Path, classes: Sequence[str], datasets: dict[str, str], ranks: Ranks = SINGLE
    ):
        """`datasets` holds the sha256 of each dataset by its role; a run only continues on the same ones."""
        self._config, self._classes, self._datasets, self._ranks = config, tuple(classes), datasets, ranks
        self.folder = CheckpointFolder(folder)
        self._saved_at = time.monotonic()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future | None = None

    def __enter__(self) -> "Checkpointer":
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait for the checkpoint that is being written; raises `InputError` where it cannot be."""
        self._writer.shutdown()
        if exception[0] is None:
            self._finish_writing()

    def is_due(self) -> bool:
        """Whether `run.checkpoint_minutes` have passed since the last save, by the clock of rank 0, or that failed."""
        minutes = (time.monotonic() - self._saved_at) / 60
        return self._ranks.is_main and (self._has_failed() or minutes >= self._config.run.checkpoint_minutes)

    def save(self, state: TrainState, position: Position, *, is_best: bool) -> None:
        """Write everything that the rest of the run depends on, once the checkpoint before is written.

        Raises `InputError` on rank 0 where that one cannot be; the others leave then, see `Ranks.together`.
        """
        self._finish_writing()
        generators = self._ranks.gather_objects(_generator_states())
        if self._ranks.is_main:
            checkpoint = self._checkpoint(state, position, generators, is_best)
            self._writing = self._writer.submit(self.folder.save, checkpoint, is_best=is_best)
        self._saved_at = time.monotonic()

    def restore(self, state: TrainState, warn: Callable[[str], None]) -> Position:
        """Bring `state` and torch's generators to the newest sound checkpoint; a fresh position where there is none.

        `warn` is told of a damaged checkpoint and of another number of ranks. Raises `InputError` where `run.resume`
        forbids to continue, or the checkpoint belongs to another configuration or other datasets, or all are damaged.
        """
        found = self._ranks.on_main(lambda: self._find(state, warn))
        if found is None:
            return Position()
        path, checkpoint = found
        load_weights(state.model, checkpoint, path)
        return _restore(state, checkpoint, self._ranks)

    def _checkpoint(self, state: TrainState, position: Position, generators: list, is_best: bool) -> Checkpoint:
        """A copy of all there is, so that training may go on."""
        training = {
            "optimizer": state.optimizer.state_dict(),
            "scaler": state.scaler.state_dict(),
            "generators": generators,
            "loader": position.loader,
            "log_bytes": position.log_bytes,
            "meter": position.meter,
            "ema": None if state.ema is None else state.ema.state_dict(),
            "best_error": position.best_error,
            "is_best": is_best,
            "datasets": self._datasets,
        }
        return Checkpoint(
            model=self._config.model,
            weights=_copy(state.model.state_dict()),
            classes=self._classes,
            epoch=state.epoch,
            step=state.step,
            config=to_mapping(self._config),
            training=_copy(training),
        )

    def _has_failed(self) -> bool:
        return self._writing is not None and self._writing.done() and self._writing.exception() is not None

    def _finish_writing(self) -> None:
        """Wait on all ranks for the checkpoint that rank 0 is writing; on it, raises what stopped it."""
        writing, self._writing = self._writing, None
        with self._ranks.together():
            if writing is not None:
                writing.result()

    def _find(self, state: TrainState, warn: Callable[[str], None]) -> tuple[Path, Checkpoint] | None:
        """The checkpoint to continue from, known to fit, and its path; `last.pt` stands for it then."""
        found = self.folder.newest(warn)
        if found is None:
            return None
        path, checkpoint = found
        if self._config.run.resume == "never":
            raise InputError(
                f"`resume` is never, but {path} exists; continue it with --resume auto, "
                "give another --out, or remove the folder"
            )
        load_weights(state.model, checkpoint, path)
        self._check_same_run(path, checkpoint)
        self.folder.link(path, is_best=checkpoint.training["is_best"])
        saved = len(checkpoint.training["generators"])
        if saved != self._ranks.world_size:
            warn(
                f"warning: {path} is of {saved} ranks, this run has {self._ranks.world_size}: the samples stay the "
                "same, dropout and rounding do not"
            )
        return found

    def _check_same_run(self, path: Path, checkpoint: Checkpoint) -> None:
        told = build(TrainConfig, checkpoint.config, str(path))  # settings that are newer than the file are at default
        for key, (saved, wanted) in _differences(to_mapping(told), to_mapping(self._config)).items():
            raise InputError(
                f"`{key}` must stay {saved} to continue {path}, got {wanted}; "
                "take back the change, or start anew in another --out folder"
            )
        for role, digest in checkpoint.training["datasets"].items():
            if self._datasets.get(role, digest) != digest:
                raise InputError(
                    f"`data.{role}` must be the file that {path} was trained with, sha256 {digest[:12]}, "
                    f"got {self._datasets[role][:12]}; give that file, or start anew in another --out folder"
                )


def _restore(state: TrainState, checkpoint: Checkpoint, ranks: Ranks) -> Position:
    training = checkpoint.training
    state.optimizer.load_state_dict(training["optimizer"])
    state.scaler.load_state_dict(training["scaler"])
    if state.ema is not None:
        state.ema.load_state_dict(training["ema"])
    state.epoch, state.step = checkpoint.epoch, checkpoint.step
    if ranks.rank < len(training["generators"]):
        _set_generator_states(training["generators"][ranks.rank])
    return Position(
        log_bytes=training["log_bytes"],
        meter=training["meter"],
        loader=training["loader"],
        best_error=training["best_error"],
    )


def _generator_states() -> dict[str, Tensor]:
    """The states of this rank's generators, by device."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _set_generator_states(states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])


def _copy(value: Any) -> Any:
    """`value` with its tensors copied to the memory of the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value)
    return value


def _differences(saved: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Saved and wanted value of each key that decides a run and differs."""
    old, new = _flat(saved), _flat(wanted)
    free = {*_FREE_KEYS, *(f"run.{key}" for key in _FREE_RUN_KEYS)}
    keys = [key for key in {**old, **new} if key not in free and old.get(key) != new.get(key)]
    return {key: (old.get(key), new.get(key)) for key in keys}


def _flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
