"""Crops and flips, drawn by the counter generator from the size of a picture; they move no pixel."""

import numpy as np

from layermix.compilation import jit
from layermix.kernels.tone import mirror
from layermix.philox import GEOMETRY, below, draw_words, uniform

_TRIES, _WORDS_PER_TRY = 10, 4
_FLIP, _FIRST_TRY = 0, 4


@jit
def random_flip(seed, epoch, sample_id, view):
    """True with even odds: flip left to right."""
    words = np.empty(1, np.uint32)
    draw_words(seed, epoch, sample_id, view, GEOMETRY, words)
    return (words[_FLIP] >> np.uint32(31)) == 1


@jit
def random_resized_crop(seed, epoch, sample_id, view, height, width, scale, ratio):
    """Draw (top, left, height, width) as torchvision's RandomResizedCrop does.

    Args:
        height, width: size of the picture in pixels.
        scale: least and greatest share of the area.
        ratio: least and greatest width / height; its logarithm is uniform.
    """
    words = np.empty(_FIRST_TRY + _TRIES * _WORDS_PER_TRY, np.uint32)
    draw_words(seed, epoch, sample_id, view, GEOMETRY, words)
    low, high = np.log(ratio[0]), np.log(ratio[1])
    for attempt in range(_TRIES):
        at = _FIRST_TRY + attempt * _WORDS_PER_TRY
        area = height * width * (scale[0] + (scale[1] - scale[0]) * uniform(words[at]))
        aspect = np.exp(low + (high - low) * uniform(words[at + 1]))
        crop_width = np.int64(np.floor(np.sqrt(area * aspect) + 0.5))
        crop_height = np.int64(np.floor(np.sqrt(area / aspect) + 0.5))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            top = below(words[at + 2], height - crop_height + 1)
            left = below(words[at + 3], width - crop_width + 1)
            return top, left, crop_height, crop_width
    return _central_crop_within(height, width, ratio)


@jit
def _central_crop_within(height, width, ratio):
    crop_height, crop_width = height, width
    if width < ratio[0] * height:
        crop_height = np.int64(np.floor(width / ratio[0] + 0.5))
    elif width > ratio[1] * height:
        crop_width = np.int64(np.floor(height * ratio[1] + 0.5))
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


@jit
def center_crop(height, width, share):
    """The central square of `share` (0 to 1] of the short side, as (top, left, side, side)."""
    side = max(np.int64(np.floor(min(height, width) * share + 0.5)), 1)
    return (height - side) // 2, (width - side) // 2, side, side


@jit
def random_offset(seed, epoch, sample_id, view, most):
    """Draw (vertical, horizontal) offsets, each uniform in 0..most."""
    words = np.empty(_FIRST_TRY, np.uint32)
    draw_words(seed, epoch, sample_id, view, GEOMETRY, words)
    return below(words[1], most + 1), below(words[2], most + 1)


@jit
def pad_crop(source, padding, vertical, horizontal, out):
    """Crop `out`, uint8 (H, W, 3), at (vertical, horizontal) of `source` with `padding` black pixels on each side.

    Both are C-contiguous and must not overlap.
    """
    top, left = vertical - padding, horizontal - padding
    first_y, last_y = max(0, -top), min(out.shape[0], source.shape[0] - top)
    first_x, last_x = max(0, -left), min(out.shape[1], source.shape[1] - left)
    a, o, values = source.reshape(-1), out.reshape(-1), np.uint64(3 * max(last_x - first_x, 0))
    for n in range(o.size):
        o[n] = 0
    for y in range(first_y, last_y):
        at = np.uint64(3 * ((y + top) * source.shape[1] + first_x + left))
        to = np.uint64(3 * (y * out.shape[1] + first_x))
        for n in range(values):
            o[to + n] = a[at + n]


@jit
def flip_left_right(image):
    """Mirror uint8 (H, W, 3), C-contiguous, in place."""
    mirror(image.copy(), image)
