"""The kernel: a block of threads runs a program on a picture, instruction by instruction.

Whatever makes the threads of a block wait for each other, or shares memory between them, stands in this file.
"""
# pyright: reportCallIssue=false, reportArgumentType=false
# Numba types what kernels call as stubs without results.

from typing import Any

import numpy as np
from numba import cuda

from layermix import program as P
from layermix.compilation import keep_until_a_source_changes
from layermix.cuda import flat, masks, spatial, tables, warps
from layermix.cuda.device import ONE, SIMULATED, device, least, most

_COPIES = 4
"""Histograms that neighbouring threads count into, so that a picture of few colours does not make them queue."""
_COUNTS = 768 * _COPIES

_OPTIONS: dict[str, Any] = {} if SIMULATED else {"max_registers": 64, "cache": True}
"""64 registers let 1,024 threads run on a multiprocessor; code is kept on disk, as compiling takes some ten seconds."""


@cuda.jit(**_OPTIONS)
def run_kernel(programs, images, out, scratch, image_words, out_words, scratch_words, totals, pixels, table, channels,
               height, width):  # fmt: skip
    """Run program n on picture n; the blocks take the pictures in turn.

    Args:
        programs: `DEVICE_INSTRUCTION` (N, L).
        images, out: uint8 (N, H * W * 3), registers 0 and 1; must not overlap.
        scratch: uint8 (blocks, R, H * W * 3), registers 2 and up of the picture that a block is at.
        image_words, out_words, scratch_words: the same memory as uint32, or as uint8 again where it is not made of
            whole aligned words.
        totals: int32 (blocks, H * W * 3) for programs with SUM instructions, else of any length.
        pixels, table, channels: the fractal bank, see `layermix.FractalBank`.
        height, width: of the pictures.
    """
    counts = cuda.shared.array(_COUNTS, np.int32)
    lookup = cuda.shared.array(768, np.uint8)
    left = cuda.shared.array(256, np.float32)
    right = cuda.shared.array(256, np.float32)
    luma = cuda.shared.array(1, np.int64)
    block, size = cuda.blockIdx.x, (np.int32(height), np.int32(width))
    for n in range(block, programs.shape[0], cuda.gridDim.x):
        for step in range(programs.shape[1]):
            record = programs[n, step]
            if record.op == P.END:
                break
            a = _register(images[n], out[n], scratch[block, _slot(record.a)], record.a)
            b = _register(images[n], out[n], scratch[block, _slot(record.b)], record.b)
            dst = _register(images[n], out[n], scratch[block, _slot(record.dst)], record.dst)
            if record.op < P.ROTATE or P.ARITHMETIC <= record.op <= P.GEOMETRIC:
                a_words = _register(image_words[n], out_words[n], scratch_words[block, _slot(record.a)], record.a)
                b_words = _register(image_words[n], out_words[n], scratch_words[block, _slot(record.b)], record.b)
                dst_words = _register(image_words[n], out_words[n], scratch_words[block, _slot(record.dst)], record.dst)
                _run_flat(record, a, a_words, b_words, dst, dst_words, size, counts, lookup, left, right, luma)
            elif record.op < P.ARITHMETIC:
                _run_warp(record, a, dst, size)
            elif record.op == P.FRACTAL:
                crop = (record.i0, record.i1, record.i2, record.i3)
                spatial.load_fractal(pixels, table, channels, crop, dst, size, _place())
            elif record.op >= P.SUM_START:
                _run_sum(record, a, totals[block], dst, size)
            else:
                _run_blend(record, a, b, dst, size, left, right)
            cuda.syncthreads()


if not SIMULATED:
    keep_until_a_source_changes(run_kernel, run_kernel.py_func)


@device
def _register(image, out, scratch, number):
    if number == P.SOURCE:
        return image
    if number == P.RESULT:
        return out
    return scratch


@device
def _slot(number):
    """Which scratch register a number names; the first for numbers that name none."""
    return most(np.int32(number) - P.SCRATCH, 0)


@device
def _lane():
    """The thread and the threads of the block."""
    return np.uint32(cuda.threadIdx.x), np.uint32(cuda.blockDim.x)


@device
def _place():
    """First row, row step, first column and column step of the thread: a warp a row."""
    thread, threads = _lane()
    columns = least(np.uint32(32), threads)
    return np.int32(thread // columns), np.int32(threads // columns), np.int32(thread % columns), np.int32(columns)


@device
def _run_flat(record, a, a_words, b_words, dst, dst_words, size, counts, lookup, left, right, luma):
    """Everything but warps that works on whole pictures; mostly a table or two and a pass over words."""
    op, factor, pixels, lane = record.op, np.float64(record.p0), np.uint32(size[0] * size[1]), _lane()
    words = np.uint32(3 * pixels // np.uint32(a_words.itemsize))
    if op == P.COPY:
        flat.copy(a_words, dst_words, words, lane)
    elif op == P.ARITHMETIC:
        flat.arithmetic(a_words, b_words, factor, np.float64(record.p1), dst_words, words, lane)
    elif op == P.GEOMETRIC:
        tables.fill_power_tables(factor, np.float64(record.p1), left, right, lane)
        cuda.syncthreads()
        flat.geometric(a_words, b_words, left, right, dst_words, words, lane)
    elif op == P.GRAYSCALE:
        spatial.grayscale(a, dst, pixels, lane)
    elif op == P.COLOR:
        spatial.color(a, factor, dst, pixels, lane)
    elif op == P.SHARPNESS:
        spatial.sharpness(a, factor, dst, size, _place())
    elif op == P.MIRROR:
        spatial.mirror(a, dst, size, _place())
    elif op == P.ERASE:
        box = spatial.box_of(record.i0, record.i1, record.i2, record.i3, size)
        spatial.erase(a, np.int32(record.p0), dst, size, box, _place())
    else:
        _fill_tables(record, a, a_words, words, pixels, counts, lookup, luma)
        flat.look_up(a_words, lookup, dst_words, words, lane)


@device
def _fill_tables(record, a, a_words, words, pixels, counts, lookup, luma):
    """Fill `lookup`, uint8 (768,), with the table of the instruction for each channel."""
    op, mean = record.op, np.int64(0)
    if op == P.EQUALIZE or op == P.AUTOCONTRAST:
        _count_up_to(a_words, words, counts)
        if op == P.EQUALIZE:
            tables.fill_equalizing_tables(counts, lookup, _lane())
        else:
            tables.fill_stretching_tables(counts, lookup, _lane())
    else:
        if op == P.CONTRAST:
            mean = _mean_luma(a, pixels, luma)
        tables.fill_tone_tables(op, np.float64(record.p0), np.int64(record.i0), mean, lookup, _lane())
    cuda.syncthreads()


@device
def _count_up_to(a_words, words, counts):
    """Put the number of values at or below each value of each channel into the first 768 entries of `counts`."""
    (thread, threads), values = _lane(), a_words.itemsize
    entry, n = thread, thread
    while entry < _COUNTS:
        counts[entry] = 0
        entry = np.uint32(entry + threads)
    cuda.syncthreads()
    copy = np.uint32(768 * (thread % np.uint32(_COPIES)))
    while n < words:
        word, first = a_words[n], np.uint32(np.uint32(n * values) % np.uint32(3))
        for number in range(4):
            if number < values:
                at = np.uint32(copy + 256 * flat.channel_of(first, number) + flat.value_of(word, number))
                cuda.atomic.add(counts, at, 1)
        n = np.uint32(n + threads)
    cuda.syncthreads()
    entry = thread
    while entry < 768:
        for other in range(1, _COPIES):
            counts[entry] += counts[np.uint32(entry + 768 * other)]
        entry = np.uint32(entry + threads)
    cuda.syncthreads()
    _sum_up(counts, thread, threads)


@device
def _sum_up(counts, thread, threads):
    """Running sums of each channel, in eight steps that go back and forth between two parts of `counts`."""
    source, target = 0, 768
    for bit in range(8):
        reach, entry = 1 << bit, thread
        while entry < 768:
            at = np.uint32(source + entry)
            before = counts[np.uint32(at - reach)] if entry & 255 >= reach else np.int32(0)
            counts[np.uint32(target + entry)] = counts[at] + before
            entry = np.uint32(entry + threads)
        source, target = target, source
        cuda.syncthreads()


@device
def _mean_luma(a, pixels, luma):
    """The mean luma of the picture in 1/65536, rounded, for every thread."""
    if cuda.threadIdx.x == 0:
        luma[0] = 0
    cuda.syncthreads()
    cuda.atomic.add(luma, 0, spatial.sum_luma(a, pixels, _lane()))
    cuda.syncthreads()
    return (luma[0] * ONE + pixels // 2) // np.int64(pixels)


@device
def _run_warp(record, a, dst, size):
    op, amount, place = record.op, np.float64(record.p0), _place()
    if op == P.ROTATE:
        warps.rotate(a, record.cosine, record.sine, dst, size, place)
    elif op == P.SHEAR_X:
        warps.slide_rows(a, amount, 0.0, dst, size, place)
    elif op == P.TRANSLATE_X:
        warps.slide_rows(a, 0.0, -amount, dst, size, place)
    elif op == P.SHEAR_Y:
        warps.slide_columns(a, amount, 0.0, dst, size, place)
    elif op == P.TRANSLATE_Y:
        warps.slide_columns(a, 0.0, -amount, dst, size, place)


@device
def _run_blend(record, a, b, dst, size, left, right):
    """Masks, and the blends of a rectangle."""
    op, keys, p, q = record.op, (record.k0, record.k1), np.float64(record.p0), np.float64(record.p1)
    box, threshold = spatial.box_of(0, 0, size[0], size[1], size), np.int32(record.i0)
    if op >= P.PATCH_ARITHMETIC:
        box = spatial.box_of(record.i0, record.i1, record.i2, record.i3, size)
        threshold = np.int32(record.p0)
    if op == P.PIXEL_MASK or op == P.PATCH_PIXEL_MASK:
        masks.pixel_mask(a, b, threshold, keys, dst, size, box, _lane())
    elif op == P.ELEMENT_MASK or op == P.PATCH_ELEMENT_MASK:
        masks.element_mask(a, b, threshold, keys, dst, size, box, _lane())
    elif op == P.PATCH_ARITHMETIC:
        spatial.patch_arithmetic(a, b, p, q, dst, size, box, _place())
    elif op == P.PATCH_GEOMETRIC:
        tables.fill_power_tables(p, q, left, right, _lane())
        cuda.syncthreads()
        spatial.patch_geometric(a, b, left, right, dst, size, box, _place())


@device
def _run_sum(record, a, total, dst, size):
    values, weight = np.uint32(3 * size[0] * size[1]), np.float64(record.p0)
    if record.op == P.SUM_START:
        flat.sum_start(a, weight, total, values, _lane())
    elif record.op == P.SUM_ADD:
        flat.sum_add(a, weight, total, values, _lane())
    elif record.op == P.SUM_STORE:
        flat.sum_store(total, dst, values, _lane())
