"""The two DALI graphs: pictures come in encoded with what was drawn for them, and leave as uint8 squares.

CPU: decode the window, then one compiled stage that resizes, flips and mixes; no GPU and no driver is needed. GPU:
decode on the GPU, resize and flip there; the policy runs on the result, see `pipelines.dali_loader`. No operator of
DALI 2.4 can host it: `numba_function` takes no toolkit of CUDA 13 on a GPU, and `dl_tensor_python_function` hands over
a batch as a tensor a sample, where the kernel mixes a batch in one launch.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from nvidia.dali import fn, types
from nvidia.dali.pipeline import Pipeline

from pipelines.config import LoaderConfig
from pipelines.crops import resizes
from pipelines.dali_stage import MixingStage

Last = Literal["decode", "all"]
"""The stage that a graph ends with; one that only decodes, for measurements, gives the shapes of the windows."""
_DECODER_INPUTS = 3
"""Encoded pictures, starts and shapes of windows: the first that a source gives."""

WINDOW_AXES = [0, 1]
"""Windows are told as (top, left) and (height, width)."""


def cpu_graph(config: LoaderConfig, stage: MixingStage, source: Callable[[], tuple], last: Last = "all") -> Pipeline:
    """Decode, crop, resize, flip and mix on the CPU; outputs (pictures on the loader's device, receipts).

    Args:
        source: gives a batch a call, a list or array of N each: encoded pictures, starts and shapes of the windows,
            places, programs and settings, see `MixingStage`; StopIteration at the end.
    """
    pipeline = _pipeline(config)
    with pipeline:
        encoded, starts, shapes, *drawn = _inputs(source, 6 if last == "all" else _DECODER_INPUTS)
        window: Any = fn.decoders.image_slice(
            encoded, starts, shapes, axes=WINDOW_AXES, output_type=types.DALIImageType.RGB
        )
        if last == "decode":
            pipeline.set_outputs(window.shape())
            return pipeline
        picture, receipt = stage(window, *drawn)
        pipeline.set_outputs(picture if pipeline.device_id is None else picture.gpu(), receipt)
    return pipeline


def gpu_graph(
    config: LoaderConfig,
    source: Callable[[], tuple],
    decoder: Literal["mixed", "cpu"] = "mixed",
    last: Last = "all",
) -> Pipeline:
    """Decode, crop, resize and flip on the GPU; the one output is the pictures there.

    Args:
        source: as of `cpu_graph`, of encoded pictures, starts and shapes, flips (int32 0 or 1) and, where the crop is
            not resized, the places where it begins, int32 (down, right).
        decoder: "cpu" builds the same graph without a GPU, for tests.
    """
    pipeline = _pipeline(config)
    with pipeline:
        given = 4 if resizes(config) else 5
        encoded, starts, shapes, *drawn = _inputs(source, given if last == "all" else _DECODER_INPUTS)
        load: dict[str, Any] = {} if decoder == "cpu" else {"hw_decoder_load": config.hw_decoder_load}
        picture: Any = fn.decoders.image_slice(
            encoded, starts, shapes, device=decoder, axes=WINDOW_AXES, output_type=types.DALIImageType.RGB, **load
        )
        if last == "decode":
            pipeline.set_outputs(picture.shape())
            return pipeline
        mirrored, *begins = drawn
        if resizes(config):
            picture = fn.resize(
                picture, size=(config.size, config.size), interp_type=types.DALIInterpType.INTERP_LINEAR, antialias=True
            )
        else:
            picture = fn.slice(
                picture, start=begins[0], shape=(config.size, config.size), axes=WINDOW_AXES, out_of_bounds_policy="pad"
            )
        pipeline.set_outputs(fn.flip(picture, horizontal=mirrored, vertical=0))
    return pipeline


def _inputs(source: Callable[[], tuple], count: int) -> Any:
    """The first `count` of what a source gives, as the input of a graph."""
    return fn.external_source(source=lambda: source()[:count], num_outputs=count, batch=True, no_copy=True)


def _pipeline(config: LoaderConfig) -> Pipeline:
    device = torch.device(config.device)
    number = None if device.type == "cpu" else device.index or 0
    return Pipeline(
        batch_size=config.batch_size, num_threads=config.threads, device_id=number, exec_dynamic=True,
        prefetch_queue_depth=config.batches_ahead,
    )  # fmt: skip
