"""ffcv's graph and compiler, put together without ffcv's `Loader`.

`ffcv.loader.Loader` 1.0.2 changes torch's thread count and Numba's interned array type for the whole process (compiled
functions then fail with a KeyError), indexes every sample in Python dictionaries, and draws its own order. This host
offers the attributes that ffcv's epoch thread asks of a loader, and none of that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ffcv.pipeline.compiler import Compiler
from ffcv.pipeline.graph import Graph
from ffcv.pipeline.operation import Operation
from ffcv.pipeline.pipeline_spec import PipelineSpec
from ffcv.traversal_order import Sequential

from pipelines.beton import Beton
from pipelines.config import LoaderConfig
from pipelines.ffcv_storage import Storage
from pipelines.spans import span


class FFCVGraph:
    """A compiled ffcv graph over one file.

    Args:
        beton: the file.
        operations: the image pipeline, decoder first.
        config: its batch_size, threads, batches_ahead and os_cache.
    """

    traversal_order = Sequential  # only named by ffcv in an error message

    def __init__(self, beton: Beton, operations: list[Operation], config: LoaderConfig) -> None:
        self.batch_size, self.num_workers, self.batches_ahead = config.batch_size, config.threads, config.batches_ahead
        self.reader = beton
        self.memory_manager = Storage(beton, os_cache=config.os_cache)
        self.graph = Graph(
            {"image": PipelineSpec("image", transforms=operations)},
            beton.handlers,
            {name: place for place, name in enumerate(beton.field_names)},
            beton.metadata,
            self.memory_manager.compile_reader(),
        )
        code: Any = self.graph.collect_requirements()[1]
        code["operation"] = {node: _noted(function) for node, function in code["operation"].items()}
        with _operations_as_they_are():
            self.code = self.graph.codegen_all(code)


def _noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The closure of an operation, whose calls are a span of the name that its attribute `span` gives, if it has one.

    Not in the closure itself: ffcv's own `Loader` compiles that, and its thread would die of it.
    """
    name = getattr(function, "span", None)
    if name is None:
        return function

    @wraps(function)
    def noted(*arguments: Any) -> Any:
        with span(name):
            return function(*arguments)

    return noted


@contextmanager
def _operations_as_they_are() -> Iterator[None]:
    """Keep ffcv from compiling the operations' closures.

    Ours are thin and call functions whose compiled code is cached on disk; compiling the closure around them would
    cost seconds in every process.
    """
    enabled = Compiler.is_enabled
    Compiler.set_enabled(False)
    try:
        yield
    finally:
        Compiler.set_enabled(enabled)
