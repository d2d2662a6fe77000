"""A loader whose pictures have another size in later epochs, for progressive resizing."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from layermix.manifest import Manifest
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
        self._loader = build(replace(config, size=size_of_epoch(0)))

    @property
    def config(self) -> LoaderConfig:
        return self._loader.config

    @property
    def manifest(self) -> Manifest | None:
        return self._loader.manifest

    @property
    def classes(self) -> tuple[str, ...]:
        return self._loader.classes

    @property
    def num_samples(self) -> int:
        return self._loader.num_samples

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._skipped.union(self._loader.damaged)))

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)

    def set_epoch(self, epoch: int) -> None:
        self._open(epoch)
        self._loader.set_epoch(epoch)

    def state_dict(self) -> dict[str, int]:
        return self._loader.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        self._open(state["epoch"])
        self._loader.load_state_dict(state)

    def close(self) -> None:
        self._loader.close()

    def __enter__(self) -> "ResizingLoader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self, epoch: int) -> None:
        size = self._size_of_epoch(epoch)
        if size != self._loader.config.size:
            self._skipped.update(self._loader.damaged)
            self._loader.close()
            self._loader = self._build(replace(self._config, size=size))
