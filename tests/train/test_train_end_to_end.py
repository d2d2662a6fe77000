"""The real command on a real dataset, through the real loader, into a real checkpoint."""

import hashlib
import json
import re

import pytest
import torch
from run_comparison import assert_same_run

from layermix.errors import InputError
from models import load_checkpoint, load_classifier
from models.checkpoint import LAST_CHECKPOINT
from train.command import main
from train.recipe import RECIPES
from train.record import TIME_FIELDS
from writers.write_dataset import main as write_dataset


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """The LayerMix demo recipe on the 355 digits of the test split, two epochs of five steps."""
    folder = tmp_path_factory.mktemp("sets")
    digits, fractals = str(folder / "digits.beton"), str(folder / "fractals.beton")
    form = ["--format", "beton", "--out"]
    assert write_dataset(["--source", "digits", "--split", "test", *form, digits]) == 0
    assert write_dataset(["--source", "fractals", "--generate", "4", "--short-side", "36", *form, fractals]) == 0
    data = ["--data.train", digits, "--data.test", digits, "--data.fractals", fractals]
    size = ["--model.name", "wrn_10_1", "--model.dropout", "0.3", "--epochs", "2", "--log-every", "2"]
    return ["--config", str(RECIPES / "demo_layermix.yaml"), *data, *size, "--threads", "1"]


@pytest.fixture
def train(flags):
    threads = torch.get_num_threads()
    yield lambda folder, *more: main([*flags, "--out", str(folder), *more])
    torch.set_num_threads(threads)


def log(folder):
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key not in TIME_FIELDS} for record in records]


def test_a_run_from_shards_continues_bit_identically_and_reads_as_it_is_told(train, tmp_path):
    source = ["--source", "digits", "--split", "test", "--format", "webdataset", "--shards", "2"]
    for shard in ("0", "1"):
        assert write_dataset([*source, "--shard-index", shard, "--out", str(tmp_path / "set")]) == 0
    reading = ["--data.train", str(tmp_path / "set"), "--data.order", "shards", "--data.window", "32", "--epochs", "1"]
    whole, paused = tmp_path / "whole", tmp_path / "paused"
    assert train(whole, *reading) == 0
    assert train(paused, *reading, "--max-steps", "2") == 0
    assert train(paused, *reading, "--data.batches-ahead", "5", "--data.no-os-cache") == 0
    assert_same_run(whole, paused)
    with pytest.raises(InputError, match=r"`data.order` must stay shards to continue"):
        train(paused, *reading, "--data.order", "random")


def test_a_run_through_the_real_loader_continues_bit_identically(train, tmp_path):
    whole, paused = tmp_path / "whole", tmp_path / "paused"
    assert train(whole) == 0
    for steps in (3, 5, 8):
        assert train(paused, "--max-steps", str(steps)) == 0
        assert load_checkpoint(paused).step == steps
    assert train(paused) == 0
    expected, continued = load_checkpoint(whole), load_checkpoint(paused)
    assert expected.step == continued.step == 10
    for name, weights in expected.weights.items():
        assert torch.equal(weights, continued.weights[name])
    assert log(whole) == log(paused)
    _, about = load_classifier(whole)
    assert about["classes"] == [str(digit) for digit in range(10)]
    starts = json.loads((paused / "environment.json").read_text())
    assert [len(start["datasets"]["train"]["sha256"]) for start in starts] == [64] * 4
    assert (whole / "curves.png").stat().st_size > 10_000


def test_a_dry_run_tells_what_a_run_takes_and_writes_nothing(train, tmp_path, capsys):
    assert train(tmp_path / "run", "--dry-run", "--epochs", "4", "--evaluate-every", "3") == 0
    plan = capsys.readouterr().out
    assert plan.splitlines()[0] == "measuring 5 steps after 2 others, and one test batch"
    assert "steps    20: 4 epochs of 5" in plan
    assert "samples  1,280 training pictures in batches of 64 over 1 rank(s); 2 tests of 355" in plan
    assert re.search(r"memory +[\d.]+ MiB a rank, estimated: state 0.9 MiB, activations [\d.]+ MiB, batches", plan)
    assert re.search(r"speed +[\d,.]+ img/s at the full size, measured here on 5 steps; \d+% of it waiting", plan)
    assert re.search(r"time +[\d.]+ (s|min) at that rate: training [\d.]+ (s|min), tests", plan)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_finds_weights_that_are_missing(train, tmp_path):
    with pytest.raises(InputError, match=r"or a file, got nowhere.pt, which does not exist"):
        train(tmp_path / "run", "--dry-run", "--weights", "nowhere.pt")


@pytest.mark.parametrize("loss", ["--loss.name=jsd", "--loss.mixing=cutmix"])
def test_losses_of_several_views_and_mixed_pictures_train_through_the_real_loader(train, tmp_path, loss):
    assert train(tmp_path, loss, "--max-steps", "3", "--optimizer.ema-decay", "0.9") == 0
    assert all(record["loss"] > 0 for record in log(tmp_path))


def test_weights_of_an_earlier_run_start_a_new_one_and_are_recorded(train, tmp_path):
    assert train(tmp_path / "first", "--max-steps", "1") == 0
    weights = tmp_path / "first" / LAST_CHECKPOINT
    assert train(tmp_path / "second", "--max-steps", "1", "--weights", str(weights), "--seed", "3") == 0
    (start,) = json.loads((tmp_path / "second" / "environment.json").read_text())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert start["weights"] == {"path": str(weights), "sha256": digest, "new_head": False}
