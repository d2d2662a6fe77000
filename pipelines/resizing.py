"""A loader whose pictures have another size in later epochs, for progressive resizing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from pipelines.config import LoaderConfig
from pipelines.contract import Batch, Loader


class ResizingLoader:
    """A `pipelines.Loader` that opens another loader wherever `size_of_epoch` changes.

    Memory of a graph is fixed when it is built, so each size has a loader of its own, and only one is open at a time.
    Samples, order and draws depend on the epoch as ever.

    Args:
        config: the settings; `size` is taken from `size_of_epoch`.
        size_of_epoch: side in pixels of the pictures of an epoch, counted from 0.
        build: makes a loader, `pipelines.build_loader`.
    """

    def __init__(
        self, config: LoaderConfig, size_of_epoch: Callable[[int], int], build: Callable[[LoaderConfig], Loader]
    ) -> None:
        self._config, self._size_of_epoch, self._build = config, size_of_epoch, build
        self._skipped: set[int] = set()
        self._open(size_of_epoch(0))

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._skipped.union(self._loader.damaged)))

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)

    def set_epoch(self, epoch: int) -> None:
        self._move_to(epoch).set_epoch(epoch)

    def state_dict(self) -> dict[str, int]:
        return self._loader.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._move_to(state["epoch"]).load_state_dict(state)

    def close(self) -> None:
        self._loader.close()

    def __enter__(self) -> "ResizingLoader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _move_to(self, epoch: int) -> Loader:
        """The loader of that epoch's size."""
        size = self._size_of_epoch(epoch)
        if size != self.config.size:
            self._skipped.update(self._loader.damaged)
            self._loader.close()
            self._open(size)
        return self._loader

    def _open(self, size: int) -> None:
        self._loader = self._build(replace(self._config, size=size))
        self.config, self.manifest = self._loader.config, self._loader.manifest
        self.classes, self.num_samples = self._loader.classes, self._loader.num_samples
