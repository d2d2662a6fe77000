"""The kernel as a GPU gets it: compiled by NVVM and assembled by nvJitLink, which need no GPU and no driver."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from numba import config, cuda, from_dtype, types
from numba.cuda import dispatcher
from numba.cuda.compiler import compile
from numba.cuda.cudadrv import devices, runtime

from layermix.compilation import keep_until_a_source_changes
from layermix.cuda.kernel import _OPTIONS, run_kernel
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
        max_register_count=_OPTIONS["max_registers"],
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
    assert int(registers) <= _OPTIONS["max_registers"]
    assert int(stack) <= 320  # the power function's calls; registers that spill come on top
    assert shared <= 48 * 1024  # what every GPU gives a block without being asked


@pytest.mark.skipif(cuda.is_available(), reason="stands in for the driver, which is there: the tests of a GPU do this")
def test_a_second_process_takes_the_kernel_from_disk_until_a_source_changes(monkeypatch, tmp_path):
    """Two dispatchers of the same function, as two processes have; the driver is asked for nothing but its numbers."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    device = SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    monkeypatch.setattr(devices, "get_context", lambda: SimpleNamespace(device=device))
    monkeypatch.setattr(runtime.runtime, "get_version", lambda: (13, 0))
    monkeypatch.setattr(dispatcher._Kernel, "bind", lambda kernel: kernel._codelibrary.get_cubin(cc=(9, 0)))

    def fresh() -> Any:
        made: Any = cuda.jit(**_OPTIONS)(run_kernel.py_func)
        keep_until_a_source_changes(made, run_kernel.py_func)
        return made

    signature = _signature(types.uint32)
    first, second, after_a_change = fresh(), fresh(), fresh()
    first.compile(signature)
    second.compile(signature)
    after_a_change._cache._cache_file._source_stamp = "of other sources"
    assert (len(first.stats.cache_hits), len(second.stats.cache_hits)) == (0, 1)
    assert after_a_change._cache.load_overload(signature, after_a_change.targetctx) is None
