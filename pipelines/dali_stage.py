"""The CPU stage of the DALI graph: fits the decoded window to the output and runs the LayerMix engine.

It is hosted by DALI's operator for functions that Numba compiled. DALI's plugin around it compiles such a function anew
in every process, which takes seconds, and imports numba.cuda, which takes half a second; here the operator itself is
given the address of one that `layermix.compilation.jit` keeps on disk.

An exception in a compiled function is only printed, and DALI goes on with whatever the output holds. So the stage gives
a receipt: the sample's id, written when all else is done, and when which of DALI's threads did what.
"""

from typing import Any

import numpy as np
from numba import types as numba_types
from nvidia.dali import ops, types

from layermix import FractalBank, geometry
from layermix.compilation import jit
from layermix.engine import run_program
from layermix.program import INSTRUCTION
from layermix.resize import crop_scratch, resize_rgb
from pipelines.addresses import address_of, int64_at, records_at, uint8_at
from pipelines.clock import nanoseconds, thread_number
from pipelines.config import LoaderConfig
from pipelines.crops import resizes
from pipelines.dali_draw import PLACE

_TOLD = ["sample_id", "start", "fitted", "stop", "thread"]
RECEIPT = np.dtype([(name, "<i8") for name in _TOLD])
"""What the stage tells of a sample. sample_id: its id, FAILED or OTHER_SIZE.  start, fitted, stop: nanoseconds of
`time.perf_counter_ns` when the window came in, fitted the output, and was mixed.  thread: `clock.thread_number`."""
_RECEIPT_FIELDS = len(_TOLD)
FAILED, OTHER_SIZE = -1, -2
"""The stage raised; the window that was decoded has another size than its place says."""

_BANK = ["pixels_at", "pixels", "table_at", "fractals", "channels"]
_FIELDS = ["size", "views", "is_resized", *_BANK, "registers", "sums"]
SETTINGS = np.dtype([(name, "<i8") for name in _FIELDS])
"""What the stage knows of the configuration. size, views: side and number of the output's pictures.  is_resized: 0
places the window unresized.  pixels_at, pixels, table_at, fractals, channels: the bank.  registers, sums: scratch that
the policy's programs need."""


class MixingStage:
    """The operator: `stage(window, place, programs, settings)` inside a DALI graph gives (pictures, receipt).

    window: uint8 (h, w, 3).  place: PLACE as int64.  programs: `INSTRUCTION` (P, L) as uint8 (P, L, 36), one for each
    of the last P views; the first is the clean picture where P < views.  settings: SETTINGS as int64.
    pictures: uint8 (views, size, size, 3).  receipt: RECEIPT as int64.
    """

    def __init__(self, config: LoaderConfig, bank: FractalBank | None) -> None:
        self._bank = _NO_BANK if bank is None else (bank.pixels, np.ascontiguousarray(bank.table), bank.channels)
        self.settings = _settings(config, *self._bank)
        self._run, self._setup = _address(run_stage, _RUN), _address(_shapes_for(config.size, config.views), _SETUP)

    def __call__(self, window, place, programs, settings) -> tuple[Any, Any]:
        byte, integer = types.DALIDataType.UINT8, types.DALIDataType.INT64
        return _Operator()(
            window, place, programs, settings, run_fn=self._run, setup_fn=self._setup, preserve=True,
            out_types=[byte, integer], outs_ndim=[4, 1], in_types=[byte, integer, byte, integer], ins_ndim=[3, 1, 3, 1],
        )  # fmt: skip


_OPS: Any = ops  # its stubs leave the factory out
_Operator = _OPS.python_op_factory("MixingStage", "NumbaFunction", "NumbaFuncImpl", generated=False)

_NO_BANK = np.zeros(1, np.uint8), np.zeros((0, 3), np.int64), 1


def _settings(config: LoaderConfig, pixels: np.ndarray, table: np.ndarray, channels: int) -> np.ndarray:
    """SETTINGS as int64 (fields,)."""
    settings, policy = np.zeros(1, SETTINGS), config.policy
    settings["size"], settings["views"] = config.size, config.views
    settings["is_resized"] = resizes(config)
    settings["pixels_at"], settings["pixels"], settings["channels"] = address_of(pixels), pixels.size, channels
    settings["table_at"], settings["fractals"] = address_of(table), len(table)
    if policy is not None:
        settings["registers"], settings["sums"] = policy.scratch_registers, policy.needs_accumulator
    return settings.view(np.int64)


_ADDRESS, _COUNT = numba_types.uint64, numba_types.int32
_RUN = (_ADDRESS, _ADDRESS, _ADDRESS, _COUNT) * 2
_SETUP = (_ADDRESS, _ADDRESS, _COUNT, _ADDRESS, _ADDRESS, _COUNT, _COUNT)


def _address(function: Any, signature: tuple) -> int:
    """Where the C function of a compiled function stands, compiled or fetched from disk for `signature`."""
    function.compile(signature)
    compiled = function.overloads[signature]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)


def _shapes_for(size: int, views: int) -> Any:
    """The compiled function that tells DALI the shapes of the outputs, for one side and number of pictures."""

    @jit
    def set_shapes(out_shapes, out_dims, outs, in_shapes, in_dims, ins, samples):
        outputs = int64_at(out_shapes, (outs, samples))
        for n in range(samples):
            pictures, receipt = int64_at(outputs[0, n], (4,)), int64_at(outputs[1, n], (1,))
            pictures[0], pictures[1], pictures[2], pictures[3] = views, size, size, 3
            receipt[0] = _RECEIPT_FIELDS

    return set_shapes


@jit
def run_stage(out, out_shapes, out_dims, outs, given, in_shapes, in_dims, ins):
    """One sample: addresses of the arrays of addresses of its outputs and inputs and of their shapes."""
    outputs, inputs, shapes = int64_at(out, (outs,)), int64_at(given, (ins,)), int64_at(in_shapes, (ins,))
    window_shape, programs_shape = int64_at(shapes[0], (3,)), int64_at(shapes[2], (3,))
    window = uint8_at(inputs[0], (window_shape[0], window_shape[1], window_shape[2]))
    place, settings = records_at(inputs[1], (1,), PLACE)[0], records_at(inputs[3], (1,), SETTINGS)[0]
    programs = records_at(inputs[2], (programs_shape[0], programs_shape[1]), INSTRUCTION)
    pictures = uint8_at(outputs[0], (settings.views, settings.size, settings.size, 3))
    receipt = records_at(outputs[1], (1,), RECEIPT)[0]
    receipt.sample_id, receipt.thread, receipt.start = FAILED, thread_number(), nanoseconds()
    receipt.sample_id = mix_window(window, place, programs, settings, pictures, receipt)
    receipt.stop = nanoseconds()


@jit
def mix_window(window, place, programs, settings, pictures, receipt):
    """Fit `window`, uint8 (h, w, 3), to the output and mix its views; see `MixingStage`. Returns the sample id."""
    if window.shape[0] != place.height or window.shape[1] != place.width or window.shape[2] != 3:
        return OTHER_SIZE
    size, clean = settings.size, settings.views - programs.shape[0]
    source = pictures[0] if clean else np.empty((size, size, 3), np.uint8)
    _fit(window, place, settings, source)
    receipt.fitted = nanoseconds()
    scratch = np.empty((settings.registers, size, size, 3), np.uint8)
    total = np.empty((size if settings.sums else 0, size, 3), np.int32)
    pixels = uint8_at(settings.pixels_at, (settings.pixels,))
    table = int64_at(settings.table_at, (settings.fractals, 3))
    for n in range(programs.shape[0]):
        run_program(programs[n], source, pixels, table, settings.channels, scratch, total, pictures[clean + n])
    return place.sample_id


@jit
def _fit(window, place, settings, out):
    if settings.is_resized:
        scratch = np.empty(crop_scratch(window.shape[1], settings.size), np.uint8)
        resize_rgb(window, 0, 0, window.shape[0], window.shape[1], place.mirrored == 1, scratch, out)
        return
    geometry.pad_crop(window, 0, place.down, place.right, out)
    if place.mirrored:
        geometry.flip_left_right(out)
