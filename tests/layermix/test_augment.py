"""`augment` is a pure function of pixels, policy, fractals, seed, epoch, sample id and view."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from layermix import POLICIES, Baseline, FractalBank, InputError, LayerMix, augment

POLICY = LayerMix()
PICTURE = np.zeros((32, 32, 3), np.uint8)
EMPTY_BANK = FractalBank(pixels=np.zeros(1, np.uint8), table=np.zeros((0, 3), np.int64), channels=1)


def test_pixels_do_not_depend_on_the_thread_count(photographs, fractals):
    one = augment(photographs, POLICY, fractals=fractals, seed=1)
    for threads in (2, 3, 8, 100):
        assert np.array_equal(augment(photographs, POLICY, fractals=fractals, seed=1, threads=threads), one)


def test_threads_beyond_the_pictures_take_no_memory(photographs, fractals):
    augment(photographs[:2], POLICY, fractals=fractals, seed=1)
    tracemalloc.start()
    try:
        augment(photographs[:2], POLICY, fractals=fractals, seed=1, threads=4096)
        assert tracemalloc.get_traced_memory()[1] < 4096 * photographs[0].nbytes
    finally:
        tracemalloc.stop()


def test_pixels_do_not_depend_on_the_batch_a_picture_comes_in(photographs, fractals):
    ids = np.random.default_rng(0).integers(0, 2**48, len(photographs))
    whole = augment(photographs, POLICY, fractals=fractals, seed=1, sample_ids=ids)
    order = np.random.default_rng(1).permutation(len(photographs))
    shuffled = augment(photographs[order], POLICY, fractals=fractals, seed=1, sample_ids=ids[order])
    assert np.array_equal(shuffled, whole[order])
    for n in (0, 17, 59):
        alone = augment(photographs[n : n + 1], POLICY, fractals=fractals, seed=1, sample_ids=ids[n : n + 1])
        assert np.array_equal(alone[0], whole[n])


def test_array_and_bank_give_the_same_pixels(photographs, fractals, bank):
    assert np.array_equal(
        augment(photographs, POLICY, fractals=fractals, seed=1), augment(photographs, POLICY, fractals=bank, seed=1)
    )


@pytest.mark.parametrize("change", [{"seed": 2}, {"epoch": 1}, {"view": 1}])
def test_another_seed_epoch_or_view_gives_other_pixels(change, photographs, fractals):
    base = augment(photographs, POLICY, fractals=fractals, seed=1)
    other = augment(photographs, POLICY, fractals=fractals, **({"seed": 1} | change))
    assert (base != other).any(axis=(1, 2, 3)).mean() > 0.9


def test_the_source_is_left_alone_and_out_is_returned(photographs, fractals):
    before, out = photographs.copy(), np.empty_like(photographs)
    assert augment(photographs, POLICY, fractals=fractals, seed=1, out=out) is out
    assert np.array_equal(photographs, before)


def test_read_only_and_strided_pictures_are_accepted(photographs, fractals):
    expected = augment(photographs, POLICY, fractals=fractals, seed=1)
    frozen = photographs.copy()
    frozen.flags.writeable = False
    assert np.array_equal(augment(frozen, POLICY, fractals=fractals, seed=1), expected)
    planes = np.ascontiguousarray(photographs.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert np.array_equal(augment(planes, POLICY, fractals=fractals, seed=1), expected)


def test_no_pictures_give_no_pictures(photographs, fractals):
    assert augment(photographs[:0], POLICY, fractals=fractals, seed=1).shape == (0, 32, 32, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 32, 32, 3))}, r"`images` must be uint8, got float64"),
        ({"images": np.zeros((32, 32, 3), np.uint8)}, r"`images` must have shape \(N, H, W, 3\), got \(32, 32, 3\)"),
        ({"images": np.zeros((2, 3, 32, 32), np.uint8)}, r"`images` must have shape"),
        ({"images": np.zeros((2, 0, 32, 3), np.uint8)}, r"`images` must have shape"),
        ({"images": np.zeros((2, 64, 64, 3), np.uint8)}, r"`fractals` must be at least as large .* 64 x 64"),
        ({"fractals": None}, r"`fractals` must be given: the policy 'layermix'"),
        ({"seed": -1}, r"`seed` must be a whole number in 0..18446744073709551615, got -1"),
        ({"images": [PICTURE, PICTURE[:, :9]]}, r"`images` must be pictures of one size, got several sizes"),
        ({"images": [PICTURE, "photo.jpg"]}, r"`images` must be"),
        ({"fractals": [PICTURE, PICTURE[:9]]}, r"`fractals` must be pictures of one size, got several sizes"),
        ({"fractals": np.zeros((3, 40, 40))}, r"`fractals` must be uint8, got float64"),
        ({"fractals": np.zeros((0, 40, 40), np.uint8)}, r"`fractals` must hold at least one pixel, got \(0, 40, 40\)"),
        ({"fractals": np.zeros((3, 40, 40, 4), np.uint8)}, r"`fractals` must have shape \(M, h, w\) or"),
        ({"fractals": EMPTY_BANK}, r"`fractals` must hold at least one picture, got none"),
        ({"seed": 2**64}, r"`seed` must be a whole number in"),
        ({"seed": 1.5}, r"`seed` must be a whole number in .*, got 1.5"),
        ({"seed": "7"}, r"`seed` must be a whole number in .*, got '7'"),
        ({"epoch": 2**32}, r"`epoch` must be a whole number in 0..4294967295"),
        ({"epoch": float("nan")}, r"`epoch` must be a whole number in .*, got nan"),
        ({"view": 70000}, r"`view` must be a whole number in 0..65535, got 70000"),
        ({"threads": 0}, r"`threads` must be a whole number in 1..4096, got 0"),
        ({"threads": 2.5}, r"`threads` must be a whole number in 1..4096, got 2.5"),
        ({"sample_ids": [1]}, r"`sample_ids` must have one id a picture, shape \(2,\), got \(1,\)"),
        ({"sample_ids": [1, -2]}, r"`sample_ids` must be in 0..281474976710655, got -2"),
        ({"sample_ids": [1, 2**48]}, r"`sample_ids` must be in 0..281474976710655, got 281474976710656"),
        ({"sample_ids": np.array([0, 2**63], np.uint64)}, r"`sample_ids` must be in .*, got 9223372036854775808"),
        ({"sample_ids": [1.5, 2]}, r"`sample_ids` must be integers"),
        ({"out": np.zeros((2, 32, 32, 3))}, r"`out` must be a uint8 array of shape"),
        ({"out": np.zeros((2, 3, 32, 32), np.uint8).transpose(0, 2, 3, 1)}, r"`out` must be C-contiguous"),
        ({"out": np.zeros((4, 32, 32, 3), np.uint8)[::2]}, r"`out` must be C-contiguous"),
        ({"fractals": "bank.beton"}, r"`fractals` must be pictures, got the path bank.beton; pass FractalBank.open"),
        ({"policy": LayerMix}, r"`policy` must be a policy such as LayerMix\(\), got the class LayerMix"),
        ({"policy": "layermix"}, r"`policy` must be a policy such as LayerMix\(\), got 'layermix'"),
        ({"out": "images"}, r"`out` must not overlap `images`"),
    ],
)
def test_bad_arguments_are_named_with_rule_and_value(change, message, fractals):
    arguments = {"images": np.zeros((2, 32, 32, 3), np.uint8), "policy": POLICY, "fractals": fractals, "seed": 1}
    arguments |= change
    images = arguments.pop("images")
    if isinstance(arguments.get("out"), str):
        arguments["out"] = images
    with pytest.raises(InputError, match=message):
        augment(images, **arguments)


def _settings():
    """(policy, field, bad value) for every number, flag, or tuple that a policy can be given."""
    for policy in POLICIES.values():
        for field in dataclasses.fields(policy):
            if type(field.default) in (int, float, tuple) and field.default != ():
                for bad in (float("nan"), float("inf"), -1.0, "3"):
                    value = (bad, *field.default[1:]) if isinstance(field.default, tuple) else bad
                    yield pytest.param(policy, field.name, value, id=f"{policy.name} {field.name} {bad}")
            if type(field.default) in (float, bool) or field.name == "patch_sides":
                for bad in (10**400, [None], object()):
                    yield pytest.param(policy, field.name, bad, id=f"{policy.name} {field.name} {type(bad).__name__}")


@pytest.mark.parametrize(("policy", "name", "value"), list(_settings()))
def test_policies_refuse_what_is_no_finite_number_in_range(policy, name, value):
    with pytest.raises(InputError, match=f"`{name}` must"):
        policy(**{name: value})


def test_a_policy_without_fractals_needs_none(photographs):
    assert np.array_equal(augment(photographs, Baseline(), seed=1), photographs)


def test_layermix_imports_numpy_and_numba_alone():
    import subprocess
    import sys

    heavy = "{'torch', 'ffcv', 'nvidia', 'cv2', 'PIL', 'sklearn', 'matplotlib'}"
    code = f"import layermix, sys; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_from_array_and_augment_accept_colour_fractals(photographs):
    colour = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    mixed = augment(photographs, LayerMix(step=3), fractals=FractalBank.from_array(colour), seed=1)
    assert mixed.shape == photographs.shape
