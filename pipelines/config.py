"""What a loader shall yield; how it does so is the backend's affair."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from layermix import InputError, Policy
from layermix.checks import check_flag, check_pair, check_range, check_whole
from layermix.policies.base import check_key, check_policy


@dataclass(frozen=True, kw_only=True)
class LoaderConfig:
    """Settings of `build_loader`; the defaults are those of evaluation on pictures stored at their final size.

    Args:
        data: the dataset, a file written by `writers.write_dataset`, or the name of a set of shards; or a folder of
            class folders of picture files. A str, here and as `fractals`, is taken for a path.
        batch_size: pictures a batch and rank.
        size: side of the square pictures that come out, in pixels.
        crop: "random_resized" (ImageNet training), "pad" (CIFAR training: a random crop after padding), "center"
            (evaluation: the central square, resized), or "none" (pictures are stored at `size`).
        flip: mirror left to right with even odds.
        policy: augmentation to run on the cropped picture; None for none.
        fractals: a fractal bank, for policies that use one.
        views: 1, or 3 for the Jensen-Shannon loss: the cropped picture itself and views 1 and 2 of `policy`, which draw
            independently (`layermix.views.jsd_views`); images are then (N, 3, 3, H, W).
        seed: 0 to 2^64 - 1; with the epoch and the sample id it fixes every pixel.
        threads: threads that decode and augment; of a folder worker processes, or none where it is 1.
        order: "sequential", the order of the file; "random", anew each epoch; "quasi_random", random among samples
            that are near one another in the file, for files larger than memory; or "shards", for sets in DALI's formats
            on network storage or larger than memory: DALI's own readers read shard after shard, in an order drawn anew
            each epoch, from start to end, and a buffer shuffles what they give. Of ImageNet sorted by class, a batch of
            256 from 1,024 shards and a buffer of 16,384 holds 66 classes, from 8 ranks with such buffers 174; "random"
            gives 226 (`python -m benchmarks.shuffling`); a set written in a shuffled order has no such limit. Which
            samples a rank reads depends on the number of ranks then; no pixel does.
        window: samples that "quasi_random" shuffles at a time, or that the buffer of "shards" holds: on each rank, in
            memory, as they are stored.
        drop_last: leave out the last, smaller batch; with several ranks what is left over of a global batch.
        pad: give every rank the same number of samples by repeating some, marked in `Batch.valid`; for evaluation.
        device: where the images go, as uint8: "cpu", "cuda" or "cuda:N".
        resident: keep the whole set and the fractals in the memory of `device` and do everything there; for small
            pictures stored at `size`, with crop "pad" or "none".
        rank, world_size: this process's share of each epoch; None takes them from torch.distributed where that is
            initialised, else the whole epoch.
        batches_ahead: batches prepared in advance; see `pipelines.Batch` for what it means for their lifetime.
        copy: give each batch memory of its own, valid for as long as it is referred to.
        on_damage: what becomes of a picture that does not decode, or of which the decoder says that it made pixels up:
            "raise" an InputError that names it, or "skip" it: its batch comes without it, and `Loader.damaged` lists
            it. DALI prints what its decoder says and goes on; `writers.verify` finds such damage in its sets.
        os_cache: True maps the file and leaves caching to the system; False reads each batch's bytes, for files on
            network or spinning disks; of a folder, and in the order "shards", files are always read. A mapped file that
            is cut short in place ends the process (SIGBUS), as with every mapping; one that is read is an InputError.
        decode: "cpu", or "gpu" to decode, crop, resize, flip and mix on `device`, a GPU; for sets in DALI's formats.
        hw_decoder_load: share of the pictures that a GPU with a JPEG engine decodes there, 0 to 1, of decode "gpu".
        padding: black pixels on each side, of crop "pad".
        scale, ratio: range of the area share and of width / height, of crop "random_resized".
        center_ratio: share of the short side that crop "center" keeps; 224/256 is the usual one for ImageNet.

    Raises:
        InputError: a setting outside its range, or a policy that lacks its fractals.
    """

    data: Path
    batch_size: int
    size: int
    crop: Literal["random_resized", "pad", "center", "none"] = "none"
    flip: bool = False
    policy: Policy | None = None
    fractals: Path | None = None
    views: Literal[1, 3] = 1
    seed: int = 0
    threads: int = 1
    order: Literal["sequential", "random", "quasi_random", "shards"] = "sequential"
    window: int = 16384
    drop_last: bool = False
    pad: bool = False
    device: str = "cpu"
    resident: bool = False
    rank: int | None = None
    world_size: int | None = None
    batches_ahead: int = 3
    copy: bool = False
    on_damage: Literal["raise", "skip"] = "raise"
    os_cache: bool = True
    decode: Literal["cpu", "gpu"] = "cpu"
    hw_decoder_load: float = 0.9
    padding: int = 4
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    center_ratio: float = 1.0

    def __post_init__(self) -> None:
        self._take_paths()
        check_key(self.seed, 0, 0)
        for name, (least, most) in _WHOLE.items():
            check_whole(name, getattr(self, name), least, most)
        for name in ("flip", "drop_last", "pad", "resident", "copy", "os_cache"):
            check_flag(name, getattr(self, name))
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(f"`{name}` must be one of {', '.join(map(str, known))}; got {getattr(self, name)!r}")
        if self.resident and self.crop not in ("pad", "none"):
            raise InputError(f"`resident` goes with crop 'pad' or 'none', got {self.crop!r}; set resident=False")
        if self.pad and self.drop_last:
            raise InputError("`pad` adds samples and `drop_last` leaves some out; set one of them")
        if self.views != 1 and self.policy is None:
            raise InputError(f"`views` must be 1 without a `policy` that draws them, got {self.views}; give a policy")
        self._check_rank()
        check_pair("scale", self.scale, 1e-6, 1)
        check_pair("ratio", self.ratio, 1e-3, 1e3)
        check_range("hw_decoder_load", self.hw_decoder_load, 0, 1)
        check_range("center_ratio", self.center_ratio, 1e-3, 1)
        if not isinstance(self.device, str) or not _DEVICE.fullmatch(self.device):
            raise InputError(f"`device` must be 'cpu', 'cuda' or 'cuda:N', got {self.device!r}; choose one")
        if self.decode == "gpu" and not self.device.startswith("cuda"):
            raise InputError(f"`decode` 'gpu' needs a GPU as `device`, got {self.device!r}; give device='cuda'")
        if self.policy is not None:
            check_policy(self.policy)
            self._check_fractals(self.policy)

    def _take_paths(self) -> None:
        for name in ("data", "fractals"):
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, Path(value))
            elif not isinstance(value, Path) and not (name == "fractals" and value is None):
                raise InputError(f"`{name}` must be a path, got {value!r:.80}; give that of the file or folder")

    def _check_fractals(self, policy: Policy) -> None:
        if policy.uses_fractals and self.fractals is None:
            raise InputError(
                f"`fractals` must name a fractal bank: the policy {policy.name!r} mixes them in; make one with "
                "`python -m writers.write_dataset --source fractals --generate 1000 --format beton --out BANK.beton`"
            )

    def _check_rank(self) -> None:
        rank, world_size = self.rank, self.world_size
        if rank is None and world_size is None:
            return
        if rank is None or world_size is None:
            raise InputError(f"`rank` and `world_size` go together, got {rank} and {world_size}; give both or neither")
        if world_size < 1:
            raise InputError(f"`world_size` must be at least 1, got {world_size}")
        if not 0 <= rank < world_size:
            raise InputError(f"`rank` must be in 0..{world_size - 1} (world_size - 1), got {rank}")


_DEVICE = re.compile(r"cpu|cuda(:\d+)?")

_WHOLE = {
    "batch_size": (1, 1 << 20),
    "size": (1, 65_500),
    "threads": (1, 4096),
    "window": (1, 1 << 48),
    "batches_ahead": (1, 4096),
    "padding": (0, 65_500),
}
"""Least and most of the settings that are whole numbers."""

_CHOICES = {
    "crop": ("random_resized", "pad", "center", "none"),
    "order": ("sequential", "random", "quasi_random", "shards"),
    "on_damage": ("raise", "skip"),
    "views": (1, 3),
    "decode": ("cpu", "gpu"),
}
