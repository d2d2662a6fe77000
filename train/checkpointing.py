"""From a training state to a checkpoint and back, so that a run continues as if nothing had happened."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from layermix.config import to_mapping
from layermix.errors import InputError
from models import Checkpoint, load_checkpoint, save_checkpoint
from models.checkpoint import LAST_CHECKPOINT, load_weights
from train.config import TrainConfig
from train.state import TrainState

_FREE_KEYS = ("data.train", "data.test", "data.fractals", "data.test_batch_size")
_FREE_RUN_KEYS = ("out", "max_steps", "resume", "threads", "device", "checkpoint_minutes", "track")


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a continued run takes up its log and its loader."""

    log_bytes: int = 0
    meter: dict[str, Any] = field(default_factory=dict)
    loader: dict[str, Any] = field(default_factory=dict)


class Checkpointer:
    """Saves to `RUN/checkpoints/last.pt` and says when that is due."""

    def __init__(self, config: TrainConfig, folder: Path, classes: Sequence[str], datasets: dict[str, str]):
        """`datasets` holds the sha256 of each dataset by its role; a run only continues on the same ones."""
        self._config, self._classes, self._datasets = config, tuple(classes), datasets
        self.path = folder / LAST_CHECKPOINT
        self._saved_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether `run.checkpoint_minutes` have passed since the last save."""
        return time.monotonic() - self._saved_at >= 60 * self._config.run.checkpoint_minutes

    def save(self, state: TrainState, position: Position) -> None:
        """Write everything that the rest of the run depends on."""
        training = {
            "optimizer": state.optimizer.state_dict(),
            "scaler": state.scaler.state_dict(),
            "generators": _generator_states(),
            "loader": position.loader,
            "log_bytes": position.log_bytes,
            "meter": position.meter,
            "ema": None if state.ema is None else state.ema.state_dict(),
            "datasets": self._datasets,
        }
        checkpoint = Checkpoint(
            model=self._config.model,
            weights=state.model.state_dict(),
            classes=self._classes,
            epoch=state.epoch,
            step=state.step,
            config=to_mapping(self._config),
            training=training,
        )
        save_checkpoint(self.path, checkpoint)
        self._saved_at = time.monotonic()

    def restore(self, state: TrainState) -> Position:
        """Bring `state` and torch's generators to the saved checkpoint; a fresh position where there is none.

        Raises `InputError` where `run.resume` forbids to continue, or the checkpoint is damaged or belongs to
        another configuration or other datasets.
        """
        if not self.path.exists():
            return Position()
        if self._config.run.resume == "never":
            raise InputError(
                f"`resume` is never, but {self.path} exists; continue it with --resume auto, "
                "give another --out, or remove the folder"
            )
        checkpoint = load_checkpoint(self.path)
        load_weights(state.model, checkpoint, self.path)
        self._check_same_run(checkpoint)
        return _restore(state, checkpoint)

    def _check_same_run(self, checkpoint: Checkpoint) -> None:
        for key, (saved, wanted) in _differences(checkpoint.config, to_mapping(self._config)).items():
            raise InputError(
                f"`{key}` must stay {saved} to continue {self.path}, got {wanted}; "
                "take back the change, or start anew in another --out folder"
            )
        for role, digest in checkpoint.training["datasets"].items():
            if self._datasets.get(role, digest) != digest:
                raise InputError(
                    f"`data.{role}` must be the file that {self.path} was trained with, sha256 {digest[:12]}, "
                    f"got {self._datasets[role][:12]}; give that file, or start anew in another --out folder"
                )


def _restore(state: TrainState, checkpoint: Checkpoint) -> Position:
    training = checkpoint.training
    state.optimizer.load_state_dict(training["optimizer"])
    state.scaler.load_state_dict(training["scaler"])
    if state.ema is not None:
        state.ema.load_state_dict(training["ema"])
    state.epoch, state.step = checkpoint.epoch, checkpoint.step
    _set_generator_states(training["generators"])
    return Position(log_bytes=training["log_bytes"], meter=training["meter"], loader=training["loader"])


def _generator_states() -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _set_generator_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available() and states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])


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
