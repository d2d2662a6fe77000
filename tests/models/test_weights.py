"""Initial weights: what fits is loaded, what does not is named, and nothing of a file is run."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from layermix.errors import InputError
from models import Checkpoint, ModelConfig, build_model, load_initial_weights, save_checkpoint
from models.blur_pool import BlurConv2d


def classifier(weights: object = "none", *, name: str = "wrn_10_1", num_classes: int = 3, seed: int = 0, **settings):
    torch.manual_seed(seed)
    return build_model(ModelConfig(name=name, num_classes=num_classes, weights=str(weights), **settings))


@pytest.fixture
def source():
    """A network with weights that no other has."""
    return classifier(seed=1).network


def assert_same_weights(network, expected) -> None:
    for name, value in network.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_no_weights_leave_the_drawn_ones():
    model = classifier()
    assert load_initial_weights(model) is None
    assert_same_weights(model, classifier().state_dict())


@pytest.mark.parametrize("prefix", ["", "module.", "network.", "module.network.", "_orig_mod.module."])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_load_from_both_formats_and_without_the_prefixes_of_wrappers(tmp_path, source, prefix, suffix):
    path = tmp_path / f"weights{suffix}"
    weights = {prefix + name: value for name, value in source.state_dict().items()}
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    model = classifier(path)
    origin = load_initial_weights(model)
    assert_same_weights(model.network, source.state_dict())
    assert origin is not None
    assert (origin.path, origin.new_head) == (path, False)
    assert origin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_load_from_a_checkpoint_of_this_program_and_of_others(tmp_path):
    trained = classifier(seed=1)
    ours, theirs, old = tmp_path / "ours.pt", tmp_path / "theirs.pth", tmp_path / "old.pth"
    weights = trained.state_dict()
    save_checkpoint(ours, Checkpoint(model=trained.config, weights=weights, classes=("a", "b", "c"), epoch=1, step=2))
    torch.save({"epoch": 3, "state_dict": weights}, theirs)
    torch.save(weights, old, _use_new_zipfile_serialization=False)
    for path in (ours, theirs, old):
        model = classifier(path)
        load_initial_weights(model)
        assert_same_weights(model, weights)


def test_a_head_for_other_classes_is_replaced_and_the_rest_loaded(tmp_path, source):
    torch.save(source.state_dict(), tmp_path / "w.pt")
    model, drawn = classifier(tmp_path / "w.pt", num_classes=5), classifier(num_classes=5)
    origin = load_initial_weights(model)
    assert origin is not None
    assert origin.new_head
    assert_same_weights(model.network, source.state_dict() | drawn.network.head.state_dict(prefix="head."))


def test_counters_of_batch_norms_may_be_missing(tmp_path, source):
    weights = {name: value for name, value in source.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "w.pt")
    model = classifier(tmp_path / "w.pt")
    load_initial_weights(model)
    assert torch.equal(model.network.stem.weight, source.stem.weight)


def spoilt(name, value):
    def spoil(weights):
        weights.pop(name, None)
        return weights if value is None else weights | {name: value}

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoilt("stem.weight", None), "is not of the network wrn_10_1: the file lacks stem.weight (1 such names)"),
        (spoilt("more", torch.zeros(1)), "the file adds more (1 such names)"),
        (spoilt("stem.weight", torch.zeros(2)), "stem.weight has shape (2,), not (16, 3, 3, 3)"),
        (spoilt("head.weight", torch.zeros(3, 5)), "head.weight has shape (3, 5), not (3, 64)"),
        (lambda weights: {}, "holds no state dict"),
        (lambda weights: [1, 2], "holds no state dict"),
        (lambda weights: weights | {"epoch": 3}, "holds no state dict"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_leave_the_classifier_alone(tmp_path, source, spoil, message):
    torch.save(spoil(source.state_dict()), tmp_path / "w.pt")
    model = classifier(tmp_path / "w.pt")
    with pytest.raises(InputError, match="w.pt: .*" + re.escape(message)):
        load_initial_weights(model)
    assert_same_weights(model, classifier().state_dict())


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", bytes(100)])
def test_a_file_of_another_kind_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: is (damaged|no torch file)"):
        load_initial_weights(classifier(tmp_path / name))


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("touched-by-a-pickle"),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_would_run_code_is_refused_unrun(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Hostile()}, "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"w.pt: .* could run code; give --weights a .safetensors"):
        load_initial_weights(classifier("w.pt"))
    assert not Path("touched-by-a-pickle").exists()


def test_a_missing_file_is_named_with_the_known_names():
    with pytest.raises(
        InputError, match=r"`weights` must be none, IMAGENET1K_V1, IMAGENET1K_V2 or a file, got nowhere"
    ):
        load_initial_weights(classifier("nowhere.pt"))


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch hub cache."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


@pytest.mark.parametrize(
    ("name", "file"), [("IMAGENET1K_V1", "resnet50-0676ba61.pth"), ("IMAGENET1K_V2", "resnet50-11ad3fa6.pth")]
)
def test_without_a_network_the_place_and_name_of_the_file_are_told(hub, monkeypatch, name, file):
    def refuse(*arguments, **settings):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    message = f"`weights` {name} cannot be downloaded .no route to host.; fetch https://.*{file} .* at {hub / file}, or"
    with pytest.raises(InputError, match=message):
        load_initial_weights(classifier(name, name="resnet50"))


def test_torchvisions_file_is_taken_from_the_cache_without_a_download(hub, monkeypatch):
    monkeypatch.setattr(torch.hub, "download_url_to_file", None)
    hub.mkdir(parents=True)
    original = classifier(name="resnet50", num_classes=1000, seed=1).network.state_dict()
    torch.save(original, hub / "resnet50-0676ba61.pth")
    model = classifier("IMAGENET1K_V1", name="resnet50", num_classes=200)
    origin = load_initial_weights(model)
    assert origin is not None
    assert origin.new_head
    assert torch.equal(model.network.layer4[2].conv3.weight, original["layer4.2.conv3.weight"])
    assert model.network.fc.weight.shape == (200, 2048)


def test_torchvisions_weights_are_refused_for_another_network():
    with pytest.raises(InputError, match="`weights` IMAGENET1K_V1 are of resnet50, not of wrn_10_1"):
        classifier("IMAGENET1K_V1")


def test_a_network_with_blur_pool_takes_the_weights_of_one_without(tmp_path):
    original = classifier(name="resnet18_cifar", seed=1)
    torch.save(original.state_dict(), tmp_path / "w.pt")
    model = classifier(tmp_path / "w.pt", name="resnet18_cifar", blur_pool=True)
    load_initial_weights(model)
    assert_same_weights(model, original.state_dict())
    pixels = torch.rand(2, 3, 16, 16)
    assert not torch.allclose(model.eval()(pixels), original.eval()(pixels))


def test_blur_pool_smooths_by_the_binomial_filter_before_every_strided_convolution():
    model = classifier(name="resnet50", blur_pool=True)
    strided = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d) and max(m.stride) > 1]
    assert [m.in_channels for m in strided if not isinstance(m, BlurConv2d)] == [3], "the stem sees pixels"
    assert len(strided) == 7
    layer = BlurConv2d.like(torch.nn.Conv2d(1, 1, 1, bias=False))
    torch.nn.init.ones_(layer.weight)
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 16
    expected = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert torch.equal(layer(impulse)[0, 0, 1:4, 1:4], expected)
