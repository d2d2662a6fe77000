"""AutoAttack (Croce & Hein 2020), standard version, L-infinity: an extra beside PGD, far slower and far stronger.

Needs the extra `autoattack` (pyautoattack) and a model of at least four classes. Budgets are those of RobustBench:
8/255 for CIFAR, 4/255 for ImageNet. The attack draws from torch's generator, seeded anew for every batch, so results
hold for one batch size, which is a part of what they are kept under. A batch is what a kill loses and what progress
counts: on a CPU take a small one.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from eval.metrics import wilson_interval
from eval.network import gradients_of_full_range
from eval.predictions import CellPredictions
from eval.suites.planning import Context, Planned
from eval.suites.protocol import Cell, Measurement
from layermix.errors import InputError

BUDGETS = {"cifar": 8.0, "imagenet": 4.0}
"""Budgets in 255ths."""

FEWEST_CLASSES, TARGETS = 4, 9


@dataclass(frozen=True, kw_only=True)
class AutoAttackCell(Cell):
    """Pictures attacked anew for each model, `batch_size` of them with the same random numbers.

    `attacks` are pyautoattack's names, () for the standard version.
    """

    budget: float
    seed: int
    batch_size: int
    attacks: tuple[str, ...] = ()

    def challenge(self, classifier: nn.Module, images: Tensor, labels: Tensor, sample_ids: Tensor) -> Tensor:
        """The attacked pictures, float32 in [0, 1]."""
        from pyautoattack import AutoAttack

        with torch.enable_grad(), gradients_of_full_range(images.device), torch.random.fork_rng(_devices(images)):
            attack = AutoAttack(
                classifier,
                eps=self.budget / 255,
                version="custom" if self.attacks else "standard",
                attacks=cast(Any, list(self.attacks) or None),
                seed=self.seed,
                device=images.device,
            )
            targets = min(TARGETS, classifier(images[:1].float() / 255).shape[1] - 1)
            attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = targets
            attacked, _ = attack.run_standard_evaluation(images.float() / 255, labels, batch_size=len(images))
        return attacked.detach()


@dataclass(frozen=True, kw_only=True)
class AutoAttack:
    """Top-1 error under AutoAttack of all pictures or of `limit`, spread over the set."""

    name: ClassVar[str] = "autoattack"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    budget: float
    limit: int | None = None

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The attacked pictures."""
        if importlib.util.find_spec("pyautoattack") is None:
            raise InputError("autoattack needs the package pyautoattack; install it: uv sync --extra autoattack")
        if len(context.classes) < FEWEST_CLASSES:
            raise InputError(f"autoattack needs {FEWEST_CLASSES} classes, got {len(context.classes)}; use pgd")
        options = context.options
        suite = cls(budget=BUDGETS[context.family], limit=options.pgd_limit)
        cell = AutoAttackCell(
            key=cls.name,
            pictures=context.attacked(),
            budget=suite.budget,
            seed=options.seed,
            batch_size=options.batch_size,
        )
        return Planned(suite=suite, cells=(cell,))

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` with a Wilson interval."""
        if self.name not in predictions:
            return []
        wrong = predictions[self.name].mistakes()
        errors, count = int(wrong.sum()), len(wrong)
        covers = "every picture" if self.limit is None else f"{count} pictures spread over the set"
        return [
            Measurement(
                suite=self.name,
                cell=self.name,
                metric="top1_error",
                protocol="strict",
                value=errors / count,
                count=count,
                interval=wilson_interval(errors, count),
                detail=f"{covers}, budget {self.budget:g}/255",
            )
        ]


def _devices(images: Tensor) -> list[torch.device]:
    return [images.device] if images.is_cuda else []
