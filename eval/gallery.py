"""What LayerMix does to pictures: for every augmentation the original, the fractal, and steps 1, 2 and 3.

The three steps of a row are one chain: the same augmentation, strengths, blends and fractal, stopped after
the first, second and third layer. As a program it writes them all as one PNG:

    python -m eval.gallery --data TEST.beton --fractals FRACTALS.beton --out gallery.png
    python -m eval.gallery --images FOLDER --size 160 --fractals FRACTALS.beton --out gallery.png

Pictures are cropped to the central square and resized to `--size`.
"""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from eval.pictures import Preprocessing, open_pictures
from layermix import FractalBank, LayerMix, augment
from layermix.augmentation import run
from layermix.errors import InputError, run_program
from layermix.files import atomic_file
from layermix.program import FRACTAL, INSTRUCTION, RESULT
from pipelines import Loader
from writers.images import decode_image

STAGES = ("original", "fractal", "step 1", "step 2", "step 3")
"""What the pictures of a row show, in this order."""


@dataclass(frozen=True, kw_only=True)
class GalleryRow:
    """One augmentation: its name and the pictures of `STAGES`, uint8 (5, H, W, 3)."""

    operation: str
    pictures: np.ndarray


def augmentation_gallery(
    images: np.ndarray, fractals: FractalBank | np.ndarray, *, policy: LayerMix | None = None, seed: int = 0
) -> list[GalleryRow]:
    """A row for every operation of `policy`, each on the next picture of uint8 (N, H, W, 3).

    `fractals` as for `layermix.augment`; `policy` is LayerMix(8, 3) where none is given.
    """
    policy = policy or LayerMix()
    bank = fractals if isinstance(fractals, FractalBank) else FractalBank.from_array(fractals)
    return [
        GalleryRow(operation=name, pictures=_stages(images[index % len(images)], bank, policy, name, seed, index))
        for index, name in enumerate(policy.operation_names())
    ]


def _stages(
    image: np.ndarray, bank: FractalBank, policy: LayerMix, operation: str, seed: int, sample_id: int
) -> np.ndarray:
    batch, ids = image[None], [sample_id]
    chain = [replace(policy, operations=(operation,), step=step) for step in (1, 2, 3)]
    steps = [augment(batch, stop, fractals=bank, seed=seed, sample_ids=ids) for stop in chain]
    return np.concatenate([batch, _fractal_alone(batch, bank, chain[-1], seed, ids), *steps])


def _fractal_alone(batch: np.ndarray, bank: FractalBank, policy: LayerMix, seed: int, ids: list[int]) -> np.ndarray:
    """The fractal that step 3 mixes in: its load instruction run alone, into the result register."""
    height, width = batch.shape[1:3]
    programs = policy.draw(ids, seed=seed, height=height, width=width, bank=bank)
    alone = np.zeros((1, 2), INSTRUCTION)
    alone[:, 0] = programs[programs["op"] == FRACTAL]
    alone["dst"][:, 0] = RESULT
    out = np.empty_like(batch)
    run(alone, batch, bank=bank, scratch_registers=policy.scratch_registers, out=out)
    return out


def first_pictures(pictures: Loader, count: int) -> np.ndarray:
    """The first `count` pictures of a loader, at most one batch, copied: uint8 (N, H, W, 3).

    The loader is wound back to its first picture.
    """
    images = next(iter(pictures)).images[:count]
    copied = images.permute(0, 2, 3, 1).cpu().numpy().copy()
    pictures.set_epoch(0)
    return copied


def folder_pictures(folder: Path, count: int, size: int) -> np.ndarray:
    """The first `count` pictures below `folder`, by path, as central squares: uint8 (N, size, size, 3)."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise InputError(f"--images {folder} must be a folder with pictures, got none; check the path")
    chosen = itertools.islice(paths, count)
    return np.stack([_square(decode_image(path.read_bytes(), str(path)), size) for path in chosen])


def _square(image: np.ndarray, size: int) -> np.ndarray:
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)


def contact_sheet(rows: Sequence[GalleryRow], tile: int = 128) -> Image.Image:
    """One labelled picture of all rows: operations down, `STAGES` across, tiles of `tile` pixels."""
    gap, text = max(4, tile // 16), max(11, tile // 9)
    font = ImageFont.load_default(text)
    names = [row.operation.replace("_", " ") for row in rows]
    left = int(max(font.getlength(name) for name in names)) + 2 * gap
    top, pitch = text + 2 * gap, tile + gap
    sheet = Image.new("RGB", (left + len(STAGES) * pitch, top + len(rows) * pitch), "white")
    draw = ImageDraw.Draw(sheet)
    for column, stage in enumerate(STAGES):
        draw.text((left + column * pitch + tile / 2, top / 2), stage, "black", font, anchor="mm")
    for index, (row, name) in enumerate(zip(rows, names)):
        y = top + index * pitch
        draw.text((left - gap, y + tile / 2), name, "black", font, anchor="rm")
        for column, picture in enumerate(row.pictures):
            sheet.paste(enlarge(picture, tile), (left + column * pitch, y))
    return sheet


def enlarge(picture: np.ndarray, tile: int) -> Image.Image:
    """uint8 (H, W, 3) as a square of `tile` pixels: enlarged with sharp pixels, shrunk smoothly."""
    resample = Image.Resampling.NEAREST if max(picture.shape[:2]) < tile else Image.Resampling.LANCZOS
    return Image.fromarray(picture).resize((tile, tile), resample)


@dataclass(frozen=True, kw_only=True)
class GalleryOptions:
    """Flags of `python -m eval.gallery`.

    Attributes:
        fractals: fractal bank, of any format of writers.write_dataset.
        out: the PNG to write.
        data: pictures to augment, a set of any format of writers.write_dataset, or
        images: a folder of picture files.
        size: side of the pictures that are augmented, in pixels.
        tile: side of a tile of the sheet, in pixels.
        seed: seed of the augmentation.
    """

    fractals: Path
    out: Path
    data: Path | None = None
    images: Path | None = None
    size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 32
    tile: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 128
    seed: int = 0

    def check(self) -> None:
        """Raise InputError for a flag outside its range; not at construction, where tyro would word it."""
        for flag, value in (("--size", self.size), ("--tile", self.tile)):
            if value < 8:
                raise InputError(f"{flag} must be ≥ 8 pixels, got {value}; enlarge it")


def main(argv: list[str] | None = None) -> int:
    """Write the contact sheet that the flags describe."""
    options = tyro.cli(GalleryOptions, prog="python -m eval.gallery", args=argv, description=__doc__)
    options.check()
    policy = LayerMix()
    images = _chosen_pictures(options, len(policy.operation_names()))
    rows = augmentation_gallery(images, FractalBank.open(options.fractals), policy=policy, seed=options.seed)
    with atomic_file(options.out) as file:
        contact_sheet(rows, options.tile).save(file, "PNG", optimize=True)
    print(options.out)
    return 0


def _chosen_pictures(options: GalleryOptions, count: int) -> np.ndarray:
    if options.images is not None and options.data is None:
        return folder_pictures(options.images, count, options.size)
    if options.data is not None and options.images is None:
        shape = Preprocessing(size=options.size, crop="center")
        with open_pictures(options.data, shape, batch_size=count, threads=1) as pictures:
            return first_pictures(pictures, count)
    raise InputError("give either --data or --images: the pictures to augment")


if __name__ == "__main__":
    sys.exit(run_program(main))
