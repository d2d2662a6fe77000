"""`curves.png` shows the log, and an unfinished or empty log does no harm."""

import json

import cv2
import pytest

from train.curves import Curves, draw_curves


def a_log(folder, *, epochs: int, ema: bool = False, tested: bool = True):
    records = []
    for epoch in range(1, epochs + 1):
        for step in range(10 * epoch - 9, 10 * epoch + 1, 3):
            times = {"images_per_second": 100.0 * epoch, "wait_share": 0.1}
            records.append({"kind": "train", "step": step, "epoch": epoch, "lr": 0.1, "loss": 1 / step, **times})
        kinds = (["evaluation"] if tested else []) + (["ema_evaluation"] if ema else [])
        records += [{"kind": kind, "step": 10 * epoch, "epoch": epoch, "error": 0.5, "loss": 1.0} for kind in kinds]
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(record) + "\n" for record in records))
    return log


@pytest.mark.parametrize("settings", [{"epochs": 1, "tested": False}, {"epochs": 3}, {"epochs": 3, "ema": True}])
def test_a_log_becomes_a_picture(tmp_path, settings):
    draw_curves(a_log(tmp_path, **settings))
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture is not None
    assert picture.shape == (840, 1320, 3)
    assert picture.std() > 5


def test_a_run_without_a_record_draws_nothing(tmp_path):
    draw_curves(tmp_path / "log.jsonl")
    (tmp_path / "log.jsonl").write_text("")
    draw_curves(tmp_path / "log.jsonl")
    assert not (tmp_path / "curves.png").exists()


def test_curves_are_drawn_after_a_test_and_at_the_end_but_not_more_often_than_asked(tmp_path):
    picture, log = tmp_path / "curves.png", a_log(tmp_path, epochs=2)
    often, seldom = Curves(log, seconds=0), Curves(log, seconds=3600)
    often.show("train", {})
    seldom.show("evaluation", {})
    assert not picture.exists()
    often.show("evaluation", {})
    assert picture.exists()
    picture.unlink()
    with seldom:
        pass
    assert picture.exists()
