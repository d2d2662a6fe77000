"""Everything that decides a training run, as frozen dataclasses that recipes and flags fill in."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from layermix.errors import InputError
from layermix.policies import Policy
from models import ModelConfig


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Datasets, crops and batches, and how they are read; `pipelines.LoaderConfig` says more of each.

    Attributes:
        train: training set, in any format that `writers.write_dataset` writes, or a folder of class folders.
        test: test set, likewise; its error is measured while training. None measures nothing.
        fractals: fractal bank; only policies that mix need it.
        size: side in pixels of the pictures that the model sees.
        crop: training crop: `pad` (random crop after padding), `random_resized`, `center` or `none`.
        padding: pixels added on each side before a `pad` crop.
        scale: least and greatest share of the area that a `random_resized` crop takes.
        ratio: least and greatest width over height of a `random_resized` crop.
        flip: flip half of the training pictures left to right.
        batch_size: training pictures a step, over all ranks: a step is the same on 1 GPU and on 8.
        resident: keep the training set and the fractals on the GPU, and crop, flip and mix there; for pictures stored
            at `size`, with crop `pad` or `none`. The pictures are the same either way.
        order: training pictures in `random` order; `quasi_random` for a file larger than memory; or `shards` for sets
            in DALI's formats on network storage, where the samples of a step depend on the number of ranks.
        window: samples that `quasi_random`, or the buffer of `shards` on each rank, shuffles at a time.
        os_cache: map a file and leave caching to the system; false reads each batch, for network and spinning disks.
        batches_ahead: training batches prepared in advance; more of them bridge slow moments of a file server.
        decode: where training pictures are decoded: `cpu`, or `gpu`, for sets in DALI's formats.
        hw_decoder_load: share of the pictures that a GPU's JPEG engine decodes, where it has one and decodes.
        test_crop: `center`, or `none` for pictures that have the right size already.
        center_ratio: share of the short side that the `center` crop keeps.
        test_batch_size: test pictures a forward pass, on each rank.
    """

    train: Path | None = None
    test: Path | None = None
    fractals: Path | None = None
    size: int = 32
    crop: Literal["pad", "random_resized", "center", "none"] = "pad"
    padding: int = 4
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = True
    batch_size: int = 128
    resident: bool = False
    order: Literal["random", "quasi_random", "shards"] = "random"
    window: int = 16384
    os_cache: bool = True
    batches_ahead: int = 3
    decode: Literal["cpu", "gpu"] = "cpu"
    hw_decoder_load: float = 0.9
    test_crop: Literal["center", "none"] = "none"
    center_ratio: float = 1.0
    test_batch_size: int = 500

    def __post_init__(self):
        _at_least("size", self.size, 1)
        _at_least("padding", self.padding, 0)
        _at_least("batch_size", self.batch_size, 1)
        _at_least("test_batch_size", self.test_batch_size, 1)


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Stochastic gradient descent.

    Attributes:
        name: the algorithm.
        lr: learning rate of the first step.
        lr_batch_size: batch that `lr` was chosen for: all learning rates are multiplied by `data.batch_size` over it
            (the linear rule of Goyal et al., 2017); None keeps `lr` whatever the batch.
        momentum: share of the last update that is kept.
        nesterov: look ahead by the momentum.
        weight_decay: L2 penalty on all parameters.
        ema_decay: keep a moving average of the weights, of which each step takes this share over, and test it as well;
            0 keeps none, 0.999 is usual.
    """

    name: Literal["sgd"] = "sgd"
    lr: float = 0.1
    lr_batch_size: int | None = None
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    ema_decay: float = 0.0

    def __post_init__(self):
        if not self.lr > 0:
            raise InputError(f"`lr` must be > 0, got {self.lr}; the CIFAR recipes use 0.1")
        if not 0 <= self.momentum < 1:
            raise InputError(f"`momentum` must be in [0, 1), got {self.momentum}; the recipes use 0.9")
        if self.nesterov and not self.momentum:
            raise InputError("`nesterov` must be false where `momentum` is 0, got true; give a momentum")
        _at_least("weight_decay", self.weight_decay, 0)
        if self.lr_batch_size is not None:
            _at_least("lr_batch_size", self.lr_batch_size, 1)
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"`ema_decay` must be in [0, 1), got {self.ema_decay}; 0.999 is usual")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """Learning rate and picture size over the run.

    Attributes:
        name: `cosine`: half a cosine from `lr` to `final_lr`, a new value each step, no warm-up.
        final_lr: what the learning rate falls to.
        start_size: side in pixels of the training pictures of the first epochs, which grows to `data.size` (progressive
            resizing as in FFCV's ImageNet recipe); None keeps `data.size`.
        grow_from, grow_to: shares of the epochs between which the side grows in proportion.
        size_step: the side is rounded to a multiple of this.
    """

    name: Literal["cosine"] = "cosine"
    final_lr: float = 1e-6
    start_size: int | None = None
    grow_from: float = 0.35
    grow_to: float = 0.85
    size_step: int = 32

    def __post_init__(self):
        _at_least("final_lr", self.final_lr, 0)
        _at_least("size_step", self.size_step, 1)
        if self.start_size is not None:
            _at_least("start_size", self.start_size, 1)
        if not 0 <= self.grow_from <= self.grow_to <= 1:
            raise InputError(
                f"`grow_from` and `grow_to` must satisfy 0 <= grow_from <= grow_to <= 1, got {self.grow_from} and "
                f"{self.grow_to}; they are shares of the epochs"
            )


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """What a step minimises.

    Attributes:
        name: `cross_entropy`, or `jsd`: cross-entropy of the clean picture and the Jensen-Shannon divergence between it
            and two augmented views (AugMix); three views a picture take three times the memory and time.
        label_smoothing: share of each label that is spread over all classes.
        jsd_weight: factor of the divergence.
        mixing: mix the pictures and labels of a batch in pairs: `mixup`, `cutmix`, or `none`.
        alpha: parameter of the Beta distribution that the shares of a mixed pair follow.
    """

    name: Literal["cross_entropy", "jsd"] = "cross_entropy"
    label_smoothing: float = 0.0
    jsd_weight: float = 12.0
    mixing: Literal["none", "mixup", "cutmix"] = "none"
    alpha: float = 1.0

    def __post_init__(self):
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"`label_smoothing` must be in [0, 1), got {self.label_smoothing}; 0.1 is usual")
        _at_least("jsd_weight", self.jsd_weight, 0)
        if not self.alpha > 0:
            raise InputError(f"`alpha` must be > 0, got {self.alpha}; the published value is 1")
        if self.name == "jsd" and self.mixing != "none":
            raise InputError(
                f"`mixing` must be none with the jsd loss, got {self.mixing}; its views show one picture each"
            )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Length, place and means of a run.

    Attributes:
        out: run folder; runs/NAME of the recipe where none is given.
        epochs: passes over the training set; the schedule spans them.
        max_steps: pause once the run has done this many steps in all; the schedule stays as it is.
        resume: `auto` continues from the run folder's checkpoint where there is one, `never` stops with an error then.
        seed: seed of weights, dropout, order of the samples and augmentation.
        threads: threads of the loader and, on the CPU, of the network; None is one a core for the loader and one
            less for the network.
        device: `auto` is a GPU where there is one.
        precision: `float32`, or autocast to `bfloat16` or `float16` (GPU only). Of float32 a GPU computes convolutions
            in TF32 where it can, as torch does by itself.
        compile: `none`, or a mode of torch.compile for the network and the normalisation: `default`, `reduce-overhead`
            (CUDA graphs) or `max-autotune`; the first step then takes minutes.
        deterministic: only algorithms that give equal bits in every run, which on a GPU cost speed.
        sync_batch_norm: let the batch norms of several GPUs take their statistics over the pictures of all, which makes
            a step the same at any number of GPUs, but for rounding, and costs speed; by itself each GPU uses its own.
        max_skipped_steps: float16 skips a step whose gradients overflow; more than this many in a row end the run.
        track: show the log in `tensorboard` (RUN/tensorboard) or `wandb` too.
        log_every: steps between log records.
        evaluate_every: epochs between measurements on the test set; the last epoch is always measured.
        checkpoint_minutes: minutes between checkpoints, besides the one at the end of each epoch.
        rank_timeout: seconds of silence after which another rank counts as lost, which ends the run with an error.
        stall_timeout: seconds that the main thread of a rank may stand still: it then shows the stacks of its threads,
            and the run ends with an error where other ranks wait for it. Four times as long where slowness is in the
            nature of things (start, first batch and step, tests, checkpoints), and where all ranks stand still. A run
            of one process is only warned.
    """

    out: Path | None = None
    epochs: int = 100
    max_steps: int | None = None
    resume: Literal["auto", "never"] = "auto"
    seed: int = 0
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = "none"
    deterministic: bool = False
    sync_batch_norm: bool = False
    max_skipped_steps: int = 20
    track: tuple[Literal["tensorboard", "wandb"], ...] = ()
    log_every: int = 50
    evaluate_every: int = 1
    checkpoint_minutes: float = 10.0
    rank_timeout: float = 30.0
    stall_timeout: float = 300.0

    def __post_init__(self):
        for name in ("epochs", "log_every", "evaluate_every", "max_skipped_steps"):
            _at_least(name, getattr(self, name), 1)
        for name in ("max_steps", "threads"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)
        _at_least("seed", self.seed, 0)
        for name, usual in (("checkpoint_minutes", 10), ("rank_timeout", 30), ("stall_timeout", 300)):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise InputError(f"`{name}` must be > 0 and finite, got {value}; {usual} is usual")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole training run: model, data, policy, optimizer, schedule, loss, run.

    Attributes:
        model: the network and the normalisation of its input.
        data: datasets, crops and batches.
        policy: augmentation policy of the training pictures.
        optimizer: the optimizer.
        schedule: learning rate and picture size over the run.
        loss: what a step minimises.
        run: length, place and means of the run; its flags carry no prefix.
    """

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    policy: Policy
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    run: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=RunConfig)

    def __post_init__(self):
        if self.schedule.final_lr > self.optimizer.lr:
            raise InputError(
                f"`schedule.final_lr` must be at most `optimizer.lr` {self.optimizer.lr}, "
                f"got {self.schedule.final_lr}; lower it"
            )
        start_size = self.schedule.start_size
        if start_size is not None and (
            start_size > self.data.size or self.data.crop not in ("random_resized", "center")
        ):
            raise InputError(
                f"`schedule.start_size` must be at most `data.size` {self.data.size}, of a crop that resizes, got "
                f"{start_size} and crop {self.data.crop}; lower it, or use --data.crop random_resized"
            )


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(f"`{name}` must be at least {least}, got {value}; raise it")
