"""Transposition of uint8 matrices in blocks of 16 x 16, by vector shuffles.

A pass along the columns of a picture is fast, one along its rows is not: neighbouring outputs need inputs at uneven
places. Transposing in between makes both passes column passes. LLVM does not find this from loops, so the block is
written as the shuffles it is: four rounds that interleave row i with row i + 8.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from layermix.compilation import jit

BLOCK = 16
"""Side of a block. Buffers whose sides are multiples of it never need the slow edge."""

_ROW = ir.VectorType(ir.IntType(8), BLOCK)
_LOW = [lane for n in range(BLOCK // 2) for lane in (n, BLOCK + n)]
_HIGH = [lane + BLOCK // 2 for lane in _LOW]


@intrinsic
def _transpose_block(typing_context, source, source_stride, out, out_stride):
    """Transpose the 16 x 16 bytes at the address `source` to the address `out`; strides are bytes a row."""

    def generate(context, builder, signature, arguments):
        source, source_stride, out, out_stride = arguments

        def row_at(start, stride, n):
            at = builder.add(start, builder.mul(stride, ir.IntType(64)(n)))
            return builder.inttoptr(at, _ROW.as_pointer())

        def interleave(a, b, lanes):
            return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), lanes))

        rows = [builder.load(row_at(source, source_stride, n), align=1) for n in range(BLOCK)]
        for _ in range(4):
            pairs = zip(rows[: BLOCK // 2], rows[BLOCK // 2 :])
            rows = [interleave(a, b, lanes) for a, b in pairs for lanes in (_LOW, _HIGH)]
        for n, row in enumerate(rows):
            builder.store(row, row_at(out, out_stride, n), align=1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


_block: Any = _transpose_block  # the typing context is Numba's to pass


@jit
def padded(length):
    """`length` rounded up to whole blocks."""
    return (length + BLOCK - 1) // BLOCK * BLOCK


@jit
def transpose(source, out, height, width):
    """Write source[y, x] to out[x, y] for y < height and x < width.

    Args:
        source: uint8 (at least height, at least width), rows contiguous.
        out: uint8 (at least width, at least height), rows contiguous; must not overlap `source`.
        height, width: what to transpose; no other value is read or written.
    """
    whole_height, whole_width = height - height % BLOCK, width - width % BLOCK
    source_at, out_at = source.ctypes.data, out.ctypes.data
    source_stride, out_stride = source.strides[0], out.strides[0]
    for y in range(0, whole_height, BLOCK):
        for x in range(0, whole_width, BLOCK):
            _block(source_at + y * source_stride + x, source_stride, out_at + x * out_stride + y, out_stride)
    for y in range(height):
        for x in range(whole_width if y < whole_height else 0, width):
            out[x, y] = source[y, x]
