"""How many threads and blocks a batch gets."""

from typing import NamedTuple

from numba import cuda

from layermix.cuda.device import SIMULATED

_VALUES_PER_THREAD = 24
_MOST_THREADS, _LEAST_THREADS = 512, 64
_THREADS_PER_MULTIPROCESSOR = 1024
_LEAST_GRID = 128
_SIMULATED_SHAPE = (2, 3)


class LaunchShape(NamedTuple):
    """A launch: blocks that take pictures in turn, threads a block, and blocks that are launched.

    Numba warns of grids below 128 blocks. More are launched than take pictures only where the batch has fewer
    pictures than that, so the rest return at once.
    """

    blocks: int
    threads: int
    grid: int


def launch_shape(count: int, values: int) -> LaunchShape:
    """Threads in whole warps, some 24 values each at most 512; as many blocks as there are pictures or as fit at once,
    which on a small GPU count as 128.

    Args:
        count: pictures of the batch.
        values: values of a picture, H * W * 3.
    """
    if SIMULATED:
        blocks, threads = _SIMULATED_SHAPE
        return LaunchShape(blocks, threads, blocks)
    threads = min(max(values // _VALUES_PER_THREAD // 32 * 32, _LEAST_THREADS), _MOST_THREADS)
    resident = _multiprocessors() * (_THREADS_PER_MULTIPROCESSOR // threads)
    blocks = min(count, max(resident, _LEAST_GRID))
    return LaunchShape(blocks, threads, max(blocks, _LEAST_GRID))


def _multiprocessors() -> int:
    device = cuda.get_current_device()
    return int(device.MULTIPROCESSOR_COUNT)
