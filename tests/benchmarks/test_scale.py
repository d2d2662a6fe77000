"""The cost model follows from the results that are committed, and its simulations behave."""

import numpy as np
import pytest

from benchmarks import scale, shuffling, stragglers


def test_the_page_is_what_the_results_give():
    assert scale.OUT.read_text() == scale.render(scale.read_measured()), "run python -m benchmarks.scale"


def test_twice_the_gpus_take_half_the_hours_and_a_slower_store_takes_more_cores():
    measured = scale.Measured(
        (scale.Store("JPEG", 1000.0, 54e3), scale.Store("raw", 2000.0, 5e5)), 250.0, "", 2000.0, ""
    )
    rows = [line.split(" | ") for line in scale.training_table(measured)[2:]]
    assert [row[3] for row in rows[:4]] == ["2.0", "1.0", "16.0", "8.0"]
    assert [row[1] for row in rows[:3:2]] == ["16.0 h", "2.0 h"]


def test_a_measured_gpu_takes_the_place_of_the_published_one(tmp_path):
    assert scale._gpu(tmp_path / "none.json") == (scale.PUBLISHED_RATE, scale.PUBLISHED_NAME)
    path = tmp_path / "gpu_run.json"
    path.write_text('{"gpu": "H200", "resident_images_per_second": 4000.0}')
    assert scale._gpu(path) == (4000.0, "H200, measured at 4,000 img/s")


@pytest.mark.parametrize("ranks", [1, 4])
def test_shards_are_permuted_and_the_whole_set_in_the_buffer_mixes_as_independent_draws(ranks):
    order = shuffling.shards_order(19968, shards=16, window=19968, ranks=ranks, batch=64)
    assert np.array_equal(np.sort(order), np.arange(19968))
    found = shuffling.measure(order, classes=100, batch=64)
    assert found["classes"] == pytest.approx(shuffling.expected_classes(100, 64), rel=0.02)
    assert found["meetings"] == pytest.approx(1, abs=0.3)
    assert found["correlation"] < 0.05


def test_a_larger_buffer_never_mixes_worse():
    counts = [
        shuffling.measure(shuffling.shards_order(20000, shards=16, window=window, batch=64), classes=100, batch=64)[
            "classes"
        ]
        for window in (1, 256, 4096)
    ]
    assert counts == sorted(counts)


def test_the_order_of_the_file_is_as_bad_as_can_be():
    found = shuffling.measure(np.arange(12800), classes=10, batch=128)
    assert found == {"classes": 1.0, "meetings": pytest.approx(100, rel=0.02), "correlation": pytest.approx(1)}


def test_a_loader_with_steady_batches_keeps_the_gpus_busy(monkeypatch):
    monkeypatch.setattr(stragglers, "SPREAD", 0.0)
    monkeypatch.setattr(stragglers, "SLOW_SHARE", 0.0)
    assert stragglers.busy_share(ranks=4, headroom=1.25, ahead=3) == pytest.approx(1, abs=0.001)
    assert stragglers.busy_share(ranks=4, headroom=0.5, ahead=3) == pytest.approx(0.5, abs=0.001)


def test_more_ranks_wait_more_and_more_batches_ahead_wait_less():
    few, many = (stragglers.busy_share(ranks=ranks, headroom=1.2, ahead=3) for ranks in (1, 64))
    assert many < few
    assert stragglers.busy_share(ranks=64, headroom=1.2, ahead=32) > many
