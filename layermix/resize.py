"""Resizing a crop: linear with antialiasing, the filter of Pillow's BILINEAR and torchvision's antialias=True.

An output pixel is the mean of the inputs around its centre, weighted by a triangle whose half width is the larger of
one input and one output pixel. The passes along y and x are separate, each rounds to 8 bits as Pillow's do. Weights
have 8 fractional bits and add up to exactly one, so flat areas stay as they are and a pass is 16-bit integer vector
arithmetic, equal on every processor. On photographs the mean difference to Pillow is below 0.5 / 255.
"""

import numpy as np

from layermix.colour import ycc_to_rgb
from layermix.compilation import jit
from layermix.transpose import BLOCK, padded, transpose


@jit
def triangle_weights(start, length, size, mirrored):
    """The filter of one axis.

    Args:
        start, length: the crop in input samples, float64; sample i covers i to i + 1, so a plane at half resolution
            takes half the numbers. Samples outside the crop take no part.
        size: number of output samples.
        mirrored: write the outputs in reverse order.

    Returns:
        first, int64 (size,): the first input sample of each output; count, int64 (size,): how many it takes;
        weights, uint16 (size, most): their weights, in 1/256, with a sum of 256.
    """
    ratio = length / size
    support = max(ratio, 1.0)
    low, high = np.int64(np.floor(start)), np.int64(np.ceil(start + length))
    first, count = np.empty(size, np.int64), np.empty(size, np.int64)
    weights = np.empty((size, np.int64(2.0 * support) + 3), np.uint16)
    share = np.empty(weights.shape[1], np.float64)
    for n in range(size):
        centre = start + (n + 0.5) * ratio
        begin = max(np.int64(np.floor(centre - support + 0.5)), low)
        taps = min(np.int64(np.floor(centre + support + 0.5)), high) - begin
        total = 0.0
        for tap in range(taps):
            share[tap] = max(0.0, 1.0 - abs(begin + tap + 0.5 - centre) / support)
            total += share[tap]
        place = size - 1 - n if mirrored else n
        first[place], count[place] = begin, taps
        _round_to_256(share, total, taps, weights[place])
    return first, count, weights


@jit
def _round_to_256(share, total, taps, weights):
    """Round the running sum, not each weight: so the sum is exact and no weight is off by more than one."""
    done, running = 0, 0.0
    for tap in range(taps):
        running += share[tap]
        reached = np.int64(np.floor(running / total * 256.0 + 0.5))
        weights[tap] = reached - done
        done = reached


@jit
def filter_rows(source, step, first, count, weights, out):
    """out[n * step + c] = sum over taps of weight * source[(first + tap) * step + c], for every column and c < step.

    Args:
        source: uint8 (rows * step, W), rows contiguous.
        step: 1 for a plane; 3 where the rows of three channels take turns.
        first, count, weights: from `triangle_weights`.
        out: uint8 (at least size * step, W), rows contiguous.
    """
    sums = np.empty(source.shape[1], np.uint16)
    for n in range(first.shape[0]):
        for channel in range(step):
            row = first[n] * step + channel
            _weigh(source, row, step, count[n], weights[n], sums, out[n * step + channel])


@jit
def _weigh(source, row, step, taps, weights, sums, out):
    if taps == 1:
        out[:] = source[row]
        return
    if taps == 2:
        _two(source[row], source[row + step], weights, out)
        return
    if taps == 3:
        _three(source[row], source[row + step], source[row + 2 * step], weights, out)
        return
    a, b = source[row], source[row + step]
    wa, wb = weights[0], weights[1]
    for x in range(sums.size):
        sums[x] = np.uint16(128) + np.uint16(a[x]) * wa + np.uint16(b[x]) * wb
    done = 2
    while done + 2 < taps:
        a, b = source[row + done * step], source[row + (done + 1) * step]
        wa, wb = weights[done], weights[done + 1]
        for x in range(sums.size):
            sums[x] = sums[x] + np.uint16(a[x]) * wa + np.uint16(b[x]) * wb
        done += 2
    last = 1 if done + 1 < taps else 0
    a, b = source[row + done * step], source[row + (done + last) * step]
    wa, wb = weights[done], np.uint16(weights[done + last] * last)
    for x in range(sums.size):
        out[x] = np.uint16(sums[x] + np.uint16(a[x]) * wa + np.uint16(b[x]) * wb) >> np.uint16(8)


@jit
def _two(a, b, weights, out):
    wa, wb = weights[0], weights[1]
    for x in range(out.size):
        out[x] = np.uint16(np.uint16(128) + np.uint16(a[x]) * wa + np.uint16(b[x]) * wb) >> np.uint16(8)


@jit
def _three(a, b, c, weights, out):
    wa, wb, wc = weights[0], weights[1], weights[2]
    for x in range(out.size):
        out[x] = np.uint16(
            np.uint16(128) + np.uint16(a[x]) * wa + np.uint16(b[x]) * wb + np.uint16(c[x]) * wc
        ) >> np.uint16(8)


@jit
def resize_plane(source, channels, top, left, height, width, mirrored, upright, turned, out):
    """Resize the crop of one plane and leave it transposed.

    Args:
        source: uint8 (H, W * channels), rows contiguous; channels of a pixel lie side by side.
        channels: 1 or 3.
        top, left, height, width: the crop in samples of this plane, float64, inside it.
        mirrored: flip left to right.
        upright, turned: scratch, uint8 (at least H * W * channels padded, see `scratch_size`).
        out: uint8 (at least size * channels, padded(size)): row x * channels + c holds column x of channel c.
    """
    size = out.shape[0] // channels
    first, count, weights = triangle_weights(top, height, size, False)
    begin, end = np.int64(np.floor(left)), np.int64(np.ceil(left + width))
    columns, tall = (end - begin) * channels, padded(size)
    wide = padded(columns)
    rows = upright[: tall * wide].reshape(tall, wide)
    filter_rows(source[:, begin * channels : end * channels], 1, first, count, weights, rows[:, :columns])
    across = turned[: wide * tall].reshape(wide, tall)
    transpose(rows, across, tall, wide)
    first, count, weights = triangle_weights(left - begin, width, size, mirrored)
    filter_rows(across, channels, first, count, weights, out)


@jit
def scratch_size(width, size):
    """Bytes that `resize_plane` needs for `upright` and for `turned`: width is the widest row in bytes."""
    return padded(width + BLOCK) * padded(size)


@jit
def resize_rgb(picture, top, left, height, width, mirrored, scratch, out):
    """Resize a crop of `picture`, uint8 (H, W, 3), to `out`, uint8 (size, size, 3).

    Args:
        top, left, height, width: the crop in pixels, inside the picture.
        mirrored: flip left to right.
        scratch: uint8 (at least `crop_scratch(W, size)`,), contents undefined.
    """
    size, each = out.shape[0], scratch_size(3 * picture.shape[1], out.shape[0])
    upright, turned = scratch[:each], scratch[each : 2 * each]
    columns = _columns(scratch[2 * each :], size)
    source = picture.reshape(picture.shape[0], 3 * picture.shape[1])
    box = (np.float64(top), np.float64(left), np.float64(height), np.float64(width))
    resize_plane(source, 3, box[0], box[1], box[2], box[3], mirrored, upright, turned, columns)
    transpose(columns, out.reshape(size, 3 * size), 3 * size, size)


@jit
def resize_ycc(luma, blue, red, across, down, top, left, height, width, mirrored, scratch, out):
    """Resize a crop of a picture in planes to `out`, uint8 (size, size, 3) RGB.

    The crop of each plane is resized before the colours are converted: chroma at half resolution needs neither
    enlarging to the whole picture nor work on pixels that nobody sees.

    Args:
        luma: Y, uint8 (H, W), rows contiguous.
        blue, red: Cb and Cr, uint8 (at least ceil(H / down), at least ceil(W / across)); not read if `across` is 0,
            which means a gray picture.
        top, left, height, width: the crop in samples of `luma`, float64, inside it.
        mirrored: flip left to right.
        scratch: uint8 (at least `crop_scratch(W, size)`,), contents undefined.
    """
    size, each = out.shape[0], scratch_size(luma.shape[1], out.shape[0])
    upright, turned, rest = scratch[:each], scratch[each : 2 * each], scratch[2 * each :]
    columns, plane = _columns(rest, size), size * padded(size)
    ycc = rest[columns.size : columns.size + 3 * plane].reshape(3, size, padded(size))
    resize_plane(luma, 1, top, left, height, width, mirrored, upright, turned, ycc[0])
    if across:
        top, height, left, width = top / down, height / down, left / across, width / across
        resize_plane(blue, 1, top, left, height, width, mirrored, upright, turned, ycc[1])
        resize_plane(red, 1, top, left, height, width, mirrored, upright, turned, ycc[2])
    else:
        ycc[1:] = 128
    for x in range(size):
        ycc_to_rgb(ycc[0, x], ycc[1, x], ycc[2, x], columns[3 * x], columns[3 * x + 1], columns[3 * x + 2])
    transpose(columns, out.reshape(size, 3 * size), 3 * size, size)


@jit
def crop_scratch(width, size):
    """Bytes of scratch of `resize_rgb` and `resize_ycc` for pictures of at most `width` pixels a row."""
    return 2 * scratch_size(3 * width, size) + 6 * size * padded(size)


@jit
def _columns(memory, size):
    return memory[: 3 * size * padded(size)].reshape(3 * size, padded(size))
