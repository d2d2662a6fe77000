"""From a JPEG to a resized crop: planes of the rows that the crop needs, resized before the colours are converted."""

import numpy as np

from layermix.compilation import jit
from layermix.resize import resize_rgb, resize_ycc
from pipelines.jpeg_rows import height_place, with_rows
from pipelines.turbojpeg import (
    GRAY,
    S411,
    S422,
    S440,
    S444,
    YCC_OR_GRAY,
    decode_planes,
    decode_rgb,
    header,
    is_only_rest_ignored,
)

MAX_SHRINK = 8
_WIDEST_BLOCK, _TALLEST_BLOCK = 32, 16
_NOTHING, _RGB, _PLANES = range(3)


def decoded_bytes(heights: np.ndarray, widths: np.ndarray) -> int:
    """Bytes that hold any one of the pictures of these sizes decoded, whole blocks of chroma included."""
    return int((3 * (heights.astype(np.int64) + _TALLEST_BLOCK) * (widths.astype(np.int64) + _WIDEST_BLOCK)).max())


@jit
def jpeg_crop(library, decoder, data, height, width, box, mirrored, scratch, out):
    """Decode, crop and resize one JPEG.

    Args:
        library: `FUNCTIONS` and `REST_IGNORED` of `pipelines.turbojpeg`.
        decoder: from `open_decoder`.
        data: the JPEG, uint8 (bytes,).
        height, width: its size as the dataset tells it.
        box: (top, left, height, width) of the crop in pixels, inside the picture.
        mirrored: flip left to right.
        scratch: uint8 of `decoded_bytes` and uint8 of `layermix.resize.crop_scratch`.
        out: uint8 (size, size, 3).

    Returns:
        False where `jpeg_decode` finds a fault.
    """
    pixels, work = scratch
    decoded = jpeg_decode(library, decoder, data, height, width, box, out.shape[0], pixels)
    if decoded[0] == _NOTHING:
        return False
    resize_decoded(decoded, pixels, height, width, box, mirrored, work, out)
    return decoded[-1]


@jit
def resize_decoded(decoded, pixels, height, width, box, mirrored, work, out):
    """The second half of `jpeg_crop`: resize the crop of a picture that `jpeg_decode` put into `pixels`.

    Args:
        decoded: what `jpeg_decode` returned.
        work: uint8 of `layermix.resize.crop_scratch`; the others as of `jpeg_crop`.
    """
    form, tall, wide, across, down, shrink, shown, _ = decoded
    if form == _RGB:
        picture = pixels[: 3 * height * width].reshape(height, width, 3)
        resize_rgb(picture, box[0], box[1], box[2], box[3], mirrored, work, out)
        return
    luma, blue, red = _planes(pixels, tall, wide, down, across)
    top, left, high, broad = box[0] / shrink, box[1] / shrink, box[2] / shrink, box[3] / shrink
    resize_ycc(luma, blue, red, shown, down, top, left, high, broad, mirrored, work, out)


@jit
def jpeg_decode(library, decoder, data, height, width, box, size, pixels):
    """Decode the rows of one JPEG that a crop needs into `pixels`, as planes where the file is YCC or gray.

    Rows below the crop are not decoded where the file allows it. A crop of at least 4, 8 or 16 times the output on both
    sides is decoded at half, a quarter or an eighth of the size in the transformed domain: the filter then still
    shrinks by 2 or more, so every crop stays within 2 / 255 of Pillow's in the mean (at 2 times, some reach 5).

    Args:
        size: side of the output that the crop will be resized to; the others as of `jpeg_crop`.

    Returns:
        What `pixels` holds (0 nothing, 1 pixels of the whole picture, 2 planes), the planes' height and width, luma
        samples a stored chroma sample across and down, the shrink factor, steps across to show (0: gray), and whether
        there was no fault. A fault is a header that tells of another size, or all that libturbojpeg finds in the rows
        that were read: it goes on after what it calls a warning, with gray or shifted blocks or the right ones.
    """
    functions, ending = library
    found_height, found_width, stored, space = header(functions, decoder, data)
    if found_height != height or found_width != width:
        return _NOTHING, 0, 0, 1, 1, 1, 0, False
    if space not in YCC_OR_GRAY or not 0 <= stored <= S411:
        picture = pixels[: 3 * height * width].reshape(height, width, 3)
        return _RGB, height, width, 1, 1, 1, 0, decode_rgb(functions, decoder, data, picture)
    across, down = _chroma_steps(stored)
    shrink = _shrink(box, size)
    place, rows = height_place(data), _up(box[0] + box[2], 8 * down)
    is_cut = place >= 0 and rows + 8 * down < height
    if is_cut:
        data = with_rows(data, place, rows)
        height = rows
    tall, wide = (height + shrink - 1) // shrink, (width + shrink - 1) // shrink
    luma, blue, red = _planes(pixels, tall, wide, down, across)
    places = np.array([luma.ctypes.data, blue.ctypes.data, red.ctypes.data], np.int64)
    strides = np.array([luma.shape[1], blue.shape[1], red.shape[1]], np.int32)
    done = decode_planes(functions, decoder, data, places, strides, tall, wide)
    done = done or (is_cut and is_only_rest_ignored(functions, decoder, ending))
    return _PLANES, tall, wide, across, down, shrink, 0 if stored == GRAY else across, done


@jit
def jpeg_whole(library, decoder, data, picture):
    """Decode one JPEG to `picture`, uint8 (H, W, 3), its size as the dataset tells it; False as of `jpeg_crop`."""
    functions = library[0]
    found_height, found_width, _, _ = header(functions, decoder, data)
    if found_height != picture.shape[0] or found_width != picture.shape[1]:
        return False
    return decode_rgb(functions, decoder, data, picture)


@jit
def _chroma_steps(stored):
    """Luma samples a chroma sample, across and down."""
    if stored in (S444, GRAY):
        return 1, 1
    if stored == S411:
        return 4, 1
    return (1 if stored == S440 else 2), (1 if stored == S422 else 2)


@jit
def _shrink(box, size):
    shrink = 1
    while shrink < MAX_SHRINK and min(box[2], box[3]) >= 4 * shrink * size:
        shrink *= 2
    return shrink


@jit
def _up(value, step):
    return (value + step - 1) // step * step


@jit
def _planes(pixels, tall, wide, down, across):
    """Luma, blue and red of a picture of tall x wide, in whole blocks of chroma, as parts of `pixels`."""
    tall, wide = _up(tall, down), _up(wide, across)
    size, part = tall * wide, (tall // down) * (wide // across)
    luma = pixels[:size].reshape(tall, wide)
    blue = pixels[size : size + part].reshape(tall // down, wide // across)
    red = pixels[size + part : size + 2 * part].reshape(tall // down, wide // across)
    return luma, blue, red
