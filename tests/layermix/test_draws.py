"""Draws follow the distributions of the paper (Kolmogorov-Smirnov and chi-square tests on a fixed seed)."""

import numpy as np
import pytest
from scipy import stats

from layermix import FractalBank, InputError, LayerMix
from layermix import program as P

COUNT = 20_000
LEAST_P = 1e-3
BANK = FractalBank.from_array(np.zeros((40, 48, 60), np.uint8))


def draw(policy, count=COUNT, bank=BANK, **key):
    return policy.draw(np.arange(count), **({"seed": 1} | key), height=32, width=32, bank=bank)


def assert_frequencies(values, expected):
    """Chi-square test of the values against {value: probability}."""
    found, counts = np.unique(values, return_counts=True)
    assert set(found.tolist()) == {k for k, p in expected.items() if p > 0}
    assert stats.chisquare(counts, [expected[v] * len(values) for v in found.tolist()]).pvalue > LEAST_P


def signed_uniform(low, high):
    """Distribution function of +-U(low, high), even odds."""
    return lambda x: 0.5 + np.sign(x) * 0.5 * np.clip((np.abs(x) - low) / (high - low), 0, 1)


def test_the_operation_is_uniform_over_the_eleven_of_the_paper():
    ops = draw(LayerMix())[:, 0]["op"]
    assert_frequencies(ops, dict.fromkeys(np.unique(ops).tolist(), 1 / 11))
    assert len(np.unique(ops)) == 11


def test_the_operation_is_uniform_over_the_twelve_of_the_released_program():
    ops = draw(LayerMix(variant="released"))[:, 0]["op"]
    expected = dict.fromkeys(np.unique(ops).tolist(), 1 / 12) | {P.POSTERIZE: 2 / 12, P.SOLARIZE: 2 / 12}
    assert P.BRIGHTNESS not in expected
    assert_frequencies(ops, expected)


def test_the_step_is_uniform():
    lengths = (draw(LayerMix())["op"] != P.END).sum(axis=1)
    assert_frequencies(lengths, {1: 1 / 3, 3: 1 / 3, 6: 1 / 3})


def test_all_stages_use_one_operation_with_fresh_strengths():
    programs = draw(LayerMix(step=3))
    assert np.array_equal(programs[:, 0]["op"], programs[:, 5]["op"])
    copied = programs[:, 1]["op"] == P.COPY
    assert np.array_equal(programs[~copied, 0]["op"], programs[~copied, 1]["op"])
    assert set(programs[copied, 0]["op"].tolist()) == {P.EQUALIZE, P.AUTOCONTRAST, P.GRAYSCALE}
    assert (programs[copied, 1]["a"] == programs[copied, 0]["dst"]).all()
    rotations = programs[programs[:, 0]["op"] == P.ROTATE]
    strengths = np.stack([np.abs(rotations[:, n]["p0"]) for n in (0, 1, 5)])
    assert np.abs(np.corrcoef(strengths) - np.eye(3)).max() < 0.1


@pytest.mark.parametrize(
    ("name", "variant", "low", "high"),
    [
        ("rotate", "paper", 0, 24),
        ("shear_x", "paper", 0, 0.24),
        ("shear_y", "paper", 0, 0.24),
        ("translate_x", "paper", 0, 0.264 * 32),
        ("translate_y", "paper", 0, 0.264 * 32),
        ("rotate", "released", 0.1, 24),
        ("shear_x", "released", 0.1, 0.24),
        ("translate_y", "released", 0.1, 0.264 * 32),
    ],
)
def test_signed_strengths_are_uniform_with_random_sign(name, variant, low, high):
    strengths = draw(LayerMix(operations=(name,), variant=variant))[:, 0]["p0"]
    assert stats.kstest(strengths, signed_uniform(low, high)).pvalue > LEAST_P


def test_brightness_factors_are_one_plus_or_minus_a_level():
    factors = draw(LayerMix(operations=("brightness",)))[:, 0]["p0"]
    assert stats.kstest(factors - 1, signed_uniform(0, 0.72)).pvalue > LEAST_P


def test_posterize_bits_of_the_paper_are_4_down_to_1():
    bits = draw(LayerMix(operations=("posterize",)))[:, 0]["i0"]
    assert_frequencies(bits, {4: 1 / 3.2, 3: 1 / 3.2, 2: 1 / 3.2, 1: 0.2 / 3.2})


def test_posterize_bits_of_the_released_program():
    bits = draw(LayerMix(operations=("posterize",), variant="released"))[:, 0]["i0"]
    assert_frequencies(bits, {0: 0.9 / 3.1, 1: 1 / 3.1, 2: 1 / 3.1, 3: 0.2 / 3.1})
    bits = draw(LayerMix(operations=("posterize_increasing",), variant="released"))[:, 0]["i0"]
    assert_frequencies(bits, {4: 0.9 / 3.1, 3: 1 / 3.1, 2: 1 / 3.1, 1: 0.2 / 3.1})


@pytest.mark.parametrize(
    ("name", "variant", "low", "high"),
    [("solarize", "paper", 0.2, 1.0), ("solarize", "released", 0.1, 0.8)],
)
def test_solarize_thresholds(name, variant, low, high):
    limits = draw(LayerMix(operations=(name,), variant=variant))[:, 0]["i0"]
    continuous = (limits - np.random.default_rng(0).uniform(0, 1, COUNT)) / 255
    assert stats.kstest(continuous, stats.uniform(low, high - low).cdf).pvalue > LEAST_P


def test_solarize_increasing_of_the_released_program_mostly_inverts():
    limits = draw(LayerMix(operations=("solarize_increasing",), variant="released"))[:, 0]["i0"]
    assert abs((limits == 0).mean() - 0.875) < 0.01
    assert limits.max() <= np.ceil(0.1 * 255)


def test_blends_have_the_probabilities_of_table_1():
    programs = draw(LayerMix(step=3))
    for record in (2, 4):
        expected = {P.ARITHMETIC: 1 / 3, P.GEOMETRIC: 1 / 3, P.PIXEL_MASK: 1 / 6, P.ELEMENT_MASK: 1 / 6}
        assert_frequencies(programs[:, record]["op"], expected)
    table = stats.contingency.crosstab(programs[:, 2]["op"], programs[:, 4]["op"]).count
    assert stats.chi2_contingency(table).pvalue > LEAST_P


@pytest.mark.parametrize("ratio", [1.0, 3.0, 4.5])
def test_blend_weights_are_beta_distributed(ratio):
    blends = draw(LayerMix(step=2, blending_ratio=ratio))[:, 2]
    blends = blends[np.isin(blends["op"], (P.ARITHMETIC, P.GEOMETRIC))]
    conic = blends["p0"] > 1
    assert abs(conic.mean() - 0.5) < 0.02
    assert np.array_equal(conic, blends["p1"] < 0)
    below_1, above_1 = blends[~conic], blends[conic]
    assert stats.kstest(below_1["p0"], stats.beta(ratio, 1).cdf).pvalue > LEAST_P
    assert stats.kstest(below_1["p1"], stats.beta(1, ratio).cdf).pvalue > LEAST_P
    assert stats.kstest(above_1["p0"] - 1, stats.beta(1, ratio).cdf).pvalue > LEAST_P
    assert stats.kstest(-above_1["p1"], stats.beta(1, ratio).cdf).pvalue > LEAST_P
    assert abs(np.corrcoef(above_1["p0"], above_1["p1"])[0, 1]) < 0.05


def test_mask_probabilities_are_uniform_and_keys_differ():
    blends = draw(LayerMix(step=2))[:, 2]
    blends = blends[blends["op"] >= P.PIXEL_MASK]
    assert stats.kstest(blends["i0"] / 65536, "uniform").pvalue > LEAST_P
    assert len({(int(b["k0"]), int(b["k1"])) for b in blends}) == len(blends)


def test_fractals_crops_and_flips_are_uniform():
    loads = draw(LayerMix(step=3))[:, 3]
    assert_frequencies(loads["i0"], dict.fromkeys(range(40), 1 / 40))
    assert_frequencies(loads["i1"], dict.fromkeys(range(17), 1 / 17))
    assert_frequencies(loads["i2"], dict.fromkeys(range(29), 1 / 29))
    assert_frequencies(loads["i3"], dict.fromkeys(range(4), 1 / 4))


def test_colour_fractals_are_not_flipped_by_the_released_program():
    colour = FractalBank.from_array(np.zeros((4, 36, 36, 3), np.uint8))
    assert (draw(LayerMix(step=3, variant="released"), bank=colour)[:, 3]["i3"] == 0).all()
    assert (draw(LayerMix(step=3), bank=colour)[:, 3]["i3"] != 0).any()


def test_fixing_the_step_leaves_all_other_draws_alone():
    drawn, fixed = draw(LayerMix(), 500), draw(LayerMix(step=3), 500)
    complete = (drawn["op"] != P.END).sum(axis=1) == 6
    assert np.array_equal(drawn[complete], fixed[complete])
    assert np.array_equal(draw(LayerMix(step=2), 500)[:, :2]["p0"], fixed[:, :2]["p0"])


@pytest.mark.parametrize("change", [{"seed": 2}, {"epoch": 1}, {"view": 1}])
def test_seed_epoch_and_view_give_other_programs(change):
    base, other = draw(LayerMix(), 200), draw(LayerMix(), 200, **change)
    assert sum(np.array_equal(a, b) for a, b in zip(base, other)) < 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"magnitude": 11}, r"`magnitude` must be in 0..10, got 11"),
        ({"magnitude": float("nan")}, r"`magnitude` must be in 0..10, got nan"),
        ({"blending_ratio": 0}, r"`blending_ratio` must be > 0 and finite, got 0; to turn blending off use step=1"),
        ({"blending_ratio": float("inf")}, r"`blending_ratio` must be > 0"),
        ({"variant": "other"}, r"`variant` must be 'paper' or 'released', got 'other'"),
        ({"step": 4}, r"`step` must be 1, 2, 3 or None"),
        ({"operations": ("sharpen",)}, r"`operations` of variant 'paper' must be among .*got 'sharpen'"),
    ],
)
def test_settings_outside_their_range_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        LayerMix(**settings)
