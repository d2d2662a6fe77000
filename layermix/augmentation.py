"""`augment`: the engine on arrays in memory, for notebooks, tests and pipelines of one's own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from layermix.arrays import as_uint8
from layermix.bank import FractalBank
from layermix.checks import check_whole
from layermix.engine import run_programs
from layermix.errors import InputError
from layermix.policies import Policy
from layermix.policies.base import check_policy

_MOST_THREADS = 4096


def augment(
    images, policy: Policy, *, fractals=None, seed: int, epoch: int = 0, sample_ids=None, view: int = 0,
    threads: int = 1, out=None,
) -> np.ndarray:  # fmt: skip
    """Augment a batch of pictures.

    The result of a picture depends on its pixels, the policy, the fractals and (seed, epoch, sample id, view) alone:
    neither on the batch it comes in nor on the number of threads.

    Args:
        images: uint8 (N, H, W, 3), RGB.
        policy: what to do, for example `LayerMix(magnitude=8, blending_ratio=3)`.
        fractals: uint8 (M, h, w) gray or (M, h, w, 3) colour with h >= H and w >= W, or a `FractalBank`; may be None
            for a policy that uses none.
        seed: 0 to 2^64 - 1.
        epoch: 0 to 2^32 - 1.
        sample_ids: integers (N,), 0 to 2^48 - 1; 0..N-1 when None.
        view: 0 to 65535; views of one sample are drawn independently.
        threads: threads to split the batch over, 1 to 4096; no more are used than there are pictures.
        out: uint8 (N, H, W, 3) C-contiguous to write into; must not overlap `images`. A new array when None.

    Returns:
        uint8 (N, H, W, 3): `out`.

    Raises:
        InputError: an argument of the wrong type, shape or range; it names argument, rule and value.
    """
    check_policy(policy)
    images = _check_images(images)
    count, height, width = images.shape[:3]
    ids = np.arange(count) if sample_ids is None else np.asarray(sample_ids)
    if ids.shape != (count,):
        raise InputError(f"`sample_ids` must have one id a picture, shape ({count},), got {ids.shape}")
    out = _check_out(out, images)
    bank = None if fractals is None else _as_bank(fractals)
    programs = policy.draw(ids, seed=seed, epoch=epoch, view=view, height=height, width=width, bank=bank)
    registers, needs_total = policy.scratch_registers, policy.needs_accumulator
    run(programs, images, bank=bank, scratch_registers=registers, needs_total=needs_total, threads=threads, out=out)
    return out


def run(
    programs, images, *, bank, scratch_registers: int, needs_total: bool = False, out, threads: int = 1
) -> None:  # fmt: skip
    """Run drawn programs, `INSTRUCTION` (N, L), on uint8 (N, H, W, 3) into `out`, split over `threads`.

    `needs_total` says whether the programs hold SUM instructions: `Policy.needs_accumulator`.
    """
    check_whole("threads", threads, 1, _MOST_THREADS)
    threads = max(min(threads, len(images)), 1)
    pixels, table, channels = _NO_BANK if bank is None else (bank.pixels, bank.table, bank.channels)
    scratch = np.empty((threads, scratch_registers, *images.shape[1:]), np.uint8)
    totals = np.empty((threads, *(images.shape[1:] if needs_total else (0, 0, 0))), np.int32)
    if threads == 1:
        run_programs(programs, images, pixels, table, channels, scratch[0], totals[0], out)
        return
    bounds = [len(images) * thread // threads for thread in range(threads + 1)]

    def work(thread: int) -> None:
        part = slice(bounds[thread], bounds[thread + 1])
        run_programs(programs[part], images[part], pixels, table, channels, scratch[thread], totals[thread], out[part])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


_NO_BANK = np.zeros(1, np.uint8), np.zeros((0, 3), np.int64), 1


def _check_images(images) -> np.ndarray:
    array = as_uint8("images", images)
    if array.ndim != 4 or array.shape[3] != 3 or 0 in array.shape[1:]:
        raise InputError(f"`images` must have shape (N, H, W, 3), got {array.shape}")
    # The kernels are compiled for writable arrays alone, so a read-only one is copied.
    return array if array.flags.carray else np.array(array, order="C")


def _check_out(out, images: np.ndarray) -> np.ndarray:
    if out is None:
        return np.empty_like(images)
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != images.shape:
        found = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InputError(f"`out` must be a uint8 array of shape {images.shape}, got {found}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise InputError("`out` must be C-contiguous and writable; pass np.empty_like(images)")
    if np.may_share_memory(out, images):
        raise InputError("`out` must not overlap `images`; pass another array")
    return out


def _as_bank(fractals) -> FractalBank:
    return fractals if isinstance(fractals, FractalBank) else FractalBank.from_array(fractals)
