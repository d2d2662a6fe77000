"""What the kernel reads of an instruction: the record itself, and numbers that the processor works out for it.

Cosines differ in their last bits between a GPU and a processor, so they are taken here, by the function that the CPU
kernels call.
"""

import numpy as np

from layermix.compilation import jit
from layermix.program import END, INSTRUCTION, ROTATE

DEVICE_INSTRUCTION = np.dtype([*INSTRUCTION.descr, ("cosine", "<f8"), ("sine", "<f8")], align=True)
"""An `INSTRUCTION` with cosine and sine of the angle of ROTATE; 56 bytes."""


@jit
def prepare(programs, records):
    """Fill `records`, `DEVICE_INSTRUCTION` (N, L), from `programs`, `INSTRUCTION` (N, L), each to its first END."""
    for n in range(programs.shape[0]):
        for step in range(programs.shape[1]):
            source, record = programs[n, step], records[n, step]
            record.op, record.dst, record.a, record.b = source.op, source.dst, source.a, source.b
            if source.op == END:
                break
            record.k0, record.k1 = source.k0, source.k1
            record.i0, record.i1, record.i2, record.i3 = source.i0, source.i1, source.i2, source.i3
            record.p0, record.p1 = source.p0, source.p1
            if source.op == ROTATE:
                radians = np.deg2rad(np.float64(source.p0))
                record.cosine, record.sine = np.cos(radians), np.sin(radians)
