"""The report and `results.json`: complete, self-contained, and no number without what it covers."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from eval.bootstrap import Resampling, compare, replicate
from eval.gallery import STAGES
from eval.illustrations import Album, AugmentationRow, Illustrations, WorstError, WorstErrors
from eval.problems import Problem
from eval.report import render_report, report_figures
from eval.report.figures import reliability_curves
from eval.report.tables import report_tables
from eval.results import Evaluation, Origin, write_results
from eval.suites import SuiteOptions
from eval.tables import Measured, headline_numbers
from layermix.errors import InputError

ORIGIN = Origin(
    evaluation="0" * 16,
    created="2025-01-02 03:04:05 UTC",
    configuration={"suites": ["clean"], "pgd_limit": 12, "device": "cpu", "precision": "float32"},
    versions={"torch": "2.10.0"},
)
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and keeps its tags, attributes and text; fails on tags that do not match."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def measured(new_subject, new_classifier, new_pictures, evaluated):
    """An evaluation of two models on every suite with two corruptions, its tables and figures."""
    subjects = [new_subject("plain <b>", new_classifier(10.0)), new_subject("sharp", new_classifier(90.0))]
    options = SuiteOptions(
        corruptions=("contrast", "gaussian_noise"), pgd_limit=12, fourier_samples=20, regenerate=True
    )
    names = ("clean", "calibration", "c", "pgd", "fourier")
    plan, found = evaluated(subjects, new_pictures(120), names, options)
    suites = plan.suites
    evaluation = Evaluation(
        models=[model_facts(subject.name) for subject in subjects],
        dataset={"name": "test", "path": "test.beton", "sha256": "5" * 64, "count": 120, "classes": ["a", "b", "c"]},
        measurements={name: [m for suite in suites for m in suite.measure(cells)] for name, cells in found.items()},
        origins=[ORIGIN],
    )
    resampling = Resampling(replicates=40)
    replicates = {name: replicate(suites, cells, resampling) for name, cells in found.items()}
    tables = report_tables(evaluation, compare(evaluation.measurements, replicates))
    return evaluation, tables, report_figures(evaluation, dict.fromkeys(found, suites), found, "sharp")


def model_facts(name: str) -> dict:
    facts = {"path": "runs/x", "sha256": "a" * 64, "network": "tiny", "parameters": 7, "policy": "layermix"}
    return {"name": name, "epoch": 3, "step": 1200, "config": {}, **facts}


def tables_of(evaluation: Evaluation):
    return report_tables(evaluation, compare(evaluation.measurements, {name: {} for name in evaluation.measurements}))


NONE = (Illustrations(missing="none"), Album())


def render(measured, illustrated) -> str:
    return render_report(*measured, *illustrated)


@pytest.fixture
def gallery() -> tuple[Illustrations, Album]:
    pictures = np.arange(5 * 8 * 8 * 3, dtype=np.uint32).reshape(5, 8, 8, 3).astype(np.uint8)
    album = Album()
    row = AugmentationRow(operation="shear_x", pictures=tuple(album.add(picture) for picture in pictures))
    error = WorstError(sample_id=7, label="<cat>", said="dog", confidence=0.987, picture=row.pictures[0])
    worst = WorstErrors(model="sharp", cell="c/jpeg_compression/3", mistakes=12, count=120, errors=(error,))
    return Illustrations(augmentations=(row,), worst=(worst,)), album


@pytest.fixture
def page(measured, gallery) -> Page:
    return Page(render(measured, gallery))


def test_the_page_asks_nothing_of_the_network(measured, gallery):
    html = render(measured, gallery)
    page = Page(html)
    addresses = [a[key] for _, a in page.tags for key in ("src", "href", "xlink:href", "srcset") if key in a]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert "url(" not in html
    assert "@import" not in html


def test_every_model_and_headline_number_is_shown(page, measured):
    keys = {number.key for number in headline_numbers(Measured.of(measured[0].measurements))}
    for model, found in measured[0].measurements.items():
        assert model in page.text
        for measurement in found:
            if measurement.key in keys:
                assert f"{100 * measurement.value:.1f}" in page.text


def test_names_are_text_not_markup(page):
    assert "plain <b>" in page.text
    assert not page.all("b")


def test_every_picture_and_plot_has_words_for_those_who_do_not_see_it(page):
    images = page.all("img")
    assert [image["alt"] for image in images] == ["<cat>, taken for dog", *(f"shear x: {stage}" for stage in STAGES)]
    plots = [a for a in page.all("svg") if a.get("role") == "img"]
    assert len(plots) == 2 + 2 + 4 + 3  # two corruptions; heat map; diagrams of two models; frequencies; scales
    assert all(len(plot["aria-label"]) > 30 for plot in plots)


def test_corrupted_sets_are_called_regenerated_and_counted(page):
    assert "Corrupted pictures are regenerated" in page.text
    assert "2 of CIFAR-C's 15 corruptions, 5 severities" in page.text


def test_the_attack_states_how_many_pictures_it_covers(page):
    assert "Attacked: 12 pictures spread over the set" in page.text


def test_light_dark_print_and_narrow_styles_are_there(measured, gallery):
    html = render(measured, gallery)
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 30rem", 'name="viewport"'):
        assert rule in html


def test_a_missing_gallery_says_why(measured):
    page = Page(render(measured, (Illustrations(missing="no fractals were given"), Album())))
    assert "No gallery: no fractals were given." in page.text
    assert not page.all("img")


def test_one_suite_alone_makes_a_page_of_its_own_numbers(measured):
    evaluation = measured[0]
    for suite in ("clean", "calibration", "c", "pgd"):
        only = {name: [m for m in found if m.suite == suite] for name, found in evaluation.measurements.items()}
        part = Evaluation(
            models=evaluation.models,
            dataset=evaluation.dataset,
            measurements=only,
            origins=[ORIGIN],
        )
        page = Page(render_report(part, tables_of(part), report_figures(part, {}, {}, "sharp"), *NONE))
        assert ("PGD is L∞" in page.text) == (suite == "pgd")
        assert ("RMS calibration error sorts" in page.text) == (suite == "calibration")
        assert ("mCE is the plain mean" in page.text) == (suite == "c")


def test_curves_cover_every_sample_in_bins_of_at_least_25(new_subject, new_pictures, evaluated):
    options = SuiteOptions(corruptions=("contrast", "gaussian_noise"), regenerate=True)
    _, found = evaluated([new_subject()], new_pictures(120), ("clean", "c"), options)
    for curves in map(reliability_curves, found.values()):
        assert {name: int(curve.count.sum()) for name, curve in curves.items()} == {"clean": 120, "corrupted": 1200}
        assert curves["clean"].count.min() >= 25
        assert len(curves["corrupted"].count) == 15


def test_worst_errors_say_what_the_picture_is_and_what_it_was_taken_for(page):
    text = " ".join(page.text.split())
    assert "Jpeg compression, severity 3" in text
    assert "sharp12 mistakes on 120 pictures" in text
    assert "is <cat>said dog 98.7%number 7" in text


class TestResults:
    def test_a_record_holds_all_that_is_needed_to_use_its_number(self, measured, tmp_path):
        write_results(tmp_path / "results.json", measured[0])
        content = json.loads((tmp_path / "results.json").read_text())
        assert content["unit"] == "fraction"
        assert content["dataset"]["sha256"] == "5" * 64
        (origin,) = content["origins"]
        assert origin["versions"] == {"torch": "2.10.0"}
        assert origin["configuration"]["pgd_limit"] == 12
        assert content["created"] == origin["created"]
        (mce,) = [r for r in content["records"] if r["model"] == "sharp" and r["metric"] == "mce"]
        assert (mce["suite"], mce["cell"], mce["protocol"]) == ("c", "c", "strict")
        assert (mce["count"], mce["regenerated"]) == (1200, True)
        assert 0 <= mce["interval"][0] <= mce["value"] <= mce["interval"][1] <= 1

    def test_every_measurement_is_a_record_and_keys_are_unique(self, measured):
        records = measured[0].records()
        keys = {(r["model"], r["suite"], r["cell"], r["metric"], r["protocol"]) for r in records}
        assert len(keys) == len(records) == sum(len(found) for found in measured[0].measurements.values())

    def test_nothing_half_written_is_left(self, measured, tmp_path):
        write_results(tmp_path / "out" / "results.json", measured[0])
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.json"]

    def test_a_folder_that_cannot_be_written_is_named(self, measured, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=r"file/results\.json: cannot be written"):
            write_results(tmp_path / "file" / "results.json", measured[0])


def test_the_page_calls_pictures_regenerated_only_where_they_are_and_lists_what_is_missing(measured):
    evaluation, tables, figures = measured
    released = {
        model: [replace(found, regenerated=False) for found in row] for model, row in evaluation.measurements.items()
    }
    problem = Problem(what="p", reason="<CIFAR-10-P> is not there", missing=True)
    page = render_report(replace(evaluation, measurements=released, problems=[problem]), tables, figures, *NONE)
    assert "regenerated" not in page
    assert "Missing" in page
    assert "&lt;CIFAR-10-P&gt; is not there" in page
    assert "regenerated" in render_report(evaluation, tables, figures, *NONE)


def test_the_page_says_which_clean_pictures_the_paper_left_out_only_where_it_did(measured):
    evaluation, *rest = measured
    assert "left out the last batch" not in render_report(evaluation, *rest, *NONE)
    error = next(
        found for found in evaluation.measurements["sharp"] if found.key[:3] == ("clean", "clean", "top1_error")
    )
    paper = replace(error, protocol="paper", detail="96 of 120 pictures")
    part = replace(evaluation, measurements={"sharp": [*evaluation.measurements["sharp"], paper]})
    page = Page(render_report(part, tables_of(part), rest[1], *NONE))
    assert "left out the last batch of 32 where it was not full: 96 of 120 pictures" in page.text
    assert "top-1 error paper" in page.text


def test_the_page_names_the_software_that_measured_not_that_of_the_rebuild(measured):
    evaluation, *rest = measured
    assert "torch 2.10.0" in render_report(evaluation, *rest, *NONE)
    old = replace(evaluation, origins=[replace(ORIGIN, versions={})])
    assert "not recorded" in render_report(old, *rest, *NONE)
