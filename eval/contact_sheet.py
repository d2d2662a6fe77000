"""All policies on the same pictures, as one PNG: rows are policies, columns samples.

    python -m eval.contact_sheet --images FOLDER --size 224 --fractals FRACTALS.beton --out sheet.png
    python -m eval.contact_sheet --images FOLDER --size 32 --fractals BANK.beton --out sheet.png --policies pixmix ipmix

Pictures are cropped to the central square and resized to `--size`. Policies have their defaults, but for what depends
on the size: above 64 px the settings for ImageNet.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from eval.gallery import enlarge, folder_pictures
from layermix import POLICIES, AutoAugment, Cutout, FractalBank, IPMix, PixMix, Policy, augment
from layermix.errors import InputError, run_program
from layermix.files import atomic_file


def chosen_policies(names: tuple[str, ...], size: int) -> dict[str, Policy]:
    """The policies by name, all for (), with their settings for pictures of `size` pixels a side."""
    for name in names:
        if name not in POLICIES:
            raise InputError(f"--policies must be among {', '.join(POLICIES)}; got {name!r}")
    policies = {name: POLICIES[name]() for name in names or POLICIES}
    imagenet: dict[str, Policy] = {
        "pixmix": PixMix(blending_ratio=4, severity=1),
        "ipmix": IPMix(patch_sides=(4, 8, 16, 32, 64, 224), mix_augmented=True),
        "autoaugment": AutoAugment(learned_on="imagenet"),
        "cutout": Cutout(side=size // 2),
    }
    return policies | {name: imagenet[name] for name in policies if size > 64 and name in imagenet}


def augmented_rows(
    images: np.ndarray, policies: Mapping[str, Policy], fractals: FractalBank, seed: int
) -> dict[str, np.ndarray]:
    """uint8 (N, H, W, 3) of every policy by name, from uint8 (N, H, W, 3)."""
    return {name: augment(images, policy, fractals=fractals, seed=seed) for name, policy in policies.items()}


def draw_sheet(rows: Mapping[str, np.ndarray], tile: int) -> Image.Image:
    """One picture of all rows, labelled on the left, with tiles of `tile` pixels."""
    gap, text = max(2, tile // 24), max(11, tile // 9)
    font = ImageFont.load_default(text)
    left = int(max(font.getlength(name) for name in rows)) + 2 * gap + text
    pitch, count = tile + gap, max(len(pictures) for pictures in rows.values())
    sheet = Image.new("RGB", (left + count * pitch, gap + len(rows) * pitch), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, pictures) in enumerate(rows.items()):
        y = gap + index * pitch
        draw.text((left - text / 2, y + tile / 2), name.replace("_", " "), "black", font, anchor="rm")
        for column, picture in enumerate(pictures):
            sheet.paste(enlarge(picture, tile), (left + column * pitch, y))
    return sheet


@dataclass(frozen=True, kw_only=True)
class SheetOptions:
    """Flags of `python -m eval.contact_sheet`.

    Attributes:
        images: a folder of picture files; the first by path are taken.
        fractals: fractal bank, of any format of writers.write_dataset.
        out: the PNG to write.
        size: side of the pictures that are augmented, in pixels.
        samples: pictures a row.
        tile: side of a tile of the sheet, in pixels.
        seed: seed of the augmentation.
        policies: names of policies; all if not given.
    """

    images: Path
    fractals: Path
    out: Path
    size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 224
    samples: int = 8
    tile: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 112
    seed: int = 0
    policies: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise InputError for a flag outside its range; not at construction, where tyro would word it."""
        for flag, value, least in (("--size", self.size, 8), ("--tile", self.tile, 8), ("--samples", self.samples, 1)):
            if value < least:
                raise InputError(f"{flag} must be ≥ {least}, got {value}; enlarge it")


def main(argv: list[str] | None = None) -> int:
    """Write the contact sheet that the flags describe."""
    options = tyro.cli(SheetOptions, prog="python -m eval.contact_sheet", args=argv, description=__doc__)
    options.check()
    policies = chosen_policies(options.policies, options.size)
    images = folder_pictures(options.images, options.samples, options.size)
    rows = augmented_rows(images, policies, FractalBank.open(options.fractals), options.seed)
    with atomic_file(options.out) as file:
        draw_sheet(rows, options.tile).save(file, "PNG", optimize=True)
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_program(main))
