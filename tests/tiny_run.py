"""A training run that takes a second: the real command, loader and LayerMix on 48 pictures of 16 px."""

from pathlib import Path

import yaml
from bank_files import random_pictures, write_bank
from picture_files import ListSource, smooth_picture

from writers.dataset import write_file
from writers.formats.layouts import ImageLayout
from writers.options import StoreOptions

STEPS, BATCH, TEST_PICTURES = 6, 16, 21
RECIPE = {
    "model": {"name": "wrn_10_1", "num_classes": 2, "dropout": 0.3},
    "data": {"size": 16, "batch_size": BATCH, "test_batch_size": 4},
    "policy": {"name": "layermix"},
    "run": {"epochs": 2, "log_every": 2, "threads": 1, "device": "cpu", "rank_timeout": 5.0},
}


def write_tiny_run(folder: Path) -> list[str]:
    """Write recipe and datasets to `folder`; the flags of `python -m train` that use them, all but --out."""
    recipe = folder / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    bank = write_bank(folder / "fractals.beton", random_pictures([(20, 22)] * 4))
    flags = ["--config", str(recipe), "--data.fractals", str(bank)]
    for role, count in (("train", 3 * BATCH), ("test", TEST_PICTURES)):
        path = folder / f"{role}.beton"
        pictures = ListSource([smooth_picture(16, 16, n + count) for n in range(count)])
        write_file(pictures, path, ImageLayout(StoreOptions(mode="raw")), options={})
        flags += [f"--data.{role}", str(path)]
    return flags
