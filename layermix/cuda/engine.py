"""The host of the kernel: checks arrays, keeps the fractals and the scratch memory, launches."""

from typing import Any

import numpy as np
from numba import cuda

from layermix.bank import FractalBank
from layermix.cuda.device import SIMULATED
from layermix.cuda.kernel import run_kernel
from layermix.cuda.launch import launch_shape
from layermix.cuda.staging import Staging
from layermix.errors import InputError
from layermix.policies import Policy
from layermix.policies.base import check_policy

MOST_SIDE = 8192
"""The longest side of a picture: the kernel computes indices and coordinates in 32 bits."""
_KERNEL: Any = run_kernel


class Engine:
    """Runs policies on pictures that lie on one GPU, with the fractals resident there.

    One thread uses an engine at a time. Calls on different streams wait for each other on the device, because they
    share scratch memory; for independent streams make an engine each. Programs are drawn by the host, so a call cannot
    be captured in a CUDA graph: capture what comes behind it.

    Args:
        fractals: what `layermix.augment` takes; copied to the device once. None for policies that use none.
        device: number of the GPU.

    Raises:
        InputError: fractals of the wrong dtype or shape, or no such GPU.
    """

    def __init__(self, fractals=None, *, device: int = 0) -> None:
        if not cuda.is_available():
            raise InputError(
                "`device` must be a GPU that Numba can use, got none; install numba-cuda[cu13] or "
                "numba-cuda[cu12], as the driver's CUDA, and check nvidia-smi"
            )
        if not 0 <= device < len(cuda.gpus):
            raise InputError(f"`device` must be in 0..{len(cuda.gpus) - 1}, got {device}; see nvidia-smi")
        self._device = device
        self._bank = None if fractals is None else _as_bank(fractals)
        pixels = np.zeros(1, np.uint8) if self._bank is None else self._bank.pixels
        table = np.zeros((1, 3), np.int64) if self._bank is None else np.ascontiguousarray(self._bank.table)
        with cuda.gpus[device]:
            self._pixels, self._table = cuda.to_device(pixels), cuda.to_device(table)
            self._staging, self._done = Staging(), cuda.event()
            self._done.record()  # copies from pageable memory return before they are done
        self._scratch: Any = None
        self._totals: Any = None
        self._streams: dict[int, Any] = {}

    def augment(
        self, images, policy: Policy, *, seed: int, epoch: int = 0, sample_ids=None, view: int = 0, out=None,
        stream: int = 0,
    ):  # fmt: skip
        """Augment a batch; the bytes are those of `layermix.augment`, of which the arguments are.

        Args:
            images: uint8 (N, H, W, 3), C-contiguous on the device: any object with `__cuda_array_interface__`.
            out: the same, written; must not overlap `images`. A new Numba device array when None.
            stream: address of the CUDA stream that all work is put on, 0 for the default one. The host does not wait.

        Returns:
            `out`.

        Raises:
            InputError: an argument of the wrong type, shape or range; it names argument, rule and value.
        """
        check_policy(policy)
        with cuda.gpus[self._device]:
            source = as_device_pictures("images", images)
        count, height, width = source.shape[:3]
        ids = np.arange(count) if sample_ids is None else np.asarray(sample_ids)
        if ids.shape != (count,):
            raise InputError(f"`sample_ids` must have one id a picture, shape ({count},), got {ids.shape}")
        programs = policy.draw(ids, seed=seed, epoch=epoch, view=view, height=height, width=width, bank=self._bank)
        if out is None:
            with cuda.gpus[self._device]:
                out = cuda.device_array_like(source)
        registers, needs_total = policy.scratch_registers, policy.needs_accumulator
        self.run(programs, images, out, scratch_registers=registers, needs_total=needs_total, stream=stream)
        return out

    def run(
        self, programs: np.ndarray, images, out, *, scratch_registers: int, needs_total: bool = False, stream: int = 0
    ) -> None:
        """Run program n, `INSTRUCTION` (N, L) on the host, on picture n, in one launch; see `augment`.

        `needs_total` says whether the programs hold SUM instructions: `Policy.needs_accumulator`.
        """
        with cuda.gpus[self._device]:
            source, result = as_device_pictures("images", images), as_device_pictures("out", out)
            _check_out(result, source)
            if source.shape[0] > 0:
                self._launch(programs, source, result, scratch_registers, needs_total, self._stream(stream))

    def _launch(self, programs, source, result, registers: int, needs_total: bool, stream) -> None:
        count, height, width = (int(side) for side in source.shape[:3])
        values = 3 * height * width
        shape = launch_shape(count, values)
        whole_words = (values | _address(source) | _address(result)) % 4 == 0
        word = np.uint32 if whole_words else np.uint8
        images, out = source.reshape(count, values), result.reshape(count, values)
        scratch, totals = self._workspace(shape.blocks, registers, values, needs_total)
        self._done.wait(stream)
        _KERNEL[shape.grid, shape.threads, stream](
            self._staging.upload(programs, stream), images, out, scratch, images.view(word), out.view(word),
            scratch.view(word), totals, self._pixels, self._table, self._channels, height, width,
        )  # fmt: skip
        self._done.record(stream)

    @property
    def _channels(self) -> int:
        return 1 if self._bank is None else self._bank.channels

    def _workspace(self, blocks: int, registers: int, values: int, needs_total: bool):
        """Scratch registers (blocks, R, values) and totals (blocks, values), of memory kept from call to call."""
        registers, sums = max(registers, 1), values if needs_total else 1
        self._scratch = self._at_least(self._scratch, blocks * registers * values, np.uint8)
        self._totals = self._at_least(self._totals, blocks * sums, np.int32)
        scratch = self._scratch[: blocks * registers * values].reshape(blocks, registers, values)
        return scratch, self._totals[: blocks * sums].reshape(blocks, sums)

    def _at_least(self, memory, size: int, dtype):
        if memory is not None and memory.shape[0] >= size:
            return memory
        self._done.synchronize()
        return cuda.device_array(size, dtype)

    def _stream(self, address: int):
        if address not in self._streams:
            # Numba takes the number 0 for "no stream" and copies in step with the host.
            self._streams[address] = cuda.external_stream(address) if address else cuda.default_stream()
        return self._streams[address]


def as_device_pictures(name: str, array):
    """View device memory as Numba's array without a copy; InputError unless it is uint8 (N, H, W, 3) C-contiguous.

    H and W are at most `MOST_SIDE`.
    """
    if not hasattr(array, "__cuda_ndarray__"):
        if not hasattr(array, "__cuda_array_interface__"):
            rule = "must lie on the GPU (`__cuda_array_interface__`)"
            raise InputError(f"`{name}` {rule}, got {type(array).__name__}; use layermix.augment on the processor")
        array = cuda.as_cuda_array(array, sync=False)
    if array.dtype != np.uint8:
        raise InputError(f"`{name}` must be uint8, got {array.dtype}; scale to 0..255 and convert")
    if len(array.shape) != 4 or array.shape[3] != 3 or 0 in array.shape[1:]:
        raise InputError(f"`{name}` must have shape (N, H, W, 3), got {tuple(array.shape)}")
    if max(array.shape[1:3]) > MOST_SIDE:
        rule = f"must have sides up to {MOST_SIDE}"
        raise InputError(f"`{name}` {rule}, got {tuple(array.shape[1:3])}; use layermix.augment for larger ones")
    if not array.is_c_contiguous():
        raise InputError(f"`{name}` must be C-contiguous, got strides {tuple(array.strides)}; copy it first")
    return array


def _check_out(out, images) -> None:
    if tuple(out.shape) != tuple(images.shape):
        raise InputError(f"`out` must have the shape of `images`, {tuple(images.shape)}, got {tuple(out.shape)}")
    if images.size > 0 and abs(_address(out) - _address(images)) < images.size:
        raise InputError("`out` must not overlap `images`; pass another array")


def _address(array) -> int:
    return array.ctypes.data if SIMULATED else array.device_ctypes_pointer.value


def _as_bank(fractals) -> FractalBank:
    return fractals if isinstance(fractals, FractalBank) else FractalBank.from_array(fractals)
