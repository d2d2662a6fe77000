"""The kernel as a GPU gets it: compiled by NVVM and assembled by nvJitLink, which need no GPU and no driver."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from numba import cuda, from_dtype, types
from numba.cuda import dispatcher
from numba.cuda.compiler import compile

from layermix.cuda.kernel import _LIMITS, run_kernel
from layermix.cuda.records import DEVICE_INSTRUCTION

core = pytest.importorskip("cuda.core")


def assemble(word, capability: tuple[int, int], monkeypatch) -> tuple[bytes, str]:
    """Machine code for pictures whose words have the Numba type `word`, and what the assembler says of it."""
    if not cuda.is_available():
        monkeypatch.setattr(dispatcher, "get_current_device", lambda: SimpleNamespace(compute_capability=capability))
    ptx, result = compile(run_kernel.py_func, _signature(word), cc=capability, output="ptx", device=False, abi="numba")
    assert result == types.none
    options = core.LinkerOptions(
        arch="sm_{}{}".format(*capability),
        max_register_count=_LIMITS["max_registers"],
        ptxas_options=["-v"],
        verbose=True,
    )
    linker: Any = core.Linker(
        core.ObjectCode.from_ptx(ptx if isinstance(ptx, bytes) else ptx.encode()), options=options
    )
    return linker.link("cubin").code, linker.get_info_log() or ""


def _signature(word) -> tuple:
    def array(dtype, dimensions):
        return types.Array(dtype, dimensions, "C")

    pictures, words = [array(types.uint8, n) for n in (2, 2, 3)], [array(word, n) for n in (2, 2, 3)]
    bank = (array(types.uint8, 1), array(types.int64, 2), types.int64)
    return (
        array(from_dtype(DEVICE_INSTRUCTION), 2), *pictures, *words, array(types.int32, 2), *bank,
        types.int64, types.int64,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "capability"),
    [
        (types.uint32, (9, 0)),
        *(
            pytest.param(word, capability, marks=pytest.mark.slow)
            for word, capability in (
                (types.uint8, (9, 0)),
                (types.uint32, (7, 5)),
                (types.uint32, (8, 0)),
                (types.uint32, (10, 0)),
            )
        ),
    ],
)
def test_the_kernel_becomes_machine_code_within_its_registers_and_shared_memory(word, capability, monkeypatch):
    code, said = assemble(word, capability, monkeypatch)
    assert code.startswith(b"\x7fELF")
    ((registers, stack),) = re.findall(r"used (\d+) registers, used \d+ barriers, (\d+) stack", said)
    shared = max(map(int, re.findall(r"(\d+) bytes smem", said)))
    assert int(registers) <= _LIMITS["max_registers"]
    assert int(stack) <= 320  # the power function's calls; registers that spill come on top
    assert shared <= 48 * 1024  # what every GPU gives a block without being asked
