"""The pictures of a data set through the loader of `pipelines`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.sets.protocol import PictureBatch
from pipelines import Batch, Loader, LoaderConfig, build_loader
from writers.fingerprint import file_fingerprint


class LoaderPictures:
    """Every picture of `config.data` once, in file order, in this process, whatever its rank; a context manager.

    Ranks take whole batches of a set, so the loader itself is told that it is alone.
    """

    frames = None

    def __init__(self, config: LoaderConfig) -> None:
        self.config = replace(config, rank=0, world_size=1, copy=True, order="sequential")
        self._stack, self._loaders = ExitStack(), {}
        loader = self._loader(config.batch_size)
        self.count, self.classes, self.manifest = loader.num_samples, tuple(loader.classes), loader.manifest
        self.data_hash = _data_hash(loader)
        prepared = ("size", "crop", "center_ratio")
        self.preparation: Mapping[str, Any] = {name: getattr(config, name) for name in prepared}

    def resized(self, side: int, center_ratio: float = 1.0) -> "LoaderPictures":
        """The same pictures as central squares of `side` pixels; closed with this set."""
        config = replace(self.config, size=side, crop="center", center_ratio=center_ratio)
        return self._stack.enter_context(LoaderPictures(config))

    def beside(self, data: Path) -> "LoaderPictures":
        """The pictures of another data set, prepared in the same way; closed with this set."""
        return self._stack.enter_context(LoaderPictures(replace(self.config, data=data)))

    @cached_property
    def labels(self) -> np.ndarray:
        """int64 (N,); reads every picture once."""
        size = self.config.batch_size
        reads = self.batches(size, range(-(-self.count // size)))
        return np.concatenate([read().labels for read in reads])

    def batches(self, size: int, numbers: Sequence[int]) -> Iterator[Callable[[], PictureBatch]]:
        """See `PictureSet`; the loader decodes ahead in threads of its own, so the calls return at once."""
        if not numbers:
            return
        loader, wanted = self._loader(size), set(numbers)
        loader.load_state_dict({"epoch": 0, "batch": numbers[0]})
        for number, batch in enumerate(loader, numbers[0]):
            if number in wanted:
                yield partial(_picture_batch, batch)
            if number == numbers[-1]:
                return

    def _loader(self, size: int) -> Loader:
        if size not in self._loaders:
            config = replace(self.config, batch_size=size)
            self._loaders[size] = self._stack.enter_context(build_loader(config))
        return self._loaders[size]

    def close(self) -> None:
        """Close the loaders."""
        self._stack.close()

    def __enter__(self) -> "LoaderPictures":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _picture_batch(batch: Batch) -> PictureBatch:
    images = np.ascontiguousarray(batch.images.permute(0, 2, 3, 1).numpy())
    return PictureBatch(images, batch.labels.numpy(), batch.sample_ids.numpy())


def _data_hash(loader: Loader) -> str:
    """The manifest's content hash; names and sizes where another program wrote the file."""
    if loader.manifest is not None:
        return loader.manifest.sha256
    data = loader.config.data
    return "unverified-" + file_fingerprint(data.parent, [data.name])
