"""What every loader of this package does the same way: where it stands in an epoch, and what becomes of damage."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cache
from math import ceil
from typing import Any, Self

import numpy as np

from layermix import FractalBank, InputError
from layermix.compilation import is_compiled
from layermix.engine import run_programs
from layermix.philox import MAX_EPOCH
from pipelines.config import LoaderConfig
from pipelines.contract import Batch
from pipelines.shares import rank_and_world_size, rank_share

_LOG = logging.getLogger(__name__)


class EpochLoader(ABC):
    """Base of the loaders: the half of `pipelines.Loader` that does not depend on how pictures are decoded.

    A subclass yields the batches from `next_batch` on in `__iter__`, and ends what runs in `close`.

    Args:
        config: the settings.
        num_samples: samples of the dataset.
        shards: samples of each of its files, where the backend can read one after the other.
        engine: the compiled function by which the processor mixes.
    """

    def __init__(
        self, config: LoaderConfig, num_samples: int, shards: Sequence[int] = (), engine: Any = run_programs
    ) -> None:
        self.config, self.num_samples, self.shards = config, num_samples, shards
        self.epoch, self.next_batch = 0, 0
        self.ids, self.valid = rank_share(config, num_samples, 0, shards)
        _, self._world_size = rank_and_world_size(config)
        self._damaged: set[int] = set()
        if config.policy is not None and not _mixes_on_gpu(config):
            tell_of_compilation(engine)

    @abstractmethod
    def __iter__(self) -> Iterator[Batch]: ...

    @abstractmethod
    def close(self) -> None:
        """End a running iteration."""

    def end_iteration(self) -> None:
        """End a running iteration for another one to begin; a backend whose workers outlive an epoch keeps them."""
        self.close()

    def __len__(self) -> int:
        return ceil(len(self.ids) / self.config.batch_size)

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._damaged))

    def set_epoch(self, epoch: int) -> None:
        if not 0 <= epoch <= MAX_EPOCH:
            raise InputError(f"`epoch` must be in 0..{MAX_EPOCH}, got {epoch}")
        self.end_iteration()
        self.epoch, self.next_batch = epoch, 0
        self.ids, self.valid = rank_share(self.config, self.num_samples, epoch, self.shards)

    def state_dict(self) -> dict[str, int]:
        state = {"epoch": self.epoch, "batch": self.next_batch}
        return state | {"world_size": self._world_size} if self.config.order == "shards" else state

    def load_state_dict(self, state: dict[str, int]) -> None:
        saved = state.get("world_size", self._world_size)
        if state["batch"] and saved != self._world_size:
            raise InputError(
                f"`world_size` must stay {saved} within an epoch of order 'shards', in which each rank reads a part of "
                f"its own, got {self._world_size}; go on with {saved} ranks, or from the start of an epoch"
            )
        self.set_epoch(state["epoch"])
        if not 0 <= state["batch"] <= len(self):
            raise InputError(
                f"`batch` of the loader state must be in 0..{len(self)}, got {state['batch']}; it was taken with "
                "another dataset, batch size or world size"
            )
        self.next_batch = state["batch"]

    def note_damage(self, ids: np.ndarray, sound: np.ndarray, place: str) -> None:
        """Raise for the samples `ids` of a batch where `sound`, bool of the same shape, is False; or remember them.

        Args:
            place: where the first of them is stored, for the message.
        """
        damaged = ids[~sound]
        if self.config.on_damage == "raise":
            raise InputError(
                f"{place}: sample {damaged[0]} does not decode whole: the file was damaged, or the picture before "
                'it was written; copy or write it again, or leave such samples out with on_damage="skip"'
            )
        self._damaged.update(damaged.tolist())
        if not sound.any():
            raise InputError(
                f"{place}: all {len(ids)} samples of a batch, {damaged[0]} among them, do not decode, so "
                "nothing is left of it; copy or write the file again"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open_bank(config: LoaderConfig) -> FractalBank | None:
    """The fractals of a configuration whose policy uses them, else None; InputError where a crop is larger than one."""
    if config.fractals is None or config.policy is None or not config.policy.uses_fractals:
        return None
    bank = FractalBank.open(config.fractals)
    if min(bank.minimum_size) < config.size:
        raise InputError(
            f"{config.fractals}: the smallest picture is {bank.minimum_size[0]} x {bank.minimum_size[1]}, smaller than "
            f"`size` {config.size}; write the bank again with --short-side {config.size} or more"
        )
    return bank


def _mixes_on_gpu(config: LoaderConfig) -> bool:
    return config.decode == "gpu" or (config.resident and config.device.startswith("cuda"))


@cache
def tell_of_compilation(engine: Any) -> None:
    """Say, once a process, that a compiled function of the engine is to be compiled, where it is not on disk."""
    if not is_compiled(engine):
        _LOG.warning("compiling the engine for this processor before the first batch: about a minute, once")
