"""Forecast, roofline and diagnosis of made-up measurements."""

from dataclasses import replace

import pytest
from rich.console import Console

from pipelines.profile.diagnosis import diagnose
from pipelines.profile.forecast import forecast, forecast_error, roofline
from pipelines.profile.measurements import REST, Device, Disk, InPlace, Profile, Spread
from pipelines.profile.show import print_profile

STAGES = {"read": 10.0, "decode": 500.0, "crop, resize, flip": 240.0, "mix": 250.0}


def exactly(value):
    return Spread(median=value, least=value, most=value)


def profile_of(stages, rate=2000.0, threads=2, **changes):
    """A profile at one number of threads whose stages cost so many microseconds."""
    place = InPlace(images_per_second=exactly(rate), cpu_ms=exactly(1.0), minor_faults=0, major_faults=0, memory=1)
    made = Profile(
        data="in.beton",
        backend="ffcv",
        size=224,
        samples=64,
        cores=2,
        short_side=400,
        stages={threads: {name: exactly(cost) for name, cost in stages.items()}},
        in_place={threads: place},
        device=Device(name="CPU"),
        gpu_rate=10000.0,
        gpu_rate_source="made up",
    )
    return replace(made, **changes)


def test_the_forecast_is_what_threads_give_that_do_the_stages_one_after_the_other():
    profile = profile_of(STAGES, rate=1900.0)
    assert forecast(profile, 2) == pytest.approx(2 / 1000e-6)
    assert forecast_error(profile, 2) == pytest.approx(2000 / 1900 - 1)


GRAPH = {"read": 10.0, "draw": 30.0, "decode": 500.0, "mix": 300.0}


def test_threads_caller_and_device_work_at_a_time_so_the_slowest_sets_the_rate():
    host = {"read": "caller", "draw": "caller"}
    on_gpu = profile_of(GRAPH, done_by={**host, "decode": "device", "mix": "device"}, cores=8)
    assert forecast(on_gpu, 2) == pytest.approx(1e6 / 800)
    slow_host = replace(on_gpu, stages={2: {**on_gpu.stages[2], "read": exactly(2000.0)}})
    assert forecast(slow_host, 2) == pytest.approx(1e6 / 2030)
    on_cpu = profile_of(GRAPH, done_by=host, cores=8)
    assert forecast(on_cpu, 2) == pytest.approx(1e6 / 400)


def test_a_caller_that_has_no_core_of_its_own_takes_from_the_threads():
    profile = profile_of(GRAPH, done_by={"read": "caller", "draw": "caller"}, cores=2)
    assert forecast(profile, 2) == pytest.approx(1e6 / (400 + 20))


def test_the_diagnosis_names_the_largest_stage_the_cores_and_the_change_that_saves_most():
    said = diagnose(profile_of(STAGES))
    assert said.startswith("decode-bound: the GPU eats 10,000 img/s (made up); 10 cores of this kind fill it")
    assert "a .beton without decoding" in said
    assert said.endswith("needs 5 (saves 0.50 ms a picture).")
    without_decode = diagnose(profile_of({"read": 10.0, "crop, resize, flip": 240.0, "mix": 250.0}, rate=4000.0))
    assert without_decode.startswith("mix-bound")
    assert "mixing on the GPU needs 3" in without_decode


ON_GPU = {"read": "caller", "draw": "caller", "decode": "device", "mix": "device"}


def test_of_a_graph_on_the_gpu_the_diagnosis_says_what_gpu_and_host_allow():
    on_gpu = profile_of(GRAPH, rate=1200.0, done_by=ON_GPU)
    said = diagnose(on_gpu)
    assert said.startswith("decode-bound: the GPU eats 10,000 img/s (made up); decoding to mixing on it allow 1,250")
    assert said.endswith("short side 400 -> 256 allows 1,981.")
    assert "cores" not in said
    slow_host = replace(on_gpu, stages={2: {**on_gpu.stages[2], "read": exactly(900.0)}})
    assert diagnose(slow_host).startswith("read-bound")
    assert "the host 1,075; reading and drawing are one thread's" in diagnose(slow_host)


def test_the_table_says_who_does_a_stage_and_why_a_part_was_not_measured(capsys):
    print_profile(profile_of(GRAPH, done_by=ON_GPU), Console(width=160))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["decode", "device", "500", "(500", "to", "500)"] in rows
    assert ["all", "caller", "40"] in rows
    assert ["all", "device", "800"] in rows
    assert ["copy", "from", "the", "host", "no", "GPU"] in rows


def test_a_loader_that_outruns_the_gpu_needs_fewer_threads():
    said = diagnose(profile_of(STAGES, rate=4000.0, threads=4, gpu_rate=1000.0))
    assert said.startswith("GPU-bound")
    assert "4.0 times that with 4 threads; 1 is enough" in said


def test_a_slow_bus_and_a_slow_disk_are_named():
    slow_bus = profile_of(STAGES, device=Device(name="GPU", copy_us=1000.0))
    assert diagnose(slow_bus).startswith("bus-bound")
    slow_disk = profile_of(STAGES, disk=Disk(bytes_per_image=1e5, cached_share=0.0, warm=1e10, cold=1e7))
    assert "The disk, when cold, gives 100 img/s." in diagnose(slow_disk)


def test_no_roof_is_made_of_what_was_not_measured():
    roofs = roofline(profile_of(STAGES))
    assert not {"bus", "normalisation", "disk, cold", "disk, warm cache"} & roofs.keys()
    assert roofs["decode"] == pytest.approx(2e6 / 500)


def test_waits_of_the_threads_are_in_the_forecast_and_bound_nothing():
    profile = profile_of({**STAGES, REST: 1000.0}, rate=900.0)
    assert forecast(profile, 2) == pytest.approx(2 / 2000e-6)
    assert REST not in roofline(profile)
    assert diagnose(profile).startswith("decode-bound")
