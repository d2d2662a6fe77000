"""The operations also fit into a pipeline of ffcv's own `Loader`, which compiles them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from layermix import LayerMix
from pipelines import LoaderConfig, build_loader

PROGRAM = """
import sys, warnings
import numpy as np
from pathlib import Path
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import ToTensor, ToTorchImage
from layermix import FractalBank, LayerMix
from pipelines import LoaderConfig
from pipelines.ffcv_decode import CropDecoder
from pipelines.ffcv_mix import Mix

data, fractals, out = map(Path, sys.argv[1:])
config = LoaderConfig(data=data, batch_size=8, size=48, crop="random_resized", flip=True, seed=5)
epoch, failures = np.full(1, 2, np.int64), np.zeros(40, np.uint8)
operations = [
    CropDecoder(config, epoch, failures),
    Mix(LayerMix(), FractalBank.open(fractals), seed=5, epoch=epoch),
    ToTensor(),
    ToTorchImage(),
]
loader = Loader(str(data), batch_size=8, num_workers=2, order=OrderOption.SEQUENTIAL, drop_last=False,
                pipelines={"image": operations, "label": None})
np.save(out, np.concatenate([images.numpy().copy() for (images,) in loader]))
"""


def test_ffcvs_own_loader_gives_the_bytes_of_ours(photos, fractal_bank, tmp_path):
    """In a process of its own: ffcv's loader changes Numba's array types for the whole process."""
    out = tmp_path / "images.npy"
    root = Path(__file__).parents[2]
    # An operation that ffcv cannot compile kills its thread and leaves its loop waiting for ever.
    subprocess.run([sys.executable, "-c", PROGRAM, photos, fractal_bank, out], check=True, cwd=root, timeout=240)
    config = LoaderConfig(
        data=photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True, seed=5,
        policy=LayerMix(),
    )  # fmt: skip
    with build_loader(config) as loader:
        loader.set_epoch(2)
        ours = torch.cat([batch.images.clone() for batch in loader]).numpy()
    assert np.array_equal(np.load(out), ours)
