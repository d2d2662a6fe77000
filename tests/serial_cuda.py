"""The CUDA kernel compiled for the processor, one thread a block: the compiled arithmetic at full size without a GPU.

The simulator runs kernels as Python, whose integers are not those of compiled code. Here the sources of
`layermix.cuda` are compiled by Numba for the processor, every name of `cuda` replaced by what it is for one thread.
"""

import re
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numba import njit

ROOM = Path(__file__).parents[1] / "layermix" / "cuda"
FILES = ("device", "tables", "flat", "spatial", "warps", "masks", "kernel")
REPLACED = (
    (r"return function if SIMULATED .*", "return njit(error_model='numpy')(function)"),
    (r"bool\(config\.ENABLE_CUDASIM\)", "True"),
    (r"@cuda\.jit\(.*\)", "@device"),
    (r"cuda\.shared\.array\((\w+), (np\.\w+)\)", r"np.zeros(\1, \2)"),
    (r"cuda\.(blockIdx|threadIdx)\.x", "np.int32(0)"),
    (r"cuda\.(gridDim|blockDim)\.x", "np.int32(1)"),
    (r"cuda\.syncthreads\(\)", "pass"),
    (r"cuda\.atomic\.add\((\w+), (.+?), (.+)\)\n", r"\1[\2] += \3\n"),
    (r"from layermix\.cuda import [^\n]*", ""),
    (r"from layermix\.cuda\.\w+ import [^\n]*", ""),
)


@lru_cache
def build():
    """The kernel as a compiled function of the same arguments, made once; one block takes all pictures."""
    names: dict = {"njit": njit}
    for file in FILES:
        source = (ROOM / f"{file}.py").read_text()
        for pattern, replacement in REPLACED:
            source = re.sub(pattern, replacement, source)
        exec(compile(source, f"serial {file}", "exec"), names)
        if file != "device":
            names[file] = _module(file, names)
    return names["run_kernel"]


def _module(name: str, names: dict) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update({key: value for key, value in names.items() if not key.startswith("__")})
    return module


def run(kernel, programs, images, *, bank, scratch_registers, out, words=True):
    """What `layermix.cuda.Engine.run` does, on arrays of the processor."""
    from layermix.cuda.records import DEVICE_INSTRUCTION, prepare

    count, height, width = images.shape[:3]
    values = 3 * height * width
    records = np.empty(programs.shape, DEVICE_INSTRUCTION)
    prepare(programs, records)
    scratch = np.empty((1, max(scratch_registers, 1), values), np.uint8)
    word = np.uint32 if words and values % 4 == 0 else np.uint8
    source, result = images.reshape(count, values), out.reshape(count, values)
    kernel(
        records, source, result, scratch, source.view(word), result.view(word), scratch.view(word),
        np.empty((1, values), np.int32), bank.pixels, bank.table, bank.channels, height, width,
    )  # fmt: skip
