"""One run from its configuration and loaders: state, checkpoint, run folder, loop."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from layermix.errors import InputError
from layermix.files import atomic_file
from layermix.manifest import Manifest
from models import InitialWeights, load_initial_weights
from pipelines import Loader
from train.checkpointing import Checkpointer
from train.config import TrainConfig
from train.distributed import SINGLE, Ranks
from train.ema import save_ema
from train.environment import save_config, save_environment
from train.loaders import check_loaders
from train.loop import Outcome, Trainer
from train.meter import NonFiniteLossError
from train.progress import Progress
from train.record import Record, Silence
from train.state import TrainState, initial_state

LOG = "log.jsonl"
NON_FINITE = "non_finite_loss.json"


def train_model(
    config: TrainConfig,
    train_loader: Loader,
    test_loader: Loader | None,
    *,
    folder: Path,
    manifests: Mapping[str, Manifest] | None = None,
    command: Sequence[str] = (),
    progress: Progress | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
    ranks: Ranks = SINGLE,
) -> Outcome:
    """Train, or continue to train, in the run folder `folder`; why it returned. All ranks of a run call it.

    Args:
        config: what to do; its paths are not looked at, the loaders are given.
        train_loader: augmented training batches.
        test_loader: test batches, each picture once; None trains without measuring.
        folder: gets config.yaml, environment.json, log.jsonl and checkpoints/, all from rank 0; a
            finished run with a moving average also checkpoints/ema.pt.
        manifests: of the datasets by role (train, test, fractals); a run continues on the same ones only.
        command: the command line, for environment.json.
        progress: what a person sees; nothing by default.
        stop_requested: asked after each step; once true on any rank, the run is saved and all return.
        ranks: who takes part, each with its own share of the loaders' batches.

    Raises:
        InputError: loaders that do not fit the model, a folder that cannot be continued, a loss that is not finite
            (`non_finite_loss.json` then holds its step and sample ids).
    """
    manifests, progress = manifests or {}, progress or Progress()
    digests = {role: manifest.sha256 for role, manifest in manifests.items()}
    with ExitStack() as stack:
        with ranks.together():
            check_loaders(train_loader, test_loader, config)
            record = stack.enter_context(Record(folder / LOG) if ranks.is_main else Silence())
        state = initial_state(config, ranks)
        checkpointer = stack.enter_context(Checkpointer(config, folder, train_loader.classes, digests, ranks))
        position = checkpointer.restore(state, progress.note)
        weights = _load_weights(state, ranks)
        with ranks.together():
            record.cut(position.log_bytes)
            if ranks.is_main:
                save_config(folder, config)
                save_environment(folder, state.precision.device, manifests, command, weights, ranks.world_size)
        trainer = Trainer(
            config,
            state,
            train_loader,
            test_loader,
            position=position,
            checkpointer=checkpointer,
            record=record,
            progress=progress,
            stop_requested=stop_requested,
            ranks=ranks,
        )
        try:
            outcome = trainer.run()
        except NonFiniteLossError as error:
            epoch = (error.step - 1) // len(train_loader)
            with ranks.together():
                if ranks.is_main:
                    _save_failure(folder / NON_FINITE, error, epoch, config.run.seed)
                raise InputError(f"{error}; {folder / NON_FINITE} holds its sample ids") from error
        with ranks.together():
            if state.ema is not None and outcome is Outcome.FINISHED and ranks.is_main:
                save_ema(folder, state.ema, config, train_loader.classes, epoch=state.epoch, step=state.step)
    return outcome


def _load_weights(state: TrainState, ranks: Ranks) -> InitialWeights | None:
    """Give a fresh state the weights that its model names, read by rank 0, and what they are; None otherwise."""
    if state.step:
        return None
    weights = ranks.on_main(lambda: load_initial_weights(state.model))
    ranks.broadcast([*state.model.parameters(), *state.model.buffers()])
    return weights


def _save_failure(path: Path, error: NonFiniteLossError, epoch: int, seed: int) -> None:
    """Write what identifies the failed batch; its pixels follow from seed, epoch (from 0) and sample ids."""
    facts = {"step": error.step, "loss": str(error.loss), "seed": seed, "epoch_counter": epoch}
    with atomic_file(path) as file:
        file.write(json.dumps({**facts, "sample_ids": error.sample_ids}, indent=1).encode())
