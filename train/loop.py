"""The training loop: epochs of steps, a log, tests, and checkpoints from which it continues exactly.

All ranks of a run go through it in step. Whatever decides its course (a request to stop, the time to save, a loss that
is not finite) is settled among them at the same step of each.
"""

import enum
import time
from collections.abc import Callable

from pipelines import Batch, Loader
from train.checkpointing import Checkpointer, Position
from train.config import TrainConfig
from train.distributed import Ranks
from train.meter import Meter
from train.progress import Progress
from train.record import Silence
from train.schedule import make_schedule
from train.state import COMPILING, TrainState
from train.step import TrainStep
from train.validation import evaluate
from train.watch import Phase


class Outcome(enum.Enum):
    """Why a run returned."""

    FINISHED = "finished"
    MAX_STEPS = "max_steps"
    STOPPED = "stopped"


class Trainer:
    """Trains `state` on `train_loader` from `position` on; `train.run.train_model` puts one together.

    A run that was stopped at any step, by `run.max_steps`, by `stop_requested()` or by a crash, and continued
    from its checkpoint ends in the weights, optimizer and log (but for times) of one that was not, on the same
    kind of CPU with the same number of threads.
    """

    def __init__(
        self,
        config: TrainConfig,
        state: TrainState,
        train_loader: Loader,
        test_loader: Loader | None,
        *,
        position: Position,
        checkpointer: Checkpointer,
        record: Silence,
        progress: Progress,
        stop_requested: Callable[[], bool],
        ranks: Ranks,
    ):
        self.config, self.state, self._ranks = config, state, ranks
        self._train_loader, self._test_loader = train_loader, test_loader
        self._checkpointer, self._record = checkpointer, record
        self._progress, self._stop_requested = progress, stop_requested
        self._steps_per_epoch = len(train_loader)
        self._total_steps = self._steps_per_epoch * config.run.epochs
        self._schedule = make_schedule(config, self._total_steps)
        self._train_step = TrainStep(config, self._schedule, ranks.watch.moves)
        self._meter = Meter(config.run.max_skipped_steps, ranks, state.precision.device)
        if position.meter:
            self._meter.load_state_dict(position.meter)
        self._saved = (state.epoch, state.step)
        self._best_error = position.best_error
        self._stopping = self._save_is_due = False
        self._place_loader(position)

    def run(self) -> Outcome:
        """Train until the last epoch is done or there is a reason to pause; everything is saved then.

        Raises `NonFiniteLossError` at the first log record or checkpoint after such a loss, before writing it.
        """
        with self._progress:
            self._progress.start(self._total_steps, self.state.step)
            if self.config.run.compile != "none":
                self._progress.note(COMPILING)
            self._ask_ranks()
            while (outcome := self._outcome()) is None:
                if self._batch == self._steps_per_epoch:
                    self._finish_epoch()
                else:
                    self._train()
            self._save()
            self._begin(Phase.END)
            if outcome is not Outcome.FINISHED:
                self._progress.note(f"paused at step {self.state.step}{self._meter.describe()}")
        return outcome

    def _place_loader(self, position: Position) -> None:
        if position.loader:
            self._train_loader.load_state_dict(position.loader)
        else:
            self._train_loader.set_epoch(self.state.epoch)

    @property
    def _batch(self) -> int:
        """Finished batches of the epoch in progress."""
        return self.state.step - self.state.epoch * self._steps_per_epoch

    def _outcome(self) -> Outcome | None:
        """The reason to return now; None to go on. `max_steps` lets a complete epoch be evaluated first."""
        run = self.config.run
        if self.state.epoch == run.epochs:
            return Outcome.FINISHED
        if self._stopping:
            return Outcome.STOPPED
        reached = run.max_steps is not None and self.state.step >= run.max_steps
        return Outcome.MAX_STEPS if reached and self._batch < self._steps_per_epoch else None

    def _ask_ranks(self) -> bool:
        """Learn whether any rank was asked to stop (the answer), and whether it is time to save."""
        stop, due = self._ranks.maximum(self._stop_requested(), self._checkpointer.is_due())
        self._stopping, self._save_is_due = self._stopping or stop > 0, due > 0
        return self._stopping

    def _train(self) -> None:
        """Train to the end of the epoch, or until there is a reason to return."""
        self._meter.start_clock()
        self._begin(Phase.BATCH)
        for number, batch in enumerate(self._meter.timed(self._train_loader)):
            self._begin(Phase.STEP, slow=number == 0)
            self._step(batch)
            if self._outcome() is not None:
                return
            self._begin(Phase.BATCH, slow=False)
        if self._batch != self._steps_per_epoch:
            raise RuntimeError(f"the loader ended its epoch after {self._batch} of {self._steps_per_epoch} batches")

    def _step(self, batch: Batch) -> None:
        with self._meter.computing():
            result = self._train_step(self.state, batch)
        self._meter.add(self.state.step, result, batch.sample_ids)
        self._progress.advance()
        if self._batch % self.config.run.log_every == 0 or self._batch == self._steps_per_epoch:
            self._log("train", lr=self._schedule(self.state.step - 1), **self._meter.summary())
            self._meter.restart()
        self._ask_ranks()
        if self._save_is_due:
            self._save()

    def _finish_epoch(self) -> None:
        """Evaluate where it is time to, count the epoch and save; a request to stop leaves the epoch open."""
        epoch, run, is_best = self.state.epoch + 1, self.config.run, False
        self._begin(Phase.TEST)
        if self._test_loader is not None and (epoch % run.evaluate_every == 0 or epoch == run.epochs):
            results = self._evaluations(self._test_loader)
            if results is None:
                return
            for kind, result in results.items():
                self._log(kind, **result)
            is_best = self._note_best(results["evaluation"]["error"])
        self.state.epoch = epoch
        self._train_loader.set_epoch(epoch)
        self._save(is_best=is_best)

    def _note_best(self, error: float) -> bool:
        """Whether `error` is the least test error so far, as it is from now on."""
        is_best = self._best_error is None or error < self._best_error
        if is_best:
            self._best_error = error
        return is_best

    def _evaluations(self, loader: Loader) -> dict[str, dict[str, float]] | None:
        """Results of the weights and of their moving average by the kind of their record; None if asked to stop."""
        state = self.state
        models = {"evaluation": state.model} | ({} if state.ema is None else {"ema_evaluation": state.ema})
        results = {}
        for kind, model in models.items():
            self._ranks.broadcast(model.buffers())
            started = time.perf_counter()
            result = evaluate(model, loader, state.precision, self._ask_ranks, self._ranks)
            if result is None:
                return None
            results[kind] = {**result, "seconds": round(time.perf_counter() - started, 3)}
        return results

    def _begin(self, phase: Phase, *, slow: bool = True) -> None:
        self._ranks.watch.begins(phase, self.state.step, slow=slow)

    def _log(self, kind: str, **fields: float) -> None:
        self._begin(Phase.LOG)
        fields = {"step": self.state.step, "epoch": self.state.epoch + 1, **fields}
        with self._ranks.together():
            self._record.write(kind, **fields)
            self._progress.show(kind, fields)

    def _save(self, *, is_best: bool = False) -> None:
        """Write a checkpoint unless the last one says the same; every loss up to it is known to be finite."""
        self._begin(Phase.SAVE)
        self._meter.settle()
        if self._saved == (self.state.epoch, self.state.step):
            return
        with self._ranks.together():
            log_bytes = self._record.sync()
        position = Position(
            log_bytes=log_bytes,
            meter=self._meter.state_dict(),
            loader=self._train_loader.state_dict(),
            best_error=self._best_error,
        )
        self._checkpointer.save(self.state, position, is_best=is_best)
        self._saved = (self.state.epoch, self.state.step)
        self._meter.start_clock()
