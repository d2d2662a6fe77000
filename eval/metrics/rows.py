"""Functions of rows, called on as many rows at once as a core's cache holds, on all cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

NUMBERS = 2**16
"""Numbers of a block: its float64 copies stay in the cache of a core, where whole arrays would fill gigabytes."""


def by_blocks(
    measure: Callable[..., tuple[np.ndarray, ...]], table: np.ndarray, *columns: np.ndarray
) -> list[np.ndarray]:
    """What `measure(table, *columns)` returns, arrays with a row a row of the table, float (N, C).

    `measure` is called on blocks of neighbouring rows and must treat each row by itself.
    """
    size = max(1, NUMBERS // table.shape[1])
    if len(table) <= size:
        return list(measure(table, *columns))
    rows = [slice(start, start + size) for start in range(0, len(table), size)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        parts = pool.map(lambda part: measure(table[part], *(column[part] for column in columns)), rows)
        return [np.concatenate(found) for found in zip(*parts)]
