"""The two loaders that a configuration describes, and whether they fit the model."""

from collections.abc import Sequence
from pathlib import Path

from layermix.errors import InputError
from pipelines import Loader, LoaderConfig
from train.config import TrainConfig
from train.distributed import Ranks
from train.losses import VIEWS
from train.precision import core_count

_COMMANDS = {
    "train": "--source digits --split train --format beton --out train.beton",
    "fractals": "--source fractals --generate 1000 --format beton --out fractals.beton",
}


def train_loader_config(config: TrainConfig, device: str, ranks: Ranks) -> LoaderConfig:
    """Shuffled, cropped, flipped and augmented training pictures, whole batches only.

    The ranks share each batch of `data.batch_size`: in random order, together they see the same pictures, whatever
    their number.
    Raises `InputError` where it cannot be shared equally.
    """
    data = config.data
    if data.batch_size % ranks.world_size:
        raise InputError(
            f"`data.batch_size` counts the pictures of all ranks and must be a multiple of their number, "
            f"{ranks.world_size}, got {data.batch_size}; change one of them"
        )
    return LoaderConfig(
        data=_given(data.train, "train"),
        batch_size=data.batch_size // ranks.world_size,
        size=data.size,
        crop=data.crop,
        flip=data.flip,
        policy=config.policy,
        fractals=_given(data.fractals, "fractals") if config.policy.uses_fractals else None,
        views=VIEWS if config.loss.name == "jsd" else 1,
        seed=config.run.seed,
        threads=config.run.threads or core_count(ranks.local_world_size),
        order=data.order,
        window=data.window,
        os_cache=data.os_cache,
        batches_ahead=data.batches_ahead,
        decode=data.decode,
        hw_decoder_load=data.hw_decoder_load,
        drop_last=True,
        device=device,
        rank=ranks.rank,
        world_size=ranks.world_size,
        resident=data.resident,
        padding=data.padding,
        scale=data.scale,
        ratio=data.ratio,
    )


def test_loader_config(config: TrainConfig, device: str, ranks: Ranks) -> LoaderConfig | None:
    """Every test picture once, in the order of the file, not augmented; None where no test set is given.

    The ranks take turns; those that would have one picture less repeat one, marked in `Batch.valid`.
    """
    data = config.data
    if data.test is None:
        return None
    return LoaderConfig(
        data=data.test,
        batch_size=data.test_batch_size,
        size=data.size,
        crop=data.test_crop,
        center_ratio=data.center_ratio,
        threads=config.run.threads or core_count(ranks.local_world_size),
        pad=True,
        os_cache=data.os_cache,
        device=device,
        rank=ranks.rank,
        world_size=ranks.world_size,
    )


def check_loaders(train_loader: Loader, test_loader: Loader | None, config: TrainConfig) -> None:
    """Raise `InputError` unless the loaders have batches of the same classes, one for each logit of the model."""
    if not len(train_loader):
        raise InputError(
            f"`data.batch_size` must be at most the size of the training set, got {config.data.batch_size}; lower it"
        )
    classes, num_classes = list(train_loader.classes), config.model.num_classes
    if len(classes) != num_classes:
        raise InputError(
            f"`model.num_classes` must be the number of classes of the training set, {len(classes)}, "
            f"got {num_classes}; give --model.num-classes {len(classes)} or another --data.train"
        )
    if test_loader is not None and list(test_loader.classes) != classes:
        raise InputError(
            f"`data.test` must have the classes of the training set, {_listed(classes)}, "
            f"got {_listed(test_loader.classes)}; give the test set that belongs to --data.train"
        )


def _given(path: Path | None, name: str) -> Path:
    if path is None:
        raise InputError(
            f"`data.{name}` is missing; give --data.{name} FILE.beton, which "
            f"`python -m writers.write_dataset {_COMMANDS[name]}` writes, for example"
        )
    return path


def _listed(classes: Sequence[str]) -> str:
    shown = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
    return f"{len(classes)} ({shown})"
