"""A step: mixing is a function of (seed, step, batch), the average follows its formula, overflows are counted."""

import os
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from waiting import NoWaiting

from layermix.errors import InputError
from pipelines import Batch
from train.config import LossConfig
from train.meter import Meter
from train.mixing import make_batch_mixing
from train.precision import Precision
from train.state import initial_state
from train.step import StepResult, TrainStep


def a_batch(first_id: int = 0, views: int | None = None) -> Batch:
    generator = torch.Generator().manual_seed(7)
    shape = (4, 3, 8, 8) if views is None else (4, views, 3, 8, 8)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    ids = torch.arange(first_id, first_id + 4)
    return Batch(images, torch.tensor([0, 1, 2, 1]), ids, torch.ones(4, dtype=torch.bool))


@pytest.fixture
def mixing(tiny_config):
    """Makes the mixing of a loss, for a seed."""

    def make(kind: str, seed: int = 0):
        return make_batch_mixing(replace(tiny_config(seed=seed), loss=LossConfig(mixing=kind)))

    return make


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixing_is_a_function_of_seed_step_and_batch_and_leaves_the_generators_alone(mixing, kind):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    images, labels = mixing(kind)(a_batch(), 5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again = mixing(kind)(a_batch(), 5)
    assert torch.equal(images, again[0])
    assert torch.equal(labels, again[1])
    for other in (mixing(kind, seed=1)(a_batch(), 5), mixing(kind)(a_batch(), 6), mixing(kind)(a_batch(100), 5)):
        assert not torch.equal(labels, other[1])


@pytest.mark.parametrize("step", range(5))
def test_mixup_takes_one_share_of_each_picture_and_label_and_the_rest_of_its_neighbour(mixing, step):
    batch = a_batch()
    images, labels = mixing("mixup")(batch, step)
    assert (images.dtype, labels.dtype) == (torch.float32, torch.float32)
    assert torch.allclose(labels.sum(1), torch.ones(4))
    share = labels[0, 0].item()  # sample 0 is the only one of class 0 in its pair
    pixels = batch.images.float() / 255
    torch.testing.assert_close(images, share * pixels + (1 - share) * pixels.roll(1, 0))


@pytest.mark.parametrize("step", range(5))
def test_cutmix_takes_each_pixel_from_one_of_a_pair_and_labels_by_the_area(mixing, step):
    batch = a_batch()
    images, labels = mixing("cutmix")(batch, step)
    own, other = (images == batch.images).all(1), (images == batch.images.roll(1, 0)).all(1)
    assert images.dtype == torch.uint8
    assert (own | other).all()
    assert labels[0, 0].item() == pytest.approx(own[0].float().mean().item())


@pytest.mark.parametrize("kind", ["none", "mixup", "cutmix"])
def test_mixed_pictures_stay_channels_last(mixing, kind):
    batch = a_batch()
    batch = batch._replace(images=batch.images.contiguous(memory_format=torch.channels_last))
    assert mixing(kind)(batch, 0)[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["cross_entropy", "jsd"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_and_what_the_meter_notes_of_it_fetch_nothing_from_the_device(tiny_config, monkeypatch, name, precision):
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: tensor.sum().item())  # else it is not dispatched
    config = replace(tiny_config(precision=precision), loss=LossConfig(name=name, label_smoothing=0.1))
    state, meter, step = initial_state(config), Meter(2), TrainStep(config, lambda step: 0.1)
    batch = a_batch(views=3 if name == "jsd" else None)
    with NoWaiting():
        for number in range(3):
            with meter.computing():
                meter.add(number, step(state, batch), batch.sample_ids)
    with pytest.raises(AssertionError, match="waits for the device"), NoWaiting():
        meter.settle()


class NoCopying(TorchDispatchMode):
    """Fails where values go between the CPU and the device "meta", which computes nothing and stands for a GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, result)) if isinstance(leaf, torch.Tensor)]
        copied = {tensor.device.type for tensor in tensors if "copy" in str(func)}
        assert len(copied) < 2, f"{func} waits for the device"
        return result


class NoAutocast(Precision):
    """Autocast knows no device "meta"."""

    def autocast(self):
        return nullcontext()


@pytest.mark.parametrize("mixing", ["none", "mixup", "cutmix"])
def test_a_step_moves_nothing_between_host_and_device(tiny_config, mixing):
    config = tiny_config()
    optimizer = replace(config.optimizer, ema_decay=0.9)
    config = replace(config, optimizer=optimizer, loss=LossConfig(mixing=mixing, label_smoothing=0.1))
    state = initial_state(config)
    assert state.ema is not None
    for model in (state.model, state.ema):
        model.to("meta")
    state.precision = NoAutocast(torch.device("meta"), torch.float32)
    batch, step = a_batch(), TrainStep(config, lambda step: 0.1)
    batch = batch._replace(images=batch.images.to("meta"), labels=batch.labels.to("meta"))
    with NoCopying():
        assert [step(state, batch).loss.device.type for _ in range(3)] == ["meta"] * 3
    with pytest.raises(AssertionError, match="waits for the device"), NoCopying():
        batch.sample_ids.to("meta")


def test_mixing_leaves_the_generators_of_gpus_alone(mixing, monkeypatch):
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("seeds dropout too"))
    for kind in ("mixup", "cutmix"):
        mixing(kind)(a_batch(), 5)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # torch's own, at the first call
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("options", [{}, {"mixing": "mixup"}, {"mixing": "cutmix"}, {"name": "jsd"}])
def test_a_step_on_a_gpu_never_waits_for_it(tiny_config, precision, options):
    config = tiny_config(device="cuda", precision=precision)
    optimizer = replace(config.optimizer, ema_decay=0.9)
    config = replace(config, optimizer=optimizer, loss=LossConfig(**options))
    state, step = initial_state(config), TrainStep(config, lambda step: 0.1)
    meter = Meter(2, device=state.precision.device)
    batch = a_batch(views=3 if "name" in options else None)
    batch = batch._replace(images=batch.images.cuda(), labels=batch.labels.cuda())
    step(state, batch)  # allocates momentum and chooses algorithms
    try:
        torch.cuda.set_sync_debug_mode("error")
        for number in range(3):
            with meter.computing():
                meter.add(number, step(state, batch), batch.sample_ids)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    meter.settle()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # inductor's own
def test_a_compiled_network_learns_as_the_plain_one_and_its_weights_keep_their_names(tiny_config):
    config = tiny_config()
    config = replace(config, model=replace(config.model, dropout=0.0))
    plain, fast = initial_state(config), initial_state(replace(config, run=replace(config.run, compile="default")))
    for _ in range(3):
        losses = [TrainStep(config, lambda step: 0.1)(state, a_batch()).loss for state in (plain, fast)]
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-4)
    assert fast.model.state_dict().keys() == plain.model.state_dict().keys()
    for name, value in plain.model.state_dict().items():
        torch.testing.assert_close(value, fast.model.state_dict()[name], rtol=1e-3, atol=1e-3)


def test_deterministic_runs_allow_only_algorithms_that_give_equal_bits(tiny_config, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    try:
        initial_state(tiny_config(deterministic=True))
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8", "a choice of the user stands"
    finally:
        torch.use_deterministic_algorithms(False)


def test_three_views_go_through_the_network_as_one_batch(tiny_config):
    config = replace(tiny_config(), loss=LossConfig(name="jsd"))
    state = initial_state(config)
    seen = []
    state.forward.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    result = TrainStep(config, lambda step: 0.1)(state, a_batch(views=3))
    assert seen == [(12, 3, 8, 8)]
    assert result.loss.isfinite()
    assert not result.skipped


def test_the_moving_average_follows_its_formula_and_the_model_does_not_see_it(tiny_config):
    config = tiny_config()
    averaged = replace(config, optimizer=replace(config.optimizer, ema_decay=0.75))
    state, plain = initial_state(averaged), initial_state(config)
    step = TrainStep(averaged, lambda step: 0.1)
    assert state.ema is not None
    expected = None
    for number in range(4):
        for each in (state, plain):
            torch.manual_seed(number)
            step(each, a_batch())
        weights = state.model.network.head.weight.detach().clone()
        expected = weights if expected is None else 0.75 * expected + 0.25 * weights
        torch.testing.assert_close(state.ema.network.head.weight, expected)
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value, state.model.state_dict()[name])


def test_a_step_whose_gradients_overflow_is_skipped_and_told(tiny_config):
    config = tiny_config()
    state = initial_state(config)
    state.scaler = Precision(torch.device("cpu"), torch.float16).grad_scaler()
    before = state.model.network.head.weight.detach().clone()
    handle = state.model.network.head.weight.register_hook(lambda gradient: gradient * float("inf"))
    step = TrainStep(config, lambda step: 0.1)
    assert step(state, a_batch()).skipped
    assert torch.equal(state.model.network.head.weight, before)
    handle.remove()
    assert not step(state, a_batch()).skipped
    assert not torch.equal(state.model.network.head.weight, before)


def told(meter: Meter, *skips: bool) -> None:
    for number, skipped in enumerate(skips, 1):
        meter.add(number, StepResult(torch.tensor(1.0), torch.tensor(skipped)), torch.arange(4))


def test_skipped_steps_are_counted_over_the_run_and_capped_in_a_row():
    meter = Meter(2)
    told(meter, True, True, False, True)
    assert meter.summary()["skipped_steps"] == 3
    continued = Meter(2)
    continued.load_state_dict(meter.state_dict())
    told(continued, True, True)
    with pytest.raises(InputError, match=r"`max_skipped_steps` is 2, but 3 steps in a row up to step 2 were skipped"):
        continued.settle()
