"""NumPy's uniform random numbers for many samples at once, on any device.

The numbers of `numpy.random.Philox` are a function of a counter and a key, and these are the same to the last bit. A
GPU would wait for the host to draw those of a batch of photographs: 1.5 ms a picture of 224 px.
"""

import torch
from torch import Tensor

_FACTORS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
"""Of Philox4x64 (Salmon et al. 2011): what words are multiplied by, and what the key grows by from round to round."""
_ROUNDS, _WORDS = 10, 4
_HALF = 2**32 - 1


def uniforms(key: tuple[int, int], sample_ids: Tensor, stream: int, count: int) -> Tensor:
    """float64 (N, count) in [0, 1), from int64 (N,); of a sample with id k what NumPy gives as

    Generator(Philox(counter=[0, k, stream, 0], key=key)).random(count)
    """
    blocks = -(-count // _WORDS)
    shape, device = (len(sample_ids), blocks), sample_ids.device
    first = torch.arange(1, blocks + 1, device=device).expand(shape)
    third, last = (torch.full((1, 1), value, device=device).expand(shape) for value in (stream, 0))
    words = first, sample_ids[:, None].expand(shape), third, last
    for number in range(_ROUNDS):
        words = _round(words, [_signed(part + number * step) for part, step in zip(key, _STEPS)])
    drawn = torch.stack(words, dim=-1).flatten(1)[:, :count]
    return ((drawn >> 11) & (2**53 - 1)).double() * 2.0**-53


def _round(words: tuple[Tensor, ...], key: list[int]) -> tuple[Tensor, ...]:
    first, second, third, last = words
    high, low = _product(first, _FACTORS[0])
    other_high, other_low = _product(third, _FACTORS[1])
    return other_high ^ second ^ key[0], other_low, high ^ last ^ key[1], low


def _product(words: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The upper and lower 64 bits of unsigned words times a factor; torch has only signed ones, which wrap alike."""
    low, high, factor_low, factor_high = words & _HALF, _upper(words), factor & _HALF, factor >> 32
    carried = high * factor_low + _upper(low * factor_low)
    middle = low * factor_high + (carried & _HALF)
    return high * factor_high + _upper(carried) + _upper(middle), words * _signed(factor)


def _upper(words: Tensor) -> Tensor:
    return (words >> 32) & _HALF


def _signed(value: int) -> int:
    """The signed number of the same 64 bits."""
    return (value + 2**63) % 2**64 - 2**63
