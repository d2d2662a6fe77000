"""`python -m eval` and `eval.affinity` through the real writer, loader and checkpoint, on pictures of 16 px."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eval.affinity import command as affinity
from eval.command import main
from eval.illustrations import read_illustrations
from eval.record import read_records
from layermix import POLICIES
from models import ModelConfig, build_model, save_checkpoint
from models.checkpoint import Checkpoint
from writers import write_dataset

CLASSES = ("bright", "dark")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder whose checkpoint names a test set of 20 pictures and a bank of fractals."""
    root = tmp_path_factory.mktemp("whole")
    generator = np.random.default_rng(0)
    for index in range(20):
        level = 60 + 120 * (index % 2)
        picture = generator.integers(level - 40, level + 40, (16, 16, 3)).astype(np.uint8)
        path = root / "pictures" / CLASSES[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    write("--source", "folder", "--root", root / "pictures", "--raw", "--out", root / "test.beton")
    write("--source", "fractals", "--generate", "3", "--short-side", "32", "--out", root / "bank.beton")
    config = ModelConfig(name="wrn_10_1", num_classes=2)
    torch.manual_seed(1)  # some random weights get every picture wrong, and then there is no affinity
    data = {"size": 16, "test": str(root / "test.beton"), "fractals": str(root / "bank.beton")}
    checkpoint = Checkpoint(
        model=config,
        weights=build_model(config).state_dict(),
        classes=CLASSES,
        epoch=1,
        step=2,
        config={"data": data, "policy": {"name": "layermix"}},
    )
    save_checkpoint(root / "run" / "checkpoints" / "last.pt", checkpoint)
    return root / "run"


def write(*arguments) -> None:
    assert write_dataset.main([*map(str, arguments), "--format", "beton"]) == 0


def test_one_command_makes_results_and_a_report_with_pictures(run, tmp_path):
    flags = ["--suite", "clean", "pgd", "--pgd-limit", "5", "--grad-cam", "2", "--threads", "1", "--device", "cpu"]
    assert main(["--checkpoint", str(run), "--out", str(tmp_path), *flags]) == 0
    content = json.loads((tmp_path / "results.json").read_text())
    counts = {record["suite"]: record["count"] for record in content["records"] if record["protocol"] == "strict"}
    manifest = json.loads((run.parent / "test.beton.manifest.json").read_text())
    assert counts == {"clean": 20, "pgd": 5}
    assert content["dataset"]["sha256"] == manifest["sha256"]
    assert content["models"][0]["policy"] == "layermix"
    (worst,) = read_illustrations(read_records(tmp_path / "store")[0].folder(tmp_path / "store"))[0].worst
    shown = len(worst.errors) + min(2, len(worst.errors))
    assert (tmp_path / "report.html").read_text().count("<img") == 11 * 5 + shown


def test_the_worst_errors_are_shown_as_they_are_in_the_data_set(run, tmp_path):
    main(["--checkpoint", str(run), "--out", str(tmp_path), "--suite", "clean", "--threads", "1", "--device", "cpu"])
    illustrations, album = read_illustrations(read_records(tmp_path / "store")[0].folder(tmp_path / "store"))
    (worst,) = illustrations.worst
    files = sorted((run.parent / "pictures").rglob("*.png"))
    assert worst.errors
    for error in worst.errors:
        path = files[error.sample_id]
        assert error.label == path.parent.name != error.said
        with Image.open(path) as source, Image.open(io.BytesIO(album.files[error.picture])) as shown:
            np.testing.assert_array_equal(np.asarray(shown), np.asarray(source))


def test_fourier_runs_on_a_real_data_set(run, tmp_path):
    flags = ["--suite", "fourier", "--fourier-samples", "6", "--fourier-grid", "3", "--worst-errors", "0"]
    assert main(["--checkpoint", str(run), "--out", str(tmp_path), *flags, "--threads", "1", "--device", "cpu"]) == 0
    records = json.loads((tmp_path / "results.json").read_text())["records"]
    assert [(record["metric"], record["count"]) for record in records] == [("mean_error", 30), ("largest_error", 6)]
    assert "3 by 3 frequencies on 6 pictures, waves of norm 2" in (tmp_path / "report.html").read_text()


def test_one_command_measures_every_policy(run, tmp_path):
    flags = ["--epochs", "1", "--threads", "1", "--device", "cpu"]
    assert affinity.main(["--checkpoint", str(run), "--out", str(tmp_path), *flags]) == 0
    content = json.loads((tmp_path / "affinity.json").read_text())
    found = {record["name"]: record for record in content["policies"]}
    assert list(found) == list(POLICIES)
    assert found["baseline"]["affinity"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert content["dataset"]["count"] == 20
    assert "trained with layermix" in content["notes"][0]
