"""The second stage of the FFCV graph: the host of the LayerMix engine."""

from dataclasses import replace

import numpy as np
from ffcv.pipeline.allocation_query import AllocationQuery
from ffcv.pipeline.operation import Operation
from ffcv.pipeline.state import State

from layermix import FractalBank, Policy
from layermix.compilation import jit
from layermix.engine import run_programs
from layermix.kernels.point import copy
from layermix.program import INSTRUCTION
from pipelines.addresses import address_of, int64_at, uint8_at


class Mix(Operation):
    """Draws a program a sample and runs it, inside the graph; also fits into a pipeline of ffcv's own `Loader`.

    Args:
        policy: the augmentation.
        bank: the fractals, or None for a policy that uses none.
        seed: key of the draws.
        epoch: int64 (1,), read at run time.
        views: 1 for one augmented picture a sample; more for the clean one and views 1, 2, ... each drawn by itself.
    """

    def __init__(
        self, policy: Policy, bank: FractalBank | None, *, seed: int, epoch: np.ndarray, views: int = 1
    ) -> None:
        super().__init__()
        self._policy, self._seed, self._epoch, self._views = policy, seed, epoch, views
        self._pixels = np.zeros(1, np.uint8) if bank is None else bank.pixels
        self._table = np.zeros((0, 3), np.int64) if bank is None else np.ascontiguousarray(bank.table)
        self._channels = 1 if bank is None else bank.channels

    def declare_state_and_memory(self, previous_state: State) -> tuple[State, AllocationQuery]:
        """Declare an output of the input's shape, uint8 (H, W, 3), or (views, H, W, 3)."""
        shape = previous_state.shape if self._views == 1 else (self._views, *previous_state.shape)
        return replace(previous_state, jit_mode=True, shape=shape), AllocationQuery(shape, np.dtype("u1"))

    def generate_code(self):
        """The closure that ffcv puts into its graph; it fills and returns `destination`."""
        draw, parameters, length = self._policy.drawer(), self._policy.parameters(), self._policy.length
        seed, epoch_at = np.uint64(self._seed), address_of(self._epoch)
        registers, needs_total = self._policy.scratch_registers, self._policy.needs_accumulator
        table_at, table_shape, channels = address_of(self._table), self._table.shape, self._channels
        pixels_at, pixels_shape = address_of(self._pixels), self._pixels.shape
        views, run = self._views, _run_one if self._views == 1 else _run_several

        def mix(images, destination, batch_indices):
            count, height, width = images.shape[0], images.shape[1], images.shape[2]
            epoch, table = int64_at(epoch_at, (1,))[0], int64_at(table_at, table_shape)
            pixels = uint8_at(pixels_at, pixels_shape)
            scratch = np.empty((registers, height, width, 3), np.uint8)
            total = np.empty((height if needs_total else 0, width, 3), np.int32)
            ids = batch_indices.astype(np.int64)
            programs = np.zeros((views, count, length), INSTRUCTION)
            for view in range(views):
                draw(parameters, seed, epoch, ids, view, height, width, table, channels, programs[view])
            run(programs, images, pixels, table, channels, scratch, total, destination)
            return destination

        mix.with_indices, mix.span = True, "mix"
        return mix


@jit
def _run_one(programs, images, pixels, table, channels, scratch, total, out):
    """Run `programs`, (1, N, L), on uint8 (N, H, W, 3) into `out` of the same shape."""
    run_programs(programs[0], images, pixels, table, channels, scratch, total, out)


@jit
def _run_several(programs, images, pixels, table, channels, scratch, total, out):
    """Copy each picture to view 0 of `out`, uint8 (N, V, H, W, 3), and run `programs`, (V, N, L), for the others."""
    for n in range(images.shape[0]):
        copy(images[n], out[n, 0])
        for view in range(1, out.shape[1]):
            here, picture, target = programs[view, n : n + 1], images[n : n + 1], out[n, view : view + 1]
            run_programs(here, picture, pixels, table, channels, scratch, total, target)
