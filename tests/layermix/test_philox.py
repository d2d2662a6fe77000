"""The generator is Philox4x32-10, and its counter keeps all draws apart."""

import numpy as np
import oracle
import pytest
from scipy import stats

from layermix.philox import below, draw_words, philox4x32, uniform

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES), (ONES,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0xA4093822, 0x299F31D0),
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers_of_the_random123_distribution(key, counter, words):
    assert philox4x32(*key, *counter) == words
    assert oracle.philox4x32(key, counter) == words


def test_a_draw_is_the_same_whatever_is_drawn_beside_it():
    few, many = np.empty(5, np.uint32), np.empty(31, np.uint32)
    draw_words(7, 3, 2**40 + 1, 2, 1, few)
    draw_words(7, 3, 2**40 + 1, 2, 1, many)
    assert np.array_equal(few, many[:5])


@pytest.mark.parametrize("count", range(10))
def test_words_are_those_of_the_blocks_one_after_the_other(count):
    seed, sample_id, words = 2**63 + 2**32 + 5, 2**40 + 1, np.empty(count, np.uint32)
    draw_words(np.uint64(seed), 3, sample_id, 2, 1, words)
    key, counter = (seed % 2**32, seed >> 32), (sample_id % 2**32, sample_id >> 32 | 2 << 16, 3)
    blocks = [oracle.philox4x32(key, (1 << 24 | block, *counter)) for block in range(3)]
    assert words.tolist() == [word for block in blocks for word in block][:count]


def test_a_seed_is_64_bits_with_or_without_a_sign():
    plain, signed = np.empty(9, np.uint32), np.empty(9, np.uint32)
    draw_words(np.uint64(2**64 - 5), 3, 4, 2, 1, plain)
    draw_words(-5, 3, 4, 2, 1, signed)
    assert np.array_equal(plain, signed)


def test_every_part_of_the_counter_changes_the_draws():
    base = {"seed": 5, "epoch": 6, "sample_id": 7, "view": 8, "domain": 1}
    changes = [{}] + [{k: v + 1} for k, v in base.items()]
    changes += [{"seed": 5 + 2**32}, {"sample_id": 7 + 2**32}, {"sample_id": 7 + 2**47}]
    drawn = set()
    for change in changes:
        words = np.empty(4, np.uint32)
        draw_words(*(base | change).values(), words)
        drawn.add(tuple(words.tolist()))
    assert len(drawn) == len(changes)


def test_words_of_successive_samples_are_uniform_and_uncorrelated():
    words = np.empty((20_000, 8), np.uint32)
    for sample_id in range(len(words)):
        draw_words(11, 0, sample_id, 0, 0, words[sample_id])
    values = words * 2.0**-32
    assert stats.kstest(values.ravel(), "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(values.T) - np.eye(8)).max() < 0.03
    assert abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.03


def test_uniform_stays_inside_the_open_interval_and_below_inside_its_range():
    assert 0 < uniform(np.uint32(0)) < uniform(np.uint32(ONES)) < 1
    assert below(np.uint32(0), 11) == 0
    assert below(np.uint32(ONES), 11) == 10
