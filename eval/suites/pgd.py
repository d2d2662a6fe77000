"""Projected gradient descent (Madry et al. 2018): L-infinity, 20 steps, last iterate, in [0, 1] space.

A uniform start in the budget, ascent along the sign of the gradient of the summed cross-entropy in steps of a quarter
of the budget (2/255 and 0.5/255 as published). `strict` keeps the clean picture as the centre: |delta| within the
budget is checked after every step. `paper` repeats the published programs, which moved the centre to the noisy start:
their true budget is twice the stated one, 4/255. With restarts a picture counts as wrong where any of them is. Of
`--precision float16` gradients are computed in float32.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eval.metrics import wilson_interval
from eval.network import gradients_of_full_range
from eval.philox import uniforms
from eval.predictions import CellPredictions
from eval.sets import PictureSet
from eval.suites.planning import Context, Planned
from eval.suites.protocol import Cell, Measurement
from layermix.errors import InputError

ROUNDING = 2.0**-23
"""float32 rounding of a pixel near 1: how far a perturbation may appear beyond its budget."""


@dataclass(frozen=True, kw_only=True)
class PgdAttack:
    """Budget and step size in pixel units of [0, 1], number of steps, protocol, and seed and number of the start."""

    budget: float = 2 / 255
    step_size: float = 0.5 / 255
    steps: int = 20
    protocol: str = "strict"
    seed: int = 0
    restart: int = 0

    def __call__(self, classifier: nn.Module, images: Tensor, labels: Tensor, sample_ids: Tensor) -> Tensor:
        """Attacked pictures, float32 (N, 3, H, W) in [0, 1], from floating-point pictures in [0, 1].

        A picture's start depends on seed, restart and its sample id alone. Weights are not changed and gather no
        gradients. Raises InputError where the model's gradients are not finite.
        """
        start = self._start(images, sample_ids)
        centre, reach = (start, 2 * self.budget) if self.protocol == "paper" else (images, self.budget)
        lowest, highest = (centre - self.budget).clamp(min=0), (centre + self.budget).clamp(max=1)
        attacked, largest = torch.clamp(start, lowest, highest), []
        for _ in range(self.steps):
            gradient = _loss_gradient(classifier, attacked, labels)
            attacked = torch.clamp(attacked + self.step_size * gradient.sign(), lowest, highest)
            largest.append(torch.stack([gradient.abs().amax(), (attacked - images).abs().amax()]))
        _check_steps(largest, reach)
        return attacked

    def _start(self, images: Tensor, sample_ids: Tensor) -> Tensor:
        key, ids = (self.seed, zlib.crc32(b"pgd")), sample_ids.to(images.device, non_blocking=True)
        noise = 2 * self.budget * uniforms(key, ids, self.restart, images[0].numel()) - self.budget
        return images + noise.float().view(images.shape)


def _check_steps(largest: list[Tensor], reach: float) -> None:
    """Raise for a gradient that is not finite or a step beyond the budget, from the largest of each; waits once."""
    for gradient, distance in torch.stack(largest).tolist() if largest else []:
        # The sign of NaN is 0 in torch: the attack would stand still and the model look robust.
        if not math.isfinite(gradient):
            raise InputError(
                "pgd: the gradients of the model must be finite, got NaN or infinity; "
                "evaluate a checkpoint from before its training diverged"
            )
        if not distance <= reach + ROUNDING:
            raise RuntimeError(f"the attack left its budget of {reach:.6f}: {distance:.6f}")


def _loss_gradient(classifier: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    with torch.enable_grad(), gradients_of_full_range(images.device):
        images = images.detach().requires_grad_()
        loss = F.cross_entropy(classifier(images), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, images)
    return gradient


@dataclass(frozen=True, kw_only=True)
class PgdCell(Cell):
    """Pictures attacked anew for each model."""

    key: str = "pgd"
    attack: PgdAttack = PgdAttack()

    def challenge(self, classifier: nn.Module, images: Tensor, labels: Tensor, sample_ids: Tensor) -> Tensor:
        """The attacked pictures, floating point in [0, 1]."""
        return self.attack(classifier, images.float() / 255, labels, sample_ids)


@dataclass(frozen=True, kw_only=True)
class Pgd:
    """Top-1 error under attack by each budget, in 255ths, of all pictures or of `limit`, spread over the set."""

    name: ClassVar[str] = "pgd"
    families: ClassVar[tuple[str, ...]] = ("cifar", "imagenet")
    limit: int | None = None
    seed: int = 0
    budgets: tuple[float, ...] = (2.0,)
    restarts: int = 1
    protocols: tuple[str, ...] = ("paper", "strict")

    @classmethod
    def plan(cls, context: Context) -> Planned:
        """The attacked pictures, a cell a budget, protocol and restart."""
        options = context.options
        suite = cls(
            limit=options.pgd_limit,
            seed=options.seed,
            budgets=options.pgd_budgets,
            restarts=options.pgd_restarts,
            protocols=options.protocols,
        )
        return Planned(suite=suite, cells=tuple(suite._cells(context.attacked())))

    def _cells(self, pictures: PictureSet) -> Iterator[Cell]:
        for protocol in self.protocols:
            for budget in self.budgets:
                for restart in range(self.restarts):
                    yield PgdCell(
                        key=self.key(budget, protocol, restart),
                        pictures=pictures,
                        attack=PgdAttack(
                            budget=budget / 255,
                            step_size=budget / 4 / 255,
                            protocol=protocol,
                            seed=self.seed,
                            restart=restart,
                        ),
                    )

    def key(self, budget: float, protocol: str, restart: int) -> str:
        """The key of a cell."""
        return f"pgd/{budget:g}/{restart}" + ("@paper" if protocol == "paper" else "")

    def cell(self, budget: float) -> str:
        """What its numbers are called: with several restarts another name, as it is another attack."""
        return f"pgd/{budget:g}" if self.restarts == 1 else f"pgd/{budget:g}x{self.restarts}"

    def measure(self, predictions: CellPredictions) -> list[Measurement]:
        """`top1_error` by budget and protocol, with Wilson intervals; of budgets whose restarts are all there."""
        return [
            self._error(budget, protocol, wrong) for (budget, protocol), wrong in self.mistakes(predictions).items()
        ]

    def mistakes(self, predictions: CellPredictions) -> dict[tuple[float, str], np.ndarray]:
        """Whether any restart made a picture wrong, bool (N,), by budget and protocol."""
        found = {}
        for protocol in self.protocols:
            for budget in self.budgets:
                keys = [self.key(budget, protocol, restart) for restart in range(self.restarts)]
                if all(key in predictions for key in keys):
                    found[budget, protocol] = np.any([predictions[key].mistakes() for key in keys], axis=0)
        return found

    def _error(self, budget: float, protocol: str, wrong: np.ndarray) -> Measurement:
        count, errors = len(wrong), int(wrong.sum())
        covers = "every picture" if self.limit is None else f"{count} pictures spread over the set"
        restarts = f", any of {self.restarts} restarts" if self.restarts > 1 else ""
        return Measurement(
            suite=self.name,
            cell=self.cell(budget),
            metric="top1_error",
            protocol=protocol,
            value=errors / count,
            count=count,
            interval=wilson_interval(errors, count),
            detail=f"{covers}, budget {budget:g}/255{restarts}",
        )
