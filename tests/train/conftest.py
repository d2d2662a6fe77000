"""A tiny run: a loader made of arithmetic, a network of 78,000 weights, pictures of 8 px."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from layermix import Baseline
from models import ModelConfig
from pipelines import Batch
from train import TrainConfig
from train.config import DataConfig, OptimizerConfig, RunConfig
from train.run import train_model

STEPS_PER_EPOCH = 3


class FakeLoader:
    """Batches that depend on epoch and sample ids alone, as those of a real loader.

    `before_batch(n)` is called before the n-th batch (from 1) of this loader's life is yielded; tests stop or
    break a run there.
    """

    def __init__(
        self, *, batches: int, batch_size: int = 4, classes: int = 3, size=8, views=1, before_batch=lambda n: None
    ):
        self.batch_size, self.batches = batch_size, batches
        self.config, self.manifest, self.damaged = SimpleNamespace(size=size), None, ()
        self.num_samples = batches * batch_size
        self._shape = (3, size, size) if views == 1 else (views, 3, size, size)
        self.classes = tuple(f"class {i}" for i in range(classes))
        self.before_batch = before_batch
        self.yielded = 0
        self._epoch = self._next = 0

    def __enter__(self) -> "FakeLoader":
        return self

    def __exit__(self, *exception) -> None:
        pass

    def close(self) -> None:
        pass

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        self._epoch, self._next = epoch, 0

    def state_dict(self) -> dict:
        return {"epoch": self._epoch, "batch": self._next}

    def load_state_dict(self, state: dict) -> None:
        self._epoch, self._next = state["epoch"], state["batch"]

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(self.batches * self.batch_size, generator=torch.Generator().manual_seed(self._epoch))
        for ids in order.split(self.batch_size)[self._next :]:
            self.yielded += 1
            self.before_batch(self.yielded)
            self._next += 1
            yield self._batch(ids)
        self._next = 0

    def _batch(self, ids: torch.Tensor) -> Batch:
        pictures = [self._picture(sample_id) for sample_id in ids.tolist()]
        images = torch.stack(pictures).movedim(-3, -1).contiguous().movedim(-1, -3)  # channels last
        return Batch(images, ids % len(self.classes), ids, torch.ones(len(ids), dtype=torch.bool))

    def _picture(self, sample_id: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1000 * self._epoch + sample_id)
        return torch.randint(0, 256, self._shape, dtype=torch.uint8, generator=generator)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On cores that others use too, threads that wait for one another are many times slower than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def fake_loader() -> Callable[..., FakeLoader]:
    return FakeLoader


@pytest.fixture
def tiny_config() -> Callable[..., TrainConfig]:
    """`TrainConfig` of two epochs of three steps, with dropout; keywords go to its `run`."""

    def make(lr: float = 0.1, **run) -> TrainConfig:
        return TrainConfig(
            model=ModelConfig(name="wrn_10_1", num_classes=3, dropout=0.3),
            data=DataConfig(size=8, batch_size=4),
            policy=Baseline(),
            optimizer=OptimizerConfig(lr=lr),
            run=RunConfig(**{"epochs": 2, "log_every": 2, "device": "cpu", **run}),
        )

    return make


@pytest.fixture
def train(fake_loader, tiny_config):
    """Runs a tiny training in a folder; keywords besides the hooks go to the configuration's `run`."""

    def call(folder: Path, *, before_batch=lambda n: None, before_test_batch=lambda n: None, **settings):
        hooks = {name: settings.pop(name) for name in ("stop_requested", "progress") if name in settings}
        return train_model(
            tiny_config(**settings),
            fake_loader(batches=STEPS_PER_EPOCH, before_batch=before_batch),
            fake_loader(batches=2, before_batch=before_test_batch),
            folder=folder,
            **hooks,
        )

    return call
