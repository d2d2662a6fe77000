"""Facts about installed packages, each gathered in a process of its own.

    python -P pipelines/doctor/probes.py NAME

prints one JSON object. A package that crashes, hangs or prints while it is imported harms this process alone. The file
imports nothing but the standard library and no other file of the project, so that it runs in a broken environment too.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def torch_facts() -> dict[str, Any]:
    """Versions, build, GPUs and whether torchvision's operators load beside this torch."""
    import torch

    has_gpu = torch.cuda.is_available()
    properties = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())] if has_gpu else []
    _load_vision_operators()
    torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    return {
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "cuda": torch.version.cuda,
        "gpus": [f"{p.name}, {p.total_memory / 2**30:.0f} GiB" for p in properties],
        "capability": min(((p.major, p.minor) for p in properties), default=None),
        "nccl": torch.distributed.is_available() and torch.distributed.is_nccl_available(),
        "gloo": torch.distributed.is_available() and torch.distributed.is_gloo_available(),
    }


def _load_vision_operators() -> None:
    """Torchvision's compiled operators without the rest of it, which imports torch's compiler: five core-seconds."""
    import torch

    found = find_spec("torchvision")
    folders = (found and found.submodule_search_locations) or []
    libraries = [library for folder in folders for library in Path(folder).glob("_C*.so")]
    for library in libraries:
        torch.ops.load_library(library)
    if not libraries:
        import_module("torchvision")  # says what is wrong, or has them elsewhere


def ffcv_facts() -> dict[str, Any]:
    """Version of ffcv, and whether its extension decodes a JPEG, which needs OpenCV and libturbojpeg."""
    import cv2
    import numba.typed
    import numpy as np

    typed: Any = numba.typed
    typed.Dict = dict  # as layermix.ffcv_import, which saves three core-seconds of compiling
    from ffcv.libffcv import imdecode

    picture = np.full((16, 16, 3), 90, np.uint8)
    encoded = cv2.imencode(".jpg", picture)[1].reshape(-1)
    decoded = np.zeros_like(picture)
    answer = imdecode(encoded, decoded, 16, 16, 16, 16, 0, 0, 1, 1, False, False)
    return {"ffcv": version("ffcv"), "decodes": bool(answer == 0 and abs(decoded.astype(int) - 90).max() <= 2)}


def numba_facts() -> dict[str, Any]:
    """Version, the threading layer that a parallel loop really gets, and whether compiled code can be kept."""
    import numba
    import numpy as np

    library: Any = numba

    @numba.njit(parallel=True)
    def fill(values):
        for n in numba.prange(len(values)):
            values[n] = n

    fill(np.zeros(64))
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return {
        "numba": numba.__version__,
        "layer": library.threading_layer(),
        "threads": library.config.NUMBA_NUM_THREADS,
        "cache": folder,
        "keeps": folder is None or (Path(folder).is_dir() and os.access(folder, os.W_OK)),
    }


def dali_facts() -> dict[str, Any]:
    """Version of DALI, and whether a pipeline of the CPU runs."""
    import numpy as np
    from nvidia import dali as package

    dali: Any = package

    @dali.pipeline_def(batch_size=2, num_threads=1, device_id=None, seed=0)
    def graph():
        return dali.fn.constant(idata=7, shape=(3,), dtype=dali.types.INT32)

    pipeline = graph()
    pipeline.build()
    (batch,) = pipeline.run()
    return {"dali": dali.__version__, "runs": bool((np.asarray(batch.as_array()) == 7).all())}


def numba_cuda_facts() -> dict[str, Any]:
    """Version of numba-cuda, whether it finds the driver, and whether it finds NVVM, its compiler."""
    from numba import cuda
    from numba.cuda.cudadrv.error import NvvmSupportError
    from numba.cuda.cudadrv.nvvm import NVVM, LibDevice

    try:
        compiles = bool(NVVM() and LibDevice())
    except (NvvmSupportError, RuntimeError):
        compiles = False
    return {"numba_cuda": version("numba-cuda"), "available": bool(cuda.is_available()), "compiles": compiles}


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "torch": torch_facts,
    "ffcv": ffcv_facts,
    "numba": numba_facts,
    "dali": dali_facts,
    "numba_cuda": numba_cuda_facts,
}

if __name__ == "__main__":
    # What a library prints goes to standard error, so that the answer stands alone.
    answer = os.dup(1)
    os.dup2(2, 1)
    os.write(answer, json.dumps(PROBES[sys.argv[1]]()).encode() + b"\n")
