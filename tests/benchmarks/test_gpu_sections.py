"""The sections of the GPU suite measure on a CPU in their tiny form, and fail or skip with a reason."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import cifar, corrupted, determinism, evaluation, marked_tests, profile, rates, training
from benchmarks.gpu.form import FORMS
from benchmarks.gpu.inputs import make_inputs
from layermix import InputError


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("inputs"), FORMS["tiny"]).folder


@pytest.fixture
def flags(inputs, tmp_path):
    return [
        "--inputs",
        str(inputs),
        "--form",
        "tiny",
        "--device",
        "cpu",
        "--threads",
        "1",
        "--out",
        f"{tmp_path}/o.json",
    ]


def measured(flags):
    return json.loads(Path(flags[-1]).read_text())


def test_training_from_ffcv_and_dali_is_set_against_a_resident_batch(flags):
    assert training.main(flags) == 0
    found = measured(flags)
    assert found["results"].keys() | found["skipped"].keys() == {"resident batch", "ffcv", "dali, decode cpu"}
    assert found["results"]["resident batch"]["against_resident_batch"] == 1
    assert found["results"]["ffcv"]["images_per_second"] > 0 <= found["results"]["ffcv"]["wait_ms_p50"]


def test_a_loader_that_is_not_installed_is_skipped_with_its_reason(flags, monkeypatch):
    def build_loader(config):
        if config.data.suffix != ".beton":
            raise InputError("this format needs DALI, which is not installed")
        return built(config)

    built = training.build_loader
    monkeypatch.setattr(training, "build_loader", build_loader)
    assert training.main(flags) == 0
    assert measured(flags)["skipped"] == {"dali, decode cpu": "this format needs DALI, which is not installed"}
    assert measured(flags)["results"].keys() == {"resident batch", "ffcv"}


def test_whole_epochs_of_cifar_are_timed_from_both_loaders(flags):
    assert cifar.main(flags) == 0
    found = measured(flags)
    assert found["steps_per_epoch"] == 3
    for row in found["results"].values():
        assert row["epoch_seconds"] == pytest.approx(48 / row["images_per_second"], abs=1e-3)


def test_an_evaluation_is_set_against_its_forward_pass(flags, monkeypatch):
    monkeypatch.setattr(rates, "_PASSES", 1)
    assert evaluation.main(flags) == 0
    rows = measured(flags)["results"]
    assert rows.keys() == {f"wrn_10_1, 32 px, {name}" for name in ("bfloat16", "float32")}
    assert all(row["share_of_forward"] > 0 for row in rows.values())


def test_the_time_of_all_of_cifars_corruptions_is_reckoned_from_the_rates_of_both_layouts(flags, monkeypatch):
    monkeypatch.setattr(rates, "_PASSES", 1)
    assert corrupted.main(flags) == 0
    found = measured(flags)
    assert found["whole"]["C"] == 25 * 50_000
    assert found["whole"]["P"] > 2_500_000
    for precision in ("bfloat16", "float32"):
        pictures, frames = (found["results"][f"{layout}, {precision}, 250"]["images_per_second"] for layout in "CP")
        seconds = found["whole"]["C"] / pictures + found["whole"]["P"] / frames
        assert found["results"][f"all, {precision}, 250"]["whole_minutes"] == pytest.approx(seconds / 60, rel=1e-2)
    assert found["results"]["planar memory, float32"]["forward_images_per_second"] > 0


def test_every_backend_is_profiled_with_its_forecast(flags):
    pytest.importorskip("nvidia.dali")
    assert profile.main(flags) == 0
    rows = measured(flags)["results"]
    assert rows.keys() == {"ffcv", "dali-cpu"}
    for row in rows.values():
        assert row["forecast_error"] == pytest.approx(row["forecast"] / row["images_per_second"] - 1, abs=1e-2)
        assert {"read, us", "mix, us", "batch assembly, us"} <= row.keys()


@pytest.fixture
def free_algorithms():
    """Undo what deterministic training sets for the process."""
    yield
    torch.use_deterministic_algorithms(False)


def test_a_difference_of_pixels_fails_the_section_and_equal_ones_pass(flags, free_algorithms, monkeypatch):
    assert determinism.main(flags) == 0
    assert list(measured(flags)["equal"].values()) == [True] * 5
    found = iter("abcdefgh")
    monkeypatch.setattr(determinism, "pixels_of", lambda config: next(found))
    monkeypatch.setattr(determinism, "weights_of", lambda config, device: "equal")
    assert determinism.main(flags) == 1
    assert list(measured(flags)["equal"].values()) == [False] * 3 + [True] * 2


def test_outcomes_of_the_marked_tests_are_counted_with_their_reasons(tmp_path):
    text = "import pytest\npytestmark = pytest.mark.gpu\ndef test_a(): pass\ndef test_b(): assert 0\n"
    text += "@pytest.mark.skip(reason='no such card')\ndef test_c(): pass\n"
    (tmp_path / "test_three.py").write_text(text)
    code, found = marked_tests.run_tests(
        (f"--rootdir={marked_tests.ROOT}", f"-c{marked_tests.ROOT}/pyproject.toml", str(tmp_path))
    )
    assert code == 1
    assert found["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert sorted(reason.partition(":")[0] for reason in found["not_passed"].values()) == ["failed", "skipped"]
    assert any("no such card" in reason for reason in found["not_passed"].values())
