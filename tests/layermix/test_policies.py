"""Every policy's programs do what the oracle says, and a sample's pixels depend on nothing but the sample."""

import numpy as np
import oracle
import pytest

from layermix import (
    POLICIES,
    AugMix,
    AutoAugment,
    Cutout,
    FractalBank,
    InputError,
    IPMix,
    LayerMix,
    PixMix,
    RandAugment,
    RandomErasing,
    TrivialAugment,
    augment,
    jsd_views,
)
from layermix import program as P
from layermix.config import build, to_mapping
from layermix.engine import run_program

EXTRA = {
    "layermix all ops": LayerMix(all_ops=True),
    "layermix released all ops": LayerMix(variant="released", all_ops=True),
    "pixmix nine ops": PixMix(all_ops=False, severity=1, blending_ratio=4),
    "ipmix imagenet": IPMix(patch_sides=(4, 8, 16, 32, 64, 224), mix_augmented=True, all_ops=True, severity=1),
    "augmix deep": AugMix(width=2, depth=5, all_ops=True, severity=8),
    "autoaugment imagenet": AutoAugment(learned_on="imagenet"),
    "randaugment strong": RandAugment(operations=5, magnitude=30),
    "cutout odd": Cutout(side=7, value=128),
    "erasing always": RandomErasing(probability=1, scale=(0.3, 0.9), value=9),
}
ALL = {name: policy() for name, policy in POLICIES.items()} | EXTRA
every_policy = pytest.mark.parametrize("policy", ALL.values(), ids=ALL.keys())


@pytest.fixture(scope="module")
def colours():
    """A bank of smooth pictures in colour."""
    import cv2

    noise = np.random.default_rng(0).integers(0, 256, (7, 44, 40, 3), dtype=np.uint8)
    return FractalBank.from_array(np.stack([cv2.GaussianBlur(picture, (0, 0), 2.5) for picture in noise]))


def draw(policy, images, bank):
    return policy.draw(np.arange(len(images)), seed=3, height=images.shape[1], width=images.shape[2], bank=bank)


@pytest.mark.parametrize("policy", [policy() for policy in POLICIES.values()], ids=POLICIES)
def test_whole_programs_match_the_float_oracle(policy, photographs, colours):
    found = differences(policy, np.concatenate([photographs] * 2), colours)
    assert found.mean() <= 1
    assert (found <= 3).mean() >= 0.995


def differences(policy, images, bank, **options):
    """Absolute differences to the oracle, float64 (N, H, W, 3)."""
    programs, ours = draw(policy, images, bank), augment(images, policy, fractals=bank, seed=3)
    theirs = [oracle.run(program, image, bank, **options) for program, image in zip(programs, images)]
    return np.abs(np.stack(theirs) - ours)


@every_policy
def test_every_single_program_matches_the_oracle_with_8_bit_registers(policy, photographs, colours):
    images = photographs[:30]
    found = differences(policy, images, colours, eight_bits=True).reshape(len(images), -1)
    smooth = ~np.array([has_steps(program) for program in draw(policy, images, colours)])
    assert smooth.any()
    assert found[smooth].mean(axis=1).max() <= 1
    assert (found[smooth] <= 3).mean(axis=1).min() >= 0.995


def has_steps(program):
    """Whether a function with steps reads a computed register: it may turn a difference of 1 there into one of 30."""
    stepped = (P.EQUALIZE, P.AUTOCONTRAST, P.POSTERIZE, P.SOLARIZE)
    return (np.isin(program["op"], stepped) & (program["a"] != P.SOURCE)).any()


@every_policy
def test_every_instruction_of_every_program_matches_the_oracle_on_the_same_registers(policy, photographs, colours):
    images = photographs[:15]
    for program, image in zip(draw(policy, images, colours), images):
        for found in step_differences(policy, program, image, colours):
            assert found.mean() <= 0.5
            assert found.max() <= 2.01


def step_differences(policy, program, image, bank):
    """Differences of the register that each instruction writes, float64 (H, W, 3) in 1/255."""
    scratch, out = np.zeros((policy.scratch_registers, *image.shape), np.uint8), np.zeros_like(image)
    total = np.zeros(image.shape, np.int32)
    for record in program:
        if record["op"] == P.END:
            return
        expected = oracle.to_registers(image, scratch, out, total)
        written = oracle.execute(record, expected, bank, image.shape, eight_bits=True)
        run_program(
            np.array([record]), image.copy(), bank.pixels, bank.table, bank.channels, scratch, total, out
        )  # fmt: skip
        ours = oracle.to_registers(image, scratch, out, total)
        yield 255 * (expected[written] - ours[written]).abs().numpy()


@every_policy
def test_pixels_do_not_depend_on_batch_or_threads(policy, photographs, colours):
    ids = np.random.default_rng(0).integers(0, 2**48, len(photographs))
    whole = augment(photographs, policy, fractals=colours, seed=1, sample_ids=ids)
    for threads in (2, 8):
        again = augment(photographs, policy, fractals=colours, seed=1, sample_ids=ids, threads=threads)
        assert np.array_equal(again, whole)
    order = np.random.default_rng(1).permutation(len(photographs))
    shuffled = augment(photographs[order], policy, fractals=colours, seed=1, sample_ids=ids[order], threads=3)
    assert np.array_equal(shuffled, whole[order])
    for n in (0, 17, 59):
        alone = augment(photographs[n : n + 1], policy, fractals=colours, seed=1, sample_ids=ids[n : n + 1])
        assert np.array_equal(alone[0], whole[n])


@every_policy
def test_programs_keep_the_rules_of_the_instruction_set(policy, photographs, colours):
    """Registers exist, the source is never written, warps do not write what they read, the last writes the result."""
    not_in_place = {P.SHARPNESS, P.MIRROR, P.ROTATE, P.SHEAR_X, P.SHEAR_Y, P.TRANSLATE_X, P.TRANSLATE_Y}
    for program in draw(policy, np.repeat(photographs, 10, axis=0), colours):
        records = program[: int(np.argmax(program["op"] == P.END))]
        assert len(records) and program[-1]["op"] == P.END  # noqa: PT018
        sums = np.isin(records["op"], (P.SUM_START, P.SUM_ADD))
        assert policy.needs_accumulator or not (records["op"] >= P.SUM_START).any()
        assert policy.uses_fractals or not (records["op"] == P.FRACTAL).any()
        assert (records["dst"][~sums] >= P.RESULT).all()
        assert max(records["dst"].max(), records["a"].max(), records["b"].max()) < 2 + policy.scratch_registers
        warps = records[np.isin(records["op"], list(not_in_place))]
        assert (warps["dst"] != warps["a"]).all()
        assert records[-1]["dst"] == P.RESULT
        assert np.isfinite(records["p0"]).all() and np.isfinite(records["p1"]).all()  # noqa: PT018


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3), (5, 31), (64, 48)])
def test_any_picture_size_runs(shape):
    images = np.random.default_rng(0).integers(0, 256, (40, *shape, 3), dtype=np.uint8)
    fractals = np.random.default_rng(1).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    for policy in ALL.values():
        assert augment(images, policy, fractals=fractals, seed=1).shape == images.shape


@pytest.mark.parametrize("view", [{}, {"epoch": 1}, {"view": 1}, {"seed": 2}])
@every_policy
def test_seed_epoch_and_view_change_the_pixels(policy, view, photographs, colours):
    if policy.name == "baseline":
        return
    key = {"seed": 1} | view
    again = augment(photographs, policy, fractals=colours, **key)
    changed = (again != augment(photographs, policy, fractals=colours, seed=1)).any()
    assert changed == bool(view)


def test_jsd_views_are_the_clean_picture_and_two_independent_draws(photographs, colours):
    policy = AugMix()
    clean, first, second = jsd_views(photographs, policy, seed=4, epoch=2, threads=2)
    assert np.array_equal(clean, photographs)
    assert np.array_equal(first, augment(photographs, policy, seed=4, epoch=2, view=1))
    assert np.array_equal(second, augment(photographs, policy, seed=4, epoch=2, view=2))
    assert (first != second).any(axis=(1, 2, 3)).mean() > 0.9


@every_policy
def test_a_policy_survives_the_way_through_a_recipe(policy):
    holder = type(policy)
    assert build(holder, to_mapping(policy), "recipe.yaml") == policy


@pytest.mark.parametrize("policy", [LayerMix(), PixMix(), IPMix()])
def test_a_missing_or_empty_bank_is_named(policy, photographs):
    empty = FractalBank(pixels=np.zeros(1, np.uint8), table=np.zeros((0, 3), np.int64), channels=1)
    with pytest.raises(InputError, match=r"`fractals` must hold at least one picture"):
        augment(photographs, policy, fractals=empty, seed=1)
    with pytest.raises(InputError, match=r"`fractals` must be given"):
        augment(photographs, policy, seed=1)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("policy", "settings", "message"),
    [
        (PixMix, {"rounds": -1}, r"`rounds` must be a whole number in 0..16, got -1"),
        (PixMix, {"rounds": 2.5}, r"`rounds` must be a whole number"),
        (PixMix, {"blending_ratio": 0}, r"`blending_ratio` must be > 0 and finite, got 0"),
        (PixMix, {"severity": 10.5}, r"`severity` must be in 0..10, got 10.5"),
        (PixMix, {"severity": NAN}, r"`severity` must be in 0..10, got nan"),
        (IPMix, {"chains": 0}, r"`chains` must be a whole number in 1..16, got 0"),
        (IPMix, {"depth": True}, r"`depth` must be a whole number"),
        (IPMix, {"blending_ratio": INF}, r"`blending_ratio` must be > 0 and finite, got inf"),
        (IPMix, {"severity": -1}, r"`severity` must be in 0..10, got -1"),
        (IPMix, {"patch_sides": ()}, r"`patch_sides` must be ascending whole numbers from 2, got \(\)"),
        (IPMix, {"patch_sides": (8, 4)}, r"`patch_sides` must be ascending"),
        (IPMix, {"patch_sides": (1, 4)}, r"`patch_sides` must be ascending"),
        (AugMix, {"severity": 11}, r"`severity` must be in 0..10, got 11"),
        (AugMix, {"width": 0}, r"`width` must be a whole number in 1..16, got 0"),
        (AugMix, {"depth": 0}, r"`depth` must be a whole number in 1..16, got 0"),
        (AutoAugment, {"learned_on": "svhn"}, r"`learned_on` must be 'cifar10' or 'imagenet', got 'svhn'"),
        (RandAugment, {"operations": 0}, r"`operations` must be a whole number in 1..16"),
        (RandAugment, {"magnitude": 31}, r"`magnitude` must be a whole number in 0..30, got 31"),
        (RandAugment, {"magnitude": NAN}, r"`magnitude` must be a whole number in 0..30, got nan"),
        (Cutout, {"side": 0}, r"`side` must be a whole number in 1..65535, got 0"),
        (Cutout, {"value": 256}, r"`value` must be a whole number in 0..255, got 256"),
        (RandomErasing, {"probability": 1.5}, r"`probability` must be in 0..1, got 1.5"),
        (RandomErasing, {"probability": NAN}, r"`probability` must be in 0..1, got nan"),
        (RandomErasing, {"scale": (0.5, 0.1)}, r"`scale` must be \(least, most\) in 0..1, got \(0.5, 0.1\)"),
        (RandomErasing, {"ratio": (0.0, 3.0)}, r"`ratio` must be \(least, most\) in 0.001..1000"),
        (RandomErasing, {"scale": (0.1, NAN)}, r"`scale` must be \(least, most\)"),
    ],
)
def test_settings_outside_their_range_are_named(policy, settings, message):
    with pytest.raises(InputError, match=message):
        policy(**settings)


def test_all_policies_of_the_paper_are_there():
    assert set(POLICIES) == {
        "baseline", "layermix", "pixmix", "ipmix", "augmix", "autoaugment", "randaugment", "trivialaugment", "cutout",
        "random_erasing",
    }  # fmt: skip
    assert POLICIES["trivialaugment"] is TrivialAugment
