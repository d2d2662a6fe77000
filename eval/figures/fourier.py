"""Fourier sensitivity as a map: a pixel a frequency, low frequencies in the middle, shaded by the top-1 error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from eval.figures.heat_map import HeatScale
from eval.illustrations.album import data_address
from eval.tables import percent


@dataclass(frozen=True, kw_only=True)
class FrequencyMap:
    """One model's map: title, what it shows in words, address of the picture, and the highest frequency shown."""

    title: str
    words: str
    address: str
    highest: int


@dataclass(frozen=True, kw_only=True)
class FrequencyMaps:
    """The maps of all models of one square of frequencies on one scale, and what they cover.

    `legend` is the address of a row of shades, and `ticks` are its ends and middle in percent.
    """

    covers: str
    maps: Sequence[FrequencyMap]
    legend: str
    ticks: tuple[str, str, str]


def frequency_maps(errors: Mapping[str, np.ndarray], covers: str) -> FrequencyMaps:
    """Maps of top-1 errors by frequency, float64 (G, G) with zero in the middle, by model, at least one.

    `covers` says what was shown.
    """
    scale = HeatScale.around(np.concatenate([found.ravel() for found in errors.values()]).tolist())
    (_, low), (_, middle), (_, high) = scale.steps(3)
    return FrequencyMaps(
        covers=covers,
        maps=[_map(model, found, scale) for model, found in errors.items()],
        legend=_shaded(np.linspace(scale.low, scale.high, 64)[None], scale),
        ticks=(low, middle, high),
    )


def _map(model: str, errors: np.ndarray, scale: HeatScale) -> FrequencyMap:
    highest = len(errors) // 2
    row, column = (int(place) - highest for place in np.unravel_index(errors.argmax(), errors.shape))
    words = (
        f"{model}: top-1 error {percent(errors[highest, highest])}% at frequency 0, largest {percent(errors.max())}% "
        f"at {abs(row)} periods down and {abs(column)} across."
    )
    return FrequencyMap(title=model, words=words, address=_shaded(errors, scale), highest=highest)


def _shaded(errors: np.ndarray, scale: HeatScale) -> str:
    """The errors in shades of viridis, dark being low, as the address of a PNG."""
    shares = (errors - scale.low) / (scale.high - scale.low)
    shades = cv2.applyColorMap(np.rint(255 * shares).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    encoded = BytesIO()
    Image.fromarray(np.ascontiguousarray(shades[..., ::-1])).save(encoded, "PNG", optimize=True)
    return data_address("png", encoded.getvalue())
