"""How fast are corrupted pictures made, against the programs that one would take instead?

One picture under every corruption and severity of a benchmark, on one thread, in CPU time of the thread so that other
work on the machine does not count. C at ImageNet's severities is compared with imagecorruptions-imaug (without frost
and elastic_transform, which are not the same there), at 224 and 32 px; C̄ with its plain reading, tests/plain_cbar.py,
which calls Python for every pixel, as the public generator does (it takes 13 s for the 50 pictures of one at 224 px).

    python -m benchmarks.corruptions --rounds 5
    python -m benchmarks.corruptions --side 64 --rounds 1 --out /tmp/corruptions.json     # a minute, for a look
"""

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import tyro

from benchmarks.measure import report
from layermix.errors import run_program
from pipelines.telling import tell
from writers.corruptions import SEVERITIES, corrupt, corruption_names
from writers.corruptions.corrupt import SampleDraws
from writers.corruptions.tables import level_of

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import plain_cbar
from natural_pictures import natural_pictures

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import imagecorruptions

_DIFFERENT = ("frost", "elastic_transform")


@dataclass(frozen=True, kw_only=True)
class Corruptions:
    """Time the corruptions against others."""

    side: int = 224
    """Side of the large picture in pixels."""
    rounds: int = 5
    """Rounds of C; C̄'s plain reading runs once."""
    out: Path | None = None
    """JSON file (benchmarks/results/corruptions.json if not given)."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and write its JSON."""
    arguments = tyro.cli(Corruptions, prog="python -m benchmarks.corruptions", args=argv)
    cv2.setNumThreads(1)
    large, small = natural_pictures(1, arguments.side), natural_pictures(1, 32)
    body = {
        "side": arguments.side,
        "rounds": arguments.rounds,
        "c_large": _against_imagecorruptions(large, arguments.rounds),
        "c_32_px": _against_imagecorruptions(small, arguments.rounds),
        "cbar_imagenet": _against_plain(large, "imagenet-cbar"),
        "cbar_cifar": _against_plain(small, "cifar-cbar"),
    }
    report("corruptions", body, arguments.out)
    return 0


def _against_imagecorruptions(picture: np.ndarray, rounds: int) -> dict[str, object]:
    names = [name for name in corruption_names("imagenet-c", extra=True) if name not in _DIFFERENT]
    seconds: dict[str, dict[str, float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            tell(f"{name}, {picture.shape[1]} px, beside imagecorruptions")
            ours = _calls(lambda severity, name=name: corrupt(picture, name, severity, 0, [0], "imagenet-c"))
            theirs = _calls(partial(imagecorruptions.corrupt, picture[0], corruption_name=name))
            theirs()  # it compiles, too
            seconds[name] = _alternate(ours, theirs, rounds)
    return _summary(seconds)


def _against_plain(picture: np.ndarray, benchmark: str) -> dict[str, object]:
    seconds: dict[str, dict[str, float]] = {}
    for name in corruption_names(benchmark):
        tell(f"{name} of {benchmark}, beside its plain reading")
        plain = getattr(plain_cbar, name)

        def read_plainly(severity: int, name: str = name, plain: Callable = plain) -> None:
            plain(picture[0], SampleDraws(0, name, severity).of(0), level_of(benchmark, name, severity)["amount"])

        ours = _calls(lambda severity, name=name: corrupt(picture, name, severity, 0, [0], benchmark))
        seconds[name] = _alternate(ours, _calls(read_plainly), rounds=1)
    return _summary(seconds)


def _calls(function: Callable[..., object]) -> Callable[[], object]:
    """Every severity once."""
    return lambda: [function(severity=severity) for severity in SEVERITIES]


def _alternate(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> dict[str, float]:
    """Medians of the CPU seconds of a call of each, in turn, after one that compiles ours."""
    ours()
    times = [(_cpu_seconds(ours), _cpu_seconds(theirs)) for _ in range(rounds)]
    return {"ours": median(t[0] for t in times), "theirs": median(t[1] for t in times)}


def _cpu_seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def _summary(seconds: dict[str, dict[str, float]]) -> dict[str, object]:
    ours, theirs = (sum(times[who] for times in seconds.values()) for who in ("ours", "theirs"))
    return {
        "ours_seconds": round(ours, 4),
        "theirs_seconds": round(theirs, 4),
        "ratio": round(theirs / ours, 2),
        "ratio_by_name": {name: round(times["theirs"] / times["ours"], 2) for name, times in seconds.items()},
    }


if __name__ == "__main__":
    sys.exit(run_program(main))
