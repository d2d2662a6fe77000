"""The contract of all loaders: what they yield and what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from layermix.manifest import Manifest
from pipelines.config import LoaderConfig

if TYPE_CHECKING:
    import torch


class Batch(NamedTuple):
    """One batch.

    Its images are a view of the loader's ring of buffers: they stay as they are while `batches_ahead` further batches
    are taken. Use them at once, clone what shall live longer, or set `LoaderConfig.copy`.
    """

    images: torch.Tensor
    """uint8 (N, 3, H, W) in channels_last memory, on the loader's device. With `LoaderConfig.views` 3, uint8
    (N, 3 views, 3, H, W), of which `flatten(0, 1)` is channels_last, without a copy."""
    labels: torch.Tensor
    """int64 (N,), on the loader's device."""
    sample_ids: torch.Tensor
    """int64 (N,), on the CPU: the places of the samples in the dataset."""
    valid: torch.Tensor
    """bool (N,), on the CPU: False for a repeat that only fills up the last batch of a rank (`LoaderConfig.pad`).
    Whoever counts samples counts those that are True: over all ranks, each sample once."""


class Loader(Protocol):
    """Iterates over the batches of one epoch; a context manager, or call `close`.

    The samples of epoch e, their order and every pixel are functions of (dataset, config.seed, e): threads, ranks and
    restarts do not change them, but that in the order "shards" each rank reads a stretch of its own. `set_epoch`
    chooses e; iterating does not advance it.
    """

    config: LoaderConfig
    """The settings."""
    manifest: Manifest | None
    """What the dataset holds; None for one that another program wrote, for which nothing vouches."""
    classes: tuple[str, ...]
    """Names of the classes, in the order of the labels; "0", "1", ... without a manifest."""
    num_samples: int
    """Samples in the dataset."""

    @property
    def damaged(self) -> tuple[int, ...]:
        """Ids of the samples skipped so far because they do not decode, ascending; see `LoaderConfig.on_damage`."""
        ...

    def __len__(self) -> int:
        """Batches in a whole epoch of this rank."""
        ...

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rest of the epoch; afterwards the loader stands at the epoch's first batch again."""
        ...

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, 0 to 2^32 - 1, that the next iteration yields, from its first batch on."""
        ...

    def state_dict(self) -> dict[str, int]:
        """Where the iteration stands: the epoch and the next batch that was not yet yielded, the same on all ranks."""
        ...

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration continue where `state_dict` was taken."""
        ...

    def close(self) -> None:
        """End a running iteration: its threads and buffers are gone when this returns."""
        ...

    def __enter__(self) -> Loader: ...

    def __exit__(self, *exception: object) -> None: ...
