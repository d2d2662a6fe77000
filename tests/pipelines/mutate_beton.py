"""Mutates the tables of two small files and loads what is still accepted; a memory fault ends the process.

    python tests/pipelines/mutate_beton.py PHOTOS SMALL COUNT SEED    -> prints refused and loaded

One to three fields or bytes of header, descriptions, metadata or allocation table are set to random or extreme values;
of a file that opens, three samples are decoded and cropped by the compiled code of the loader.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from layermix import InputError
from layermix.resize import crop_scratch
from pipelines.beton import read_beton
from pipelines.config import LoaderConfig
from pipelines.crops import Crop
from pipelines.ffcv_decode import decode_batch
from pipelines.jpeg_crop import decoded_bytes
from pipelines.turbojpeg import FUNCTIONS, REST_IGNORED

SIZE = 16
EXTREMES = np.array([0, 1, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**48, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)


def mutate(file, table_start, rng):
    """A copy with one to three changes outside the pictures."""
    changed = file.copy()
    regions = ((0, 24), (24, 24 + 2 * 1041), (24 + 2 * 1041, 24 + 2 * 1041 + 960), (table_start, file.size))
    for _ in range(rng.integers(1, 4)):
        first, last = regions[rng.integers(4)]
        width = int(rng.choice([1, 1, 2, 4, 8]))
        at = int(rng.integers(first, last - width + 1))
        value = rng.choice(EXTREMES) if rng.random() < 0.5 else rng.integers(0, 2**64, dtype=np.uint64)
        changed[at : at + width] = np.frombuffer(value.tobytes(), np.uint8)[:width]
    return changed


def load(file, path, crop):
    beton = read_beton(file, path)
    pictures = beton.column("image")
    ids = np.array([0, len(beton) // 2, len(beton) - 1], np.uint64)
    few = pictures[ids]
    pixels = decoded_bytes(few["height"], few["width"])
    scratch = np.empty(pixels, np.uint8), np.empty(crop_scratch(int(few["width"].max()), SIZE), np.uint8)
    failures, out = np.zeros(len(beton), np.uint8), np.empty((3, SIZE, SIZE, 3), np.uint8)
    storage = file, beton.addresses, beton.sizes
    decode_batch((FUNCTIONS, REST_IGNORED), ids, pictures, storage, crop, 0, scratch, failures, out)


def main(photos, small, count, seed):
    rng, done = np.random.default_rng(int(seed)), {"refused": 0, "loaded": 0}
    crop = Crop.of(LoaderConfig(data=Path(photos), batch_size=1, size=SIZE, crop="random_resized", flip=True))
    files = []
    for name in (photos, small):
        file = np.fromfile(name, np.uint8)
        files.append((file, int(file[:24].view("<u8")[2]), Path(name)))
    for number in range(int(count)):
        file, table_start, path = files[number % 2]
        try:
            load(mutate(file, table_start, rng), path, crop)
            done["loaded"] += 1
        except InputError:
            done["refused"] += 1
    print(done["refused"], done["loaded"])


if __name__ == "__main__":
    main(*sys.argv[1:])
