"""`python -m eval.report` over several stores: one report, and no number whose origin is unclear."""

import csv
import json
import re

import numpy as np
import pytest
import torch

from eval import command
from eval.record import read_records
from eval.report.command import main as report
from layermix.errors import InputError

HALF = 40 / 255
"""Half of what lies between the classes."""


@pytest.fixture
def measure(tmp_path, monkeypatch, new_pictures, new_subject, new_classifier):
    """Runs `python -m eval` on models of these names: `measure("out", {"a": 0.0}, "--suite", "clean")`.

    Their numbers are added to the brightness that they see: 0 makes no mistake, HALF about one in three.
    """
    monkeypatch.chdir(tmp_path)
    moments = iter(range(100))

    def shifted(shift: float):
        classifier = new_classifier()
        torch.nn.init.constant_(classifier.norm.bias, shift)
        return classifier

    def run(out: str, models: dict[str, float], *flags: str, pictures: int = 30) -> None:
        subjects = [new_subject(name, shifted(shift)) for name, shift in models.items()]
        monkeypatch.setattr(command, "load_subjects", lambda paths, device: subjects)
        test_set = new_pictures(pictures)
        test_set.manifest.sha256 = f"{pictures:064d}"
        monkeypatch.setattr(command, "LoaderPictures", lambda config: test_set)
        monkeypatch.setattr(command, "datetime", Clock(next(moments)))
        flags = flags or ("--suite", "clean")
        arguments = ["--checkpoint", *models, "--data", "t.beton", "--out", out, "--device", "cpu"]
        assert command.main([*arguments, "--regenerate", "--corruptions", "contrast", *flags]) == 0

    return run


class Clock:
    """Stands for `datetime`: one second later in every run."""

    def __init__(self, second: int):
        self.second = second

    def now(self, zone):
        return self

    def strftime(self, form: str) -> str:
        return f"2025-01-01 00:00:{self.second:02d} UTC"


def results(folder) -> dict:
    return json.loads((folder / "results.json").read_text())


def numbers(content: dict) -> dict:
    return {
        tuple(row[key] for key in ("model", "suite", "cell", "metric", "protocol")): row["value"]
        for row in content["records"]
    }


def test_models_of_two_stores_stand_in_one_report_with_the_numbers_of_each(measure, tmp_path):
    measure("one", {"a": 0.0}, "--suite", "clean", "c", "calibration")
    measure("two", {"b": HALF}, "--suite", "clean", "c", "calibration")
    assert report(["one", "two/store", "--out", "both"]) == 0
    both = results(tmp_path / "both")
    assert [model["name"] for model in both["models"]] == ["a", "b"]
    assert numbers(both) == numbers(results(tmp_path / "one")) | numbers(results(tmp_path / "two"))
    assert [origin["created"][-6:-4] for origin in both["origins"]] == ["00", "01"]
    assert both["notes"] == []


def test_differences_between_stores_are_those_of_one_run_with_both_models(measure, tmp_path):
    flags = ("--suite", "clean", "c", "pgd", "--pgd-limit", "20")
    models = {"a": 0.0, "b": HALF}
    measure("together", models, *flags)
    for name, shift in models.items():
        measure(name, {name: shift}, *flags)
    report(["a", "b", "--out", "merged"])
    merged, together = ((tmp_path / name / "tables.csv").read_text() for name in ("merged", "together"))
    assert merged == together
    differences = [row for row in csv.DictReader(merged.splitlines()) if row["table"].endswith("-differences")]
    assert {row["model"] for row in differences} == {"b"}
    assert any(float(row["low"]) < float(row["value"]) < float(row["high"]) for row in differences)


def test_models_come_in_the_order_of_the_stores_not_of_their_age(measure, tmp_path):
    measure("old", {"a": 0.0})
    measure("new", {"b": HALF})
    report(["new", "old", "--out", "both"])
    assert [model["name"] for model in results(tmp_path / "both")["models"]] == ["b", "a"]


def test_of_a_number_that_two_stores_have_the_newer_is_shown_and_named(measure, tmp_path):
    measure("whole", {"a": 0.0}, "--suite", "clean", "pgd", "--pgd-limit", "30")
    measure("part", {"a": 0.0}, "--suite", "pgd", "--pgd-limit", "4")
    for order in (["whole", "part"], ["part", "whole"]):
        report([*order, "--out", "both"])
        both = results(tmp_path / "both")
        counts = {row["suite"]: row["count"] for row in both["records"]}
        assert counts == {"clean": 30, "pgd": 4}
        places = "whole/store (2025-01-01 00:00:00 UTC) and in part/store (2025-01-01 00:00:01 UTC)"
        assert f"2 numbers of a are in {places}: the newer ones are shown." in both["notes"]


def test_every_store_s_frequencies_are_drawn_those_of_one_square_side_by_side(measure, tmp_path):
    for out, samples, grid in (("a", "9", "3"), ("b", "9", "3"), ("c", "8", "3"), ("d", "9", "5")):
        flags = ("--suite", "fourier", "--fourier-samples", samples, "--fourier-grid", grid)
        measure(out, {out: 0.0}, *flags)
    report([*"abd", "--out", "alike"])
    report([*"abcd", "--out", "unlike"])
    titles = {
        out: re.findall(r"<h3>(.*)</h3>", (tmp_path / out / "report.html").read_text().partition("Fourier sens")[2])[:4]
        for out in ("alike", "unlike")
    }
    assert titles["alike"][:3] == ["a", "b", "d"]
    assert titles["unlike"] == ["a, 9 pictures", "b, 9 pictures", "c, 8 pictures", "d"]


def test_models_of_one_name_and_other_weights_are_told_apart(measure, tmp_path):
    measure("one", {"run": 0.0})
    measure("two", {"run": HALF})
    report(["one", "two", "--out", "both"])
    models = results(tmp_path / "both")["models"]
    assert [model["name"] for model in models] == [f"run ({model['weights'][:8]})" for model in models]
    assert models[0]["weights"] != models[1]["weights"]


def test_other_test_sets_are_refused_before_anything_is_written(measure, tmp_path):
    measure("one", {"a": 0.0})
    measure("two", {"b": 0.0}, pictures=27)
    with pytest.raises(InputError, match=r"one/store .* and two/store .* must be of one test set, got sha256 0+30 and"):
        report(["one", "two", "--out", "both"])
    assert not (tmp_path / "both").exists()


def test_pictures_that_only_some_models_met_are_noted(measure, tmp_path):
    measure("one", {"a": 0.0}, "--suite", "c", "--seed", "0")
    measure("two", {"b": 0.0}, "--suite", "c", "--seed", "1")
    report(["one", "two", "--out", "both"])
    (note,) = results(tmp_path / "both")["notes"]
    assert "in 5 cells, of which the first is c/contrast/1" in note


def test_every_evaluation_of_a_store_is_taken_where_asked_for(measure, tmp_path):
    measure("out", {"a": 0.0}, "--suite", "clean")
    measure("out", {"a": 0.0}, "--suite", "pgd")
    report(["out"])
    assert {row["suite"] for row in results(tmp_path / "out")["records"]} == {"pgd"}
    report(["out", "--every"])
    assert {row["suite"] for row in results(tmp_path / "out")["records"]} == {"clean", "pgd"}


def test_a_record_without_versions_is_read_and_keeps_its_name(measure, tmp_path):
    measure("out", {"a": 0.0})
    (path,) = (tmp_path / "out" / "store" / "evaluations").glob("*.json")
    values = json.loads(path.read_text())
    assert values.pop("versions")["numpy"] == np.__version__
    path.write_text(json.dumps(values))
    (record,) = read_records(tmp_path / "out" / "store")
    assert record.folder(tmp_path / "out" / "store") == path.with_suffix("")
    report(["out"])
    assert results(tmp_path / "out")["origins"][0]["versions"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "STORES is empty"),
        (["one", "two"], "--out must say where the report of 2 stores goes"),
        (["one", "one/store", "--out", "both"], "STORES must be different, got one/store, one/store"),
        (["one", "--against", "x"], "--against must be one of the models, a; got 'x'"),
        (["one", "--paper-table", "III"], "--paper-table III is of cifar-10 with 10 classes, the test set has 3"),
    ],
)
def test_bad_arguments_are_refused_with_the_next_step(arguments, message, measure):
    measure("one", {"a": 0.0})
    measure("two", {"b": 0.0})
    with pytest.raises(InputError, match=message):
        report(arguments)
