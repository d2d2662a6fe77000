"""Every benchmark runs, in a tiny form, and writes what the README's table is made from."""

import json

import pytest

from benchmarks import corruptions, engine, evaluation_rate, loader, profiles, rivals, start, writer
from layermix.policies import POLICIES


def test_the_engine_benchmark_measures_policies_operations_and_blends(tmp_path, monkeypatch):
    # Without the optional libraries, whose imports may warn.
    monkeypatch.setattr(rivals, "LIBRARIES", {"torchvision": rivals.LIBRARIES["torchvision"]})
    out, plot = tmp_path / "engine.json", tmp_path / "engine.png"
    flags = ["--sizes", "32", "--pictures", "2", "--repeats", "1", "--out", str(out), "--plot", str(plot)]
    assert engine.main(flags) == 0
    rows = json.loads(out.read_text())["results"]["32 px"]
    assert rows["layermix 8m-3"]["times_faster"] > 0
    assert {"rotate", "equalize", "geometric", *POLICIES} - {"layermix"} <= rows.keys()
    assert rows["rotate"]["torchvision_us"] > 0
    assert rows["rotate"]["kernel_us"] > 0 < rows["geometric"]["kernel_us"]
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_library_that_is_missing_is_named_and_left_out(monkeypatch):
    monkeypatch.setattr(rivals, "LIBRARIES", {"no-such-library": None})
    assert rivals.rivals() == ({}, {"no-such-library": "not installed"})


def test_the_loader_benchmark_runs(tmp_path, monkeypatch):
    # Without stock ffcv, whose loader changes Numba's array types for the whole test process.
    for name in ("stock_ffcv", "stock_ffcv_small"):
        monkeypatch.setattr(loader, name, lambda *arguments: lambda: None)
    out, plot = tmp_path / "loader.json", tmp_path / "loader.png"
    flags = ["--size", "32", "--pictures", "6", "--repeats", "1", "--threads", "1", "--out", str(out)]
    flags += ["--folder-pictures", "2", "--small-pictures", "20", "--plot", str(plot)]
    assert loader.main(flags) == 0
    rows = json.loads(out.read_text())["results"]["1 threads"]
    ours = {
        "layermix",
        "ours, no mixing",
        "layermix, raw pixels",
        "layermix, yuv",
        loader.DALI,
        loader.DALI_PLAIN,
        loader.DALI_SHARDS,
        loader.SMALL,
    }
    assert set(rows) == ours | {loader.STOCK, loader.FOLDER, loader.SMALL_STOCK}
    assert plot.stat().st_size > 0


def test_the_writer_benchmark_runs(tmp_path, monkeypatch):
    # Without stock ffcv's processes and without the forks that memory is measured in.
    monkeypatch.setattr(writer, "stock", lambda *arguments: lambda: None)
    monkeypatch.setattr(writer, "peak_memory", lambda *arguments: {})
    out = tmp_path / "writer.json"
    assert writer.main(["--small", "20", "--large", "2", "--kept", "3", "--repeats", "1", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["results"]["32 px raw"]["ours"]["images_per_second"] > 0
    assert report["kept_jpegs"]["tfrecord, --check header"]["against_copy"] > 0


STARTS = [
    "first batch, layermix",
    "first batch, dali: layermix",
    "first batch, stock ffcv, no mixing",
    "50 pictures written",
]


@pytest.mark.parametrize("program", [STARTS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in STARTS[1:])])
def test_the_benchmark_of_starts_times_fresh_processes(program, tmp_path):
    assert set(start.PROGRAMS) == set(STARTS)
    data, bank = loader.data_and_bank(tmp_path, loader.Arguments(pictures=64))
    arguments = start.Arguments(programs=(program,), repeats=1)
    assert start.measure(arguments, data, bank, tmp_path)[program]["seconds"] > 0


def test_the_evaluation_rate_benchmark_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)  # those of other tests
    out = tmp_path / "rate.json"
    assert evaluation_rate.main(["--pictures", "6", "--batch-size", "4", "--rounds", "1", "--out", str(out)]) == 0
    found = json.loads(out.read_text())["results"]
    assert found["share_of_forward"] > 0
    assert found["images_per_second"].keys() == {"forward", "evaluation", "host alone"}


def test_the_corruptions_benchmark_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(corruptions, "SEVERITIES", (3,))
    out = tmp_path / "corruptions.json"
    assert corruptions.main(["--side", "32", "--rounds", "1", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["cbar_imagenet"]["ratio_by_name"].keys() == set(corruptions.corruption_names("imagenet-cbar"))
    assert report["c_large"]["ratio"] > 0


def test_the_benchmark_of_profiles_asks_every_backend(tmp_path):
    out, root = tmp_path / "profiles.json", tmp_path / "pictures"
    profiles._fill(root, None, 3)
    flags = ["--root", str(root), "--count", "40", "--batch-size", "4", "--threads", "1", "--samples", "4"]
    assert profiles.main([*flags, "--repeats", "1", "--out", str(out), "--plots", str(tmp_path)]) == 0
    results = json.loads(out.read_text())["results"]
    assert list(results) == ["ffcv", "dali-cpu", "torch"]
    for backend, found in results.items():
        assert "-bound: " in found["diagnosis"]
        assert found["forecast_error"]["1"] > -1
        assert "/" not in found["data"]
        assert (tmp_path / f"profile-{backend}.png").exists()
