"""A tiny test set and tiny models: pictures of 8 px whose brightness tells the class; no file, no training."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from eval.network import Arithmetic
from eval.plan import make_plan
from eval.predictions import Predictions
from eval.runner import Run, collect_predictions
from eval.sets import PictureBatch
from eval.subjects import Subject
from eval.suites import SuiteOptions
from eval.suites.planning import Context

CLASSES = ("dark", "middle", "bright")


class FakePictures:
    """A test set: `count` pictures, uint8 8 by 8, sample k of class k modulo 3, as a `PictureSet` and as a loader."""

    frames = None

    def __init__(self, count: int = 30, batch_size: int = 7):
        generator = np.random.default_rng(0)
        self.labels = np.arange(count) % 3
        levels = 45 + 80 * self.labels[:, None, None, None]
        noise = generator.integers(-30, 31, (count, 8, 8, 3))
        self.images = (levels + noise).clip(0, 255).astype(np.uint8)
        self.count, self.classes, self.data_hash = count, CLASSES, f"fake-{count}"
        self.preparation = {"size": 8, "crop": "none", "center_ratio": 1.0}
        self.config = SimpleNamespace(data=Path("test.beton"), size=8)
        self.manifest = SimpleNamespace(sha256="5" * 64)
        self.num_samples, self.batch_size = count, batch_size

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        for number in numbers:
            ids = np.arange(self.count)[number * size : (number + 1) * size]
            yield partial(PictureBatch, self.images[ids], self.labels[ids], ids)

    def __iter__(self) -> Iterator[SimpleNamespace]:
        """Batches of a loader, which share one buffer."""
        ring = np.empty_like(self.images[: self.batch_size])
        for ids in torch.arange(self.num_samples).split(self.batch_size):
            ring[: len(ids)] = self.images[ids]
            images = torch.from_numpy(ring[: len(ids)]).permute(0, 3, 1, 2)
            yield SimpleNamespace(images=images, labels=torch.from_numpy(self.labels[ids]), sample_ids=ids)

    def set_epoch(self, epoch: int) -> None:
        """File order is the same in every epoch."""

    def __enter__(self) -> "FakePictures":
        return self

    def __exit__(self, *exception) -> None:
        return None


class BrightnessClassifier(nn.Module):
    """Logits from the distance of the mean brightness to the three levels, behind a batch norm."""

    def __init__(self, sharpness: float = 60.0):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.sharpness = nn.Parameter(torch.tensor(sharpness))
        self.shown: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        pixels = images / 255 if images.dtype == torch.uint8 else images
        self.shown.append(images.detach().clone())
        self.was_channels_last = images.is_contiguous(memory_format=torch.channels_last)
        brightness = self.norm(pixels).mean(dim=(1, 2, 3))
        levels = torch.tensor([45.0, 125.0, 205.0], device=images.device) / 255
        return -self.sharpness * (brightness[:, None] - levels) ** 2


def make_subject(name: str = "model", classifier: nn.Module | None = None) -> Subject:
    about = {
        "model": {"name": "brightness"},
        "config": {"policy": {"name": "layermix"}, "data": {"size": 8}},
        "epoch": 2,
        "step": 40,
    }
    return Subject(name=name, classifier=classifier or BrightnessClassifier(), classes=CLASSES, path=name, about=about)


@pytest.fixture
def pictures() -> FakePictures:
    return FakePictures()


@pytest.fixture(scope="session")
def new_subject():
    """Makes a subject: `new_subject(name, classifier)`."""
    return make_subject


@pytest.fixture(scope="session")
def new_pictures():
    """Makes a test set: `new_pictures(count)`."""
    return FakePictures


@pytest.fixture(scope="session")
def new_classifier():
    """Makes a classifier of the test set: `new_classifier(sharpness)`."""
    return BrightnessClassifier


@pytest.fixture(scope="session")
def new_predictions():
    """Draws predictions that are mostly right: `new_predictions(generator, count, classes)`."""

    def draw(generator: np.random.Generator, count: int, classes: int = 8) -> Predictions:
        labels = generator.integers(0, classes, count)
        logits = generator.normal(size=(count, classes)) + 2 * np.eye(classes)[labels]
        return Predictions(logits=logits.astype(np.float32), labels=labels, sample_ids=np.arange(count))

    return draw


@pytest.fixture
def new_run(tmp_path):
    """Makes the settings of a run in a store of this test: `new_run(batch_size=7, ...)`."""

    def make(**settings) -> Run:
        defaults = {"store": tmp_path / "store", "arithmetic": Arithmetic(device=torch.device("cpu")), "batch_size": 7}
        return Run(**(defaults | settings))

    return make


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory):
    """Measures suites: `evaluated(subjects, pictures, names, options)` gives the plan and predictions by model."""

    def evaluate(subjects, pictures, names, options=None):
        options = options or SuiteOptions(regenerate=True)
        plan = make_plan(names, Context(pictures=pictures, classes=CLASSES, size=8, options=options))
        cpu = Arithmetic(device=torch.device("cpu"))
        run = Run(store=tmp_path_factory.mktemp("store"), arithmetic=cpu, batch_size=60)
        predictions, _ = collect_predictions(subjects, plan.cells, run)
        return plan, predictions

    return evaluate
