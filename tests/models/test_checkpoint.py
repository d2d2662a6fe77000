"""A checkpoint comes back whole, or its defect is named."""

import pickle
import subprocess
from pathlib import Path

import pytest
import torch

from layermix.errors import InputError
from layermix.files import atomic_file
from models import Checkpoint, ModelConfig, build_model, load_checkpoint, load_classifier, save_checkpoint
from models.checkpoint import LAST_CHECKPOINT, DamagedCheckpointError, digest_path, load_weights

CONFIG = ModelConfig(name="wrn_10_1", num_classes=3, mean=(0.1, 0.2, 0.3))


@pytest.fixture
def run_folder(tmp_path):
    torch.manual_seed(0)
    model = build_model(CONFIG)
    checkpoint = Checkpoint(
        model=CONFIG,
        weights=model.state_dict(),
        classes=("ant", "bee", "cat"),
        epoch=2,
        step=14,
        config={"run": {"epochs": 5}},
        training={"losses": [0.1, 2.5], "generator": torch.get_rng_state()},
    )
    save_checkpoint(tmp_path / LAST_CHECKPOINT, checkpoint)
    return tmp_path


def test_a_classifier_comes_back_with_its_logits_and_facts(run_folder):
    torch.manual_seed(0)
    original = build_model(CONFIG).eval()
    classifier, about = load_classifier(run_folder)
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(classifier(pixels), original(pixels))
    assert not classifier.training
    assert classifier.config == CONFIG
    assert about["model"]["name"] == "wrn_10_1"
    assert about["classes"] == ["ant", "bee", "cat"]
    assert (about["epoch"], about["step"], about["config"]) == (2, 14, {"run": {"epochs": 5}})


def test_a_run_folder_and_its_checkpoint_file_load_alike(run_folder):
    by_folder, by_file = load_checkpoint(run_folder), load_checkpoint(run_folder / LAST_CHECKPOINT)
    assert by_folder.step == by_file.step == 14
    assert by_folder.training["losses"] == [0.1, 2.5]
    assert torch.equal(by_folder.training["generator"], by_file.training["generator"])


def test_nothing_but_the_checkpoint_and_its_sha256_is_left_in_its_folder(run_folder):
    assert sorted(path.name for path in (run_folder / "checkpoints").iterdir()) == ["last.pt", "last.pt.sha256"]


def test_the_sha256_beside_a_checkpoint_is_what_sha256sum_reads(run_folder):
    command = ["sha256sum", "--check", "--strict", "last.pt.sha256"]
    subprocess.run(command, cwd=run_folder / "checkpoints", check=True, capture_output=True)


def test_a_failed_write_leaves_the_former_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"former")

    def fail_midway():
        with atomic_file(path) as file:
            file.write(b"half")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail_midway()
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(InputError, match=r"file/last.pt: cannot be written"),
        atomic_file(tmp_path / "file" / "last.pt"),
    ):
        pass


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.pt: no such checkpoint"):
        load_checkpoint(tmp_path / "nowhere.pt")
    with pytest.raises(InputError, match=r"holds no checkpoints/last.pt; give a folder"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("content", [b"", b"P", b"hello", pickle.dumps({"weights": 1})])
def test_a_file_of_another_kind_is_named(tmp_path, content):
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"last.pt: is not a checkpoint"):
        load_checkpoint(path)


def test_a_torch_file_of_another_program_is_named(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="is a torch file but not a checkpoint of this program"):
        load_checkpoint(tmp_path / "last.pt")


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_named(run_folder, share):
    path = run_folder / LAST_CHECKPOINT
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"last.pt: the checkpoint is damaged or cut off"):
        load_classifier(run_folder)


@pytest.mark.parametrize(("beside", "reason"), [(True, "its sha256 differs"), (False, "checksum of")])
def test_a_flipped_bit_in_the_weights_is_found(run_folder, beside, reason):
    path = run_folder / LAST_CHECKPOINT
    damaged = bytearray(path.read_bytes())
    start = damaged.index(load_checkpoint(path).weights["network.head.weight"].numpy().tobytes())
    damaged[start] ^= 1
    path.write_bytes(damaged)
    if not beside:
        digest_path(path).unlink()
    with pytest.raises(DamagedCheckpointError, match=rf"damaged or cut off .{reason}"):
        load_classifier(run_folder)


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("touched-by-a-pickle"),)


def test_a_checkpoint_that_would_run_code_is_refused_unrun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": "layermix.checkpoint", "weights": Hostile()}, "last.pt")
    with pytest.raises(InputError, match="holds more than tensors and plain values"):
        load_checkpoint(Path("last.pt"))
    assert not Path("touched-by-a-pickle").exists()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            ModelConfig(name="wrn_16_1", num_classes=3),
            "another model: name wrn_10_1 in the checkpoint, wrn_16_1 here",
        ),
        (ModelConfig(name="wrn_10_1", num_classes=4), "num_classes 3 in the checkpoint, 4 here"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_naming_what_differs(run_folder, other, message):
    with pytest.raises(InputError, match=message):
        load_weights(build_model(other), load_checkpoint(run_folder), run_folder)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("network.head.bias", None, "the file lacks network.head.bias"),
        ("network.more", torch.zeros(1), "the file adds network.more"),
        ("network.head.bias", torch.zeros(4), r"network.head.bias has shape \(4,\), not \(3,\)"),
    ],
)
def test_weights_that_do_not_fit_are_named(run_folder, name, tensor, message):
    checkpoint = load_checkpoint(run_folder)
    checkpoint.weights.pop(name, None)
    if tensor is not None:
        checkpoint.weights[name] = tensor
    with pytest.raises(InputError, match=message):
        load_weights(build_model(CONFIG), checkpoint, run_folder)
