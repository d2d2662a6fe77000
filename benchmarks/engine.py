"""What does an augmentation cost on one core, and what elsewhere?

    python -m benchmarks.engine --plot docs/engine.png    -> benchmarks/results/engine.json and the plot
    python -m benchmarks.engine --sizes 32 --pictures 16 --repeats 3 --out /tmp/engine.json

For every policy, LayerMix's operations and the blends, microseconds a picture on one core, in turn within one run:

    engine   the whole call of `augment` on a batch: checks, drawing, scratch memory, kernels, and the traffic of
             pictures that come from memory and go there; of a blend, `run` on written programs
    kernel   the same programs on one picture again and again, so with all buffers in cache, and nothing else
    draw     drawing the programs alone, `Policy.draw`
    oracle   the same programs by the float-tensor oracle of the tests: float32, torchvision's functional operations
    others   torchvision v2 (uint8), albumentations (uint8), kornia (float32) where they have the operation or policy
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro

from benchmarks.engine_plot import plot
from benchmarks.measure import interleave, report
from benchmarks.pictures import fractals, photographs
from benchmarks.rivals import Rival, rivals
from layermix import FractalBank, LayerMix, augment
from layermix import program as P
from layermix.augmentation import run
from layermix.compilation import jit
from layermix.engine import run_program
from layermix.errors import run_program as run_main
from layermix.policies import POLICIES, Policy
from pipelines.telling import tell

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import oracle

BLENDS = {
    "arithmetic": (P.ARITHMETIC, {"p0": 0.75, "p1": 0.25}),
    "geometric": (P.GEOMETRIC, {"p0": 0.75, "p1": 0.25}),
    "pixel mask": (P.PIXEL_MASK, {"i0": 40000, "k0": 1, "k1": 2}),
    "element mask": (P.ELEMENT_MASK, {"i0": 40000, "k0": 1, "k1": 2}),
}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Time the engine against float tensors and other libraries."""

    sizes: tuple[int, ...] = (32, 224)
    """Sides of the pictures in pixels."""
    pictures: int = 64
    """Pictures a timed call."""
    repeats: int = 7
    """Timed calls a candidate."""
    plot: Path | None = None
    """Picture to draw of the results."""
    out: Path | None = None
    """File to write; benchmarks/results/engine.json if not given."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The pictures of one size, and whom to measure on them."""

    images: np.ndarray
    bank: FractalBank
    rivals: dict[str, Rival]
    repeats: int

    def policy(self, name: str, policy: Policy, kind: str) -> dict[str, object]:
        """One row: a policy, or an operation, which is a policy of one step."""
        tell(f"{kind} {name}, {self.images.shape[1]} px")
        ids, out = np.arange(len(self.images)), np.empty_like(self.images)
        height, width = self.images.shape[1:3]

        def draw() -> np.ndarray:
            return policy.draw(ids, seed=0, height=height, width=width, bank=self.bank)

        programs = draw()
        candidates: dict[str, Callable[[], object]] = {
            "engine": lambda: augment(self.images, policy, fractals=self.bank, seed=0, out=out),
            "kernel": self._kernel(programs, policy.scratch_registers, policy.needs_accumulator),
            "draw": draw,
            "oracle": lambda: self._run_oracle(programs),
        }
        for rival, library in self.rivals.items():
            calls = _calls(library, name, programs, self.images, kind)
            if calls:
                candidates[rival] = lambda calls=calls: [call(picture) for call, picture in calls]
        return self._row(kind, candidates)

    def blend(self, op: int, settings: dict[str, float]) -> dict[str, object]:
        """One row: a blend of each picture with the picture itself inverted, from a written program."""
        programs = np.zeros((len(self.images), 2), P.INSTRUCTION)
        solarize, blend = programs[:, 0], programs[:, 1]
        solarize["op"], solarize["dst"], solarize["i0"] = P.SOLARIZE, P.SCRATCH, 128
        blend["op"], blend["dst"], blend["b"] = op, P.RESULT, P.SCRATCH
        for key, value in settings.items():
            blend[key] = value
        out = np.empty_like(self.images)

        def engine() -> None:
            run(programs, self.images, bank=self.bank, scratch_registers=1, out=out)

        oracle_run, kernel = lambda: self._run_oracle(programs), self._kernel(programs, 1, False)
        return self._row("blend", {"engine": engine, "kernel": kernel, "oracle": oracle_run})

    def _kernel(self, programs: np.ndarray, registers: int, needs_total: bool) -> Callable[[], None]:
        """All programs on the first picture."""
        image, out, bank = self.images[0], np.empty_like(self.images[0]), self.bank
        scratch = np.empty((registers, *image.shape), np.uint8)
        total = np.empty(image.shape if needs_total else (0, 0, 0), np.int32)
        return lambda: run_in_cache(programs, image, bank.pixels, bank.table, bank.channels, scratch, total, out)

    def _run_oracle(self, programs: np.ndarray) -> None:
        with oracle.masks_of_torch():
            for program, image in zip(programs, self.images):
                oracle.run(program, image, self.bank, dtype=torch.float32)

    def _row(self, kind: str, candidates: dict[str, Callable[[], object]]) -> dict[str, object]:
        row: dict[str, object] = {"kind": kind}
        seconds = interleave(candidates, repeats=self.repeats)
        count = len(self.images)
        for name, spread in seconds.items():
            row[f"{name}_us"] = round(spread["median"] / count * 1e6, 3)
            row[f"{name}_us_min"] = round(spread["min"] / count * 1e6, 3)
            row[f"{name}_us_max"] = round(spread["max"] / count * 1e6, 3)
        engine = seconds["engine"]["median"] / count
        row["times_faster"] = round(seconds["oracle"]["median"] / count / engine, 2)
        for name in self.rivals.keys() & seconds.keys():
            row[f"times_faster_than_{name}"] = round(seconds[name]["median"] / count / engine, 2)
        return row


@jit
def run_in_cache(programs, image, pixels, table, channels, scratch, total, out):
    """Run every program on one picture; the arguments are those of `layermix.engine.run_program`."""
    for n in range(programs.shape[0]):
        run_program(programs[n], image, pixels, table, channels, scratch, total, out)


def _calls(library: Rival, name: str, programs: np.ndarray, images: np.ndarray, kind: str) -> list:
    """(call, picture) for the pictures; [] where the library does not have it."""
    pictures = [library.prepare(image) for image in images]
    if kind == "policy":
        policy = library.policies.get(name)
        return [(policy(), picture) for picture in pictures] if policy else []
    operation = library.operations.get(int(programs[0, 0]["op"]))
    return [(operation(record), picture) for record, picture in zip(programs[:, 0], pictures)] if operation else []


def measure(bench: Bench) -> dict[str, dict[str, object]]:
    """All rows of one size, by name: policies, operations, blends."""
    policies = {name: policy() for name, policy in POLICIES.items() if name != LayerMix.name}
    rows = {
        "layermix 8m-3": bench.policy(LayerMix.name, LayerMix(), "policy"),
        "layermix 8m-3 released": bench.policy(LayerMix.name, LayerMix(variant="released"), "policy"),
    }
    rows |= {name: bench.policy(name, policy, "policy") for name, policy in policies.items()}
    operations = {name: LayerMix(operations=(name,), step=1) for name in LayerMix().operation_names()}
    rows |= {name: bench.policy(name, policy, "operation") for name, policy in operations.items()}
    return rows | {name: bench.blend(*written) for name, written in BLENDS.items()}


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; returns 0."""
    arguments = tyro.cli(Arguments, args=argv, prog="python -m benchmarks.engine")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found, versions = rivals()
    results = {}
    for size in arguments.sizes:
        bank = FractalBank.from_array(fractals(32, max(256, size) if size > 64 else 36))
        images = photographs(arguments.pictures, size)
        results[f"{size} px"] = measure(Bench(images=images, bank=bank, rivals=found, repeats=arguments.repeats))
    body = {"pictures": arguments.pictures, "repeats": arguments.repeats, "libraries": versions, "results": results}
    report("engine", body, arguments.out)
    if arguments.plot:
        plot(results, arguments.plot)
    return 0


if __name__ == "__main__":
    sys.exit(run_main(main))
