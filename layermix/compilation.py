"""How all compiled functions of the project are compiled: `@jit`, and kept on disk, the GPU's kernel too.

Numba keeps compiled code on disk and looks only at the file of the function itself when it decides whether that is up
to date. A caller whose callee in another file changed would go on with the old callee, and pixels with it. So the
stamp of every cached function covers all sources it can be built from.
"""

import hashlib
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core.dispatcher import Dispatcher

_ENGINE = Path(__file__).parent


def jit(function: Callable[..., Any]) -> Any:
    """Compile for the CPU on first call, without the interpreter lock, cached on disk until a source changes.

    Arithmetic is IEEE: no fast-math, so that pixels are equal on every processor.
    """
    compiled: Any = njit(cache=True, nogil=True)(function)
    if isinstance(compiled, Dispatcher):  # a plain function where NUMBA_DISABLE_JIT is set
        keep_until_a_source_changes(compiled, function)
    return compiled


def keep_until_a_source_changes(compiled: Any, function: Callable[..., Any]) -> None:
    """Make the code on disk of a function that was compiled with `cache=True` hold for the sources of today alone."""
    file, stamp = compiled._cache._cache_file, _stamp(_sources_of(function))
    file._source_stamp = stamp
    # Numba compares the version before it unpickles the rest, which names classes that may have moved since.
    file._version = f"{numba.__version__} {stamp}"


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether compiled code of a `jit` function is in this process or on disk, so that calling it takes no minute."""
    if not isinstance(function, Dispatcher):
        return True
    cache: Any = function._cache  # pyright: ignore[reportAttributeAccessIssue]
    return bool(function.overloads or cache._cache_file._load_index())


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into every caller, so that LLVM sees which arguments of a call are one array.

    A loop that may write over what it reads is only vectorised where that is known.
    """
    return njit(inline="always")(function)


def _sources_of(function: Callable[..., Any]) -> Path:
    """The folder of the function's package; for a function outside any package, as in a script, its file."""
    package = sys.modules[function.__module__.split(".")[0]]
    path = getattr(package, "__path__", None)
    return Path(function.__code__.co_filename) if path is None else Path(next(iter(path)))


@lru_cache
def _stamp(sources: Path) -> str:
    """Digest of all sources of the engine and of the package or file of the function, by path and content."""
    digest = hashlib.sha256()
    if sources.is_file():
        digest.update(sources.read_bytes())
    for room in sorted({_ENGINE, sources} if sources.is_dir() else {_ENGINE}):
        for path in sorted(room.rglob("*.py")):
            digest.update(str(path.relative_to(room)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
