"""The log of a run in TensorBoard and Weights & Biases, for those who ask; `log.jsonl` stays the source of truth."""

import hashlib
from pathlib import Path
from typing import Any

from layermix.config import to_mapping
from layermix.errors import InputError
from train.config import TrainConfig
from train.progress import Progress


class TensorBoard(Progress):
    """Writes each record to `RUN/tensorboard`; a continued run drops what came after its checkpoint."""

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard") from error
        self._make, self._folder, self._writer = SummaryWriter, folder, None

    def start(self, total_steps: int, step: int) -> None:
        self._writer = self._make(str(self._folder / "tensorboard"), purge_step=step + 1)

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        if self._writer is not None:
            for name, value in fields.items():
                self._writer.add_scalar(f"{kind}/{name}", value, fields["step"])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class WeightsAndBiases(Progress):
    """Sends each record to wandb, as one run a folder that continues; WANDB_MODE=offline keeps it in the folder."""

    def __init__(self, config: TrainConfig, folder: Path):
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb") from error
        self._wandb, self._config, self._folder, self._run = wandb, config, folder, None

    def start(self, total_steps: int, step: int) -> None:
        name = str(self._folder.resolve())
        self._run = self._wandb.init(
            project="layermix",
            name=self._folder.name,
            id=hashlib.sha256(name.encode()).hexdigest()[:16],
            resume="allow",
            dir=str(self._folder),
            config=to_mapping(self._config),
        )
        self._run.define_metric("*", step_metric="step")

    def show(self, kind: str, fields: dict[str, Any]) -> None:
        if self._run is not None:
            values = {f"{kind}/{name}": value for name, value in fields.items() if name != "step"}
            self._run.log({**values, "step": fields["step"]})

    def close(self) -> None:
        if self._run is not None:
            self._run.finish()


def make_trackers(config: TrainConfig, folder: Path) -> list[Progress]:
    """What `run.track` asks for; `InputError` where its package is missing."""
    makers = {"tensorboard": lambda: TensorBoard(folder), "wandb": lambda: WeightsAndBiases(config, folder)}
    return [makers[name]() for name in dict.fromkeys(config.run.track)]


def _missing(name: str) -> InputError:
    return InputError(f"`track` {name} needs the package {name}; install it with `uv sync --extra {name}`")
