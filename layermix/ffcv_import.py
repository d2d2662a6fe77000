"""Importing ffcv in a tenth of the time.

ffcv 1.0.2 keeps the numbers of its two image modes in a `numba.typed.Dict`. To fill it, Numba compiles for about three
seconds in every process. ffcv reads it from Python alone, never in compiled code, so a plain dict serves as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numba.typed


@contextmanager
def quick_ffcv_import() -> Iterator[None]:
    """Import ffcv for the first time within this block: nothing is compiled, and Numba's number of threads, which ffcv
    sets to one, is as before afterwards. Programs open the block once, around what needs ffcv."""
    typed: Any = numba.typed
    typed_dict, threads = typed.Dict, numba.get_num_threads()
    typed.Dict = dict
    try:
        yield
    finally:
        typed.Dict = typed_dict
        numba.set_num_threads(threads)
