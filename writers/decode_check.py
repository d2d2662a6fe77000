"""Which JPEGs of a sound data file do not decode: the check that `write_dataset --check header` left out."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from layermix.jpeg import find_damage
from layermix.manifest import Manifest
from layermix.samples import FORMS
from writers.formats.registry import find_format
from writers.ordered import map_ordered


def undecodable(
    data: Path, manifest: Manifest, first_id: int, threads: int, advance: Callable[[int], None]
) -> list[str]:
    """A line for each JPEG of the file `data` of which pixels would be made up.

    The file must have passed `check_file`. `first_id` is the sample id, in its set, of the file's first sample;
    `advance` is called with the number of samples done.
    """
    container = find_format(manifest.format)
    rows = container.read_rows(data, manifest)

    def damage_of(number: int) -> str:
        row: np.void = rows[number]
        if FORMS[row["form"]] != "jpg":
            return ""
        with data.open("rb") as file:
            return find_damage(container.picture(file, row), int(row["height"]), int(row["width"]))

    problems = []
    with contextlib.closing(map_ordered(damage_of, len(rows), threads)) as damages:
        for number, found in enumerate(damages, first_id):
            if found:
                rest = f"its JPEG does not decode whole ({found}); mend the source and write it again"
                problems.append(f"{data}: sample {number}: {rest}")
            advance(1)
    return problems
