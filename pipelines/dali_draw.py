"""What the DALI graphs are told of each picture: drawn outside the graph, keyed by the sample id.

The draws are those of the FFCV graph for the same (seed, epoch, sample id), so both cut the same windows and run the
same programs.
"""

import numpy as np

from layermix import geometry
from layermix.compilation import jit
from pipelines.config import LoaderConfig
from pipelines.crops import PAD, Crop, crop_box, is_mirrored, is_resized

_FIELDS = ["sample_id", "mirrored", "top", "left", "height", "width", "down", "right"]
PLACE = np.dtype([(name, "<i8") for name in _FIELDS])
"""What becomes of one picture. sample_id: its id.  mirrored: 1 flips it left to right.  top, left, height, width: the
window to decode, in pixels.  down, right: where the crop "pad" begins in the picture, from -padding to padding."""


def draw_places(config: LoaderConfig, epoch: int, sample_ids: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Draw PLACE (N,) for a batch.

    Args:
        sample_ids: int64 (N,).
        samples: `layermix.samples.SAMPLE` (N,), the rows of these samples; their sizes are read.
    """
    places = np.zeros(len(sample_ids), PLACE)
    heights, widths = samples["height"].astype(np.int64), samples["width"].astype(np.int64)
    _draw(Crop.of(config), epoch, sample_ids, heights, widths, places)
    return places


def windows(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of PLACE (N,): (top, left) and (height, width) of the windows, int32 (N, 2) each."""
    return _columns(places, "top", "left"), _columns(places, "height", "width")


def flips_and_begins(places: np.ndarray, resized: bool) -> tuple[np.ndarray, ...]:
    """Of PLACE (N,): 0 or 1, int32 (N,), and for crops that are not resized (down, right), int32 (N, 2)."""
    flips = places["mirrored"].astype(np.int32)
    return (flips,) if resized else (flips, _columns(places, "down", "right"))


def _columns(places: np.ndarray, *names: str) -> np.ndarray:
    return np.stack([places[name] for name in names], axis=1).astype(np.int32)


@jit
def _draw(crop, epoch, sample_ids, heights, widths, places):
    for n in range(sample_ids.shape[0]):
        place, sample_id = places[n], sample_ids[n]
        place.sample_id = sample_id
        place.mirrored = is_mirrored(crop, epoch, sample_id)
        if is_resized(crop):
            box = crop_box(crop, epoch, sample_id, heights[n], widths[n])
            place.top, place.left, place.height, place.width = box
        else:
            place.height, place.width = heights[n], widths[n]
        if crop.kind == PAD:
            down, right = geometry.random_offset(crop.seed, epoch, sample_id, 0, 2 * crop.padding)
            place.down, place.right = down - crop.padding, right - crop.padding
