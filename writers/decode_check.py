"""Which JPEGs of a sound data file do not decode: the check that `write_dataset --check header` left out."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from layermix.manifest import Manifest
from layermix.samples import FORMS
from writers.formats.registry import find_format
from writers.jpeg_check import decodes
from writers.ordered import map_ordered


def undecodable(
    data: Path, manifest: Manifest, first_id: int, threads: int, advance: Callable[[int], None]
) -> list[str]:
    """A line for each JPEG of the file `data` that the decoder of the loaders refuses or warns of.

    The file must have passed `check_file`. `first_id` is the sample id, in its set, of the file's first sample;
    `advance` is called with the number of samples done.
    """
    container = find_format(manifest.format)
    rows = container.read_rows(data, manifest)

    def is_sound(number: int) -> bool:
        row: np.void = rows[number]
        if FORMS[row["form"]] != "jpg":
            return True
        with data.open("rb") as file:
            return decodes(container.picture(file, row), int(row["height"]), int(row["width"]))

    problems = []
    with contextlib.closing(map_ordered(is_sound, len(rows), threads)) as verdicts:
        for number, sound in enumerate(verdicts, first_id):
            if not sound:
                problems.append(
                    f"{data}: sample {number}: its JPEG does not decode; mend the source and write it again"
                )
            advance(1)
    return problems
