"""A contact sheet: pictures spread evenly over a data set, each with its id and class."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from writers.atomic import atomic_output, output_errors, write_all
from writers.contents import Contents

CELL = 128
"""Side in pixels of the square in which a picture is shown."""

_CAPTION = 14
_COLUMNS = 8


def write_sheet(out: Path, contents: Contents, classes: tuple[str, ...], pictures: int) -> None:
    """Write a PNG of at most `pictures` pictures in reading order, evenly spaced over the ids."""
    count = len(contents.rows)
    samples = np.unique(np.linspace(0, count - 1, min(pictures, count)).astype(int)).tolist()
    columns = min(_COLUMNS, len(samples))
    rows = -(-len(samples) // columns)
    sheet = Image.new("RGB", (columns * (CELL + 2), rows * (CELL + _CAPTION + 2)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, sample in enumerate(samples):
        left, top = place % columns * (CELL + 2), place // columns * (CELL + _CAPTION + 2)
        sheet.paste(_fitted(contents.pixels(sample)), (left, top))
        caption = f"{sample} {classes[contents.rows['label'][sample]]}"[:22]
        draw.text((left + 1, top + CELL + 1), caption.encode("latin1", "replace").decode("latin1"), fill="black")
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    with atomic_output(out) as file, output_errors(out):
        write_all(file, encoded.getvalue())


def _fitted(pixels: np.ndarray) -> Image.Image:
    """The picture within a gray square: shrunk smoothly, enlarged by whole pixels."""
    picture = Image.fromarray(pixels).convert("RGB")
    scale = CELL / max(picture.size)
    scale = float(int(scale)) if scale >= 1 else scale
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    cell = Image.new("RGB", (CELL, CELL), (230, 230, 230))
    cell.paste(picture.resize(size, method), ((CELL - size[0]) // 2, (CELL - size[1]) // 2))
    return cell
