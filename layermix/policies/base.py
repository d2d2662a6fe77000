"""What a policy is: a frozen dataclass that writes programs and touches no pixel."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import numpy as np

from layermix.compilation import jit
from layermix.errors import InputError
from layermix.philox import MAX_EPOCH, MAX_SAMPLE_ID, MAX_VIEW
from layermix.program import INSTRUCTION


class Policy(ABC):
    """Base of all policies. A subclass is a frozen dataclass with a compiled drawing function.

    `drawer()` returns a compiled function with the signature

        draw(parameters, seed, epoch, sample_ids, view, height, width, table, channels, programs)

    that fills `programs`, `INSTRUCTION` (N, length) zeroed by the caller, one program a sample id; a loader calls it
    inside its own compiled graph. `parameters` is `self.parameters()`, float64 (K,); `seed` is the 64 bits of the
    seed, with or without a sign, and only for `layermix.philox.draw_words`.
    """

    name: ClassVar[str]
    """Key in `layermix.policies.POLICIES` and in recipes."""
    scratch_registers: ClassVar[int]
    """Scratch registers a program uses."""
    uses_fractals: ClassVar[bool]
    """Whether programs hold FRACTAL instructions."""
    needs_accumulator: ClassVar[bool] = False
    """Whether programs hold SUM instructions, for which the engine keeps an int32 total."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Most instructions of a program, `END` included."""

    @abstractmethod
    def parameters(self) -> np.ndarray:
        """The policy's settings as the float64 vector that its compiled drawing function takes."""

    @abstractmethod
    def drawer(self) -> Callable[..., None]:
        """The compiled drawing function."""

    def draw(self, sample_ids, *, seed, epoch=0, view=0, height, width, bank=None) -> np.ndarray:
        """Draw one program a sample id.

        Args:
            sample_ids: integers (N,), 0 to 2^48 - 1.
            seed: 0 to 2^64 - 1.
            epoch: 0 to 2^32 - 1.
            view: 0 to 65535; views of one sample are independent draws.
            height, width: size of the pictures in pixels.
            bank: `layermix.FractalBank`; needed where `uses_fractals`.

        Returns:
            `INSTRUCTION` records (N, length).

        Raises:
            InputError: an argument outside its range, or a bank whose pictures are smaller than height x width.
        """
        ids = check_sample_ids(sample_ids)
        check_key(seed, epoch, view)
        table, channels = _bank_geometry(self, bank, height, width)
        programs = np.zeros((len(ids), self.length), INSTRUCTION)
        self.drawer()(self._parameters, _signed(seed), epoch, ids, view, height, width, table, channels, programs)
        return programs

    @cached_property
    def _parameters(self) -> np.ndarray:
        """`parameters()`, which a table of magnitudes makes dear, made once: a policy is frozen."""
        return self.parameters()


def check_policy(policy: object) -> None:
    """Raise InputError unless it is a policy; a class of policies is none."""
    if not isinstance(policy, Policy):
        found = f"the class {policy.__name__}" if isinstance(policy, type) else repr(policy)
        raise InputError(f"`policy` must be a policy such as LayerMix(), got {found}; see layermix.POLICIES")


def require_fractals(policy: Policy, fractals: object) -> None:
    """Raise InputError where there are no `fractals` for a policy that mixes them in."""
    if fractals is None:
        raise InputError(f"`fractals` must be given: the policy {policy.name!r} mixes them in; pass an array or a bank")


def _signed(seed: int) -> int:
    """The 64 bits of the seed as an int that fits int64: to make a NumPy scalar takes longer than ten draws."""
    return int(seed) - (int(seed) >> 63 << 64)


def check_key(seed: int, epoch: int, view: int) -> None:
    """Raise InputError unless seed, epoch and view are whole numbers in the ranges of the counter."""
    for name, value, most in (("seed", seed, 2**64 - 1), ("epoch", epoch, MAX_EPOCH), ("view", view, MAX_VIEW)):
        if not isinstance(value, int | np.integer) or not 0 <= value <= most:
            rule = f"must be a whole number in 0..{most}"
            raise InputError(f"`{name}` {rule}, got {value!r}; it is a word of the random counter")


def check_sample_ids(sample_ids) -> np.ndarray:
    """Return the ids as int64 (N,); raise InputError unless they are whole numbers in 0..2^48 - 1."""
    ids = np.asarray(sample_ids)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise InputError(f"`sample_ids` must be integers of shape (N,), got {ids.dtype} {ids.shape}")
    whole = np.ascontiguousarray(ids, dtype=np.int64)
    if not 0 <= _bits_of(whole) <= MAX_SAMPLE_ID:
        outside = next(int(i) for i in ids if not 0 <= i <= MAX_SAMPLE_ID)
        raise InputError(f"`sample_ids` must be in 0..{MAX_SAMPLE_ID}, got {outside}")
    return whole


@jit
def _bits_of(ids):
    """All bits that are set in any id, the sign too; NumPy's reductions take longer to start than drawing takes."""
    bits = 0
    for n in range(ids.size):
        bits |= ids[n]
    return bits


def _bank_geometry(policy: Policy, bank, height: int, width: int) -> tuple[np.ndarray, int]:
    if not policy.uses_fractals:
        return np.zeros((0, 3), np.int64), 1
    require_fractals(policy, bank)
    if len(bank) == 0:
        raise InputError("`fractals` must hold at least one picture, got none; write the bank again")
    smallest = bank.minimum_size
    if smallest[0] < height or smallest[1] < width:
        raise InputError(
            f"`fractals` must be at least as large as the pictures, {height} x {width}; the smallest is "
            f"{smallest[0]} x {smallest[1]}; crop or shrink the pictures first, or write the bank again with a larger "
            "--short-side"
        )
    return bank.table, bank.channels
