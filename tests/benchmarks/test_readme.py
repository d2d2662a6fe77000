"""The README's tables are those of the result files, and nothing else of it changes."""

import json

import pytest

from benchmarks import evaluations, loader, readme, readme_results
from layermix import InputError

TEXT = "before\n<!-- results -->\nold\n<!-- /results -->\nbetween\n<!-- promises -->\n<!-- /promises -->\nafter\n"


def test_every_figure_follows_its_file():
    results = readme.read_results()
    results["loader"]["results"]["1 threads"]["layermix"]["against_stock_ffcv"] = 12.25
    results["chaos"] = {"full disk": {"named error, resumed to the same bytes": 1234, "another outcome": 5}}
    text = readme.refreshed(TEXT, results)
    assert "| 12.25 / " in text
    assert "| all of 1,234 full disks |" in text
    assert "SIGKILL" not in text


def test_text_outside_the_markers_stays_and_a_second_time_changes_nothing():
    once = readme.refreshed(TEXT, readme.read_results())
    assert once.startswith("before\n<!-- results -->\n| what | result | command |\n")
    assert once.endswith("<!-- /promises -->\nafter\n")
    assert "\n<!-- /results -->\nbetween\n<!-- promises -->\n" in once
    assert "old" not in once
    assert readme.refreshed(once, readme.read_results()) == once


def test_a_row_without_its_file_is_left_out_and_the_file_is_named():
    results = {name: content for name, content in readme.read_results().items() if name != "engine"}
    assert "engine" in readme.missing(results)
    text = readme.refreshed(TEXT, results)
    assert "float tensors" not in text
    assert "stock FFCV" in text


@pytest.mark.parametrize("marker", ["<!-- results -->\n", "<!-- /results -->", "<!-- /promises -->"])
@pytest.mark.parametrize("instead", ["", "{0}{0}"])
def test_a_marker_that_is_missing_or_there_twice_is_named(marker, instead):
    with pytest.raises(InputError, match=r"README.md must hold <!-- \w+ --> and then <!-- /\w+ -->, once"):
        readme.refreshed(TEXT.replace(marker, instead.format(marker)), {})


def test_rows_of_the_loader_come_as_they_were_measured():
    rates = {readme_results.OURS: 100, readme_results.DALI: 106, readme_results.SMALL: 30}
    rates |= {readme_results.SMALL_STOCK: 20, "layermix, yuv": 1, "layermix, raw pixels": 1}
    rows = {name: {"images_per_second": rate, "against_stock_ffcv": 1.0} for name, rate in rates.items()}
    assert rates.keys() >= {loader.DALI, loader.SMALL, loader.SMALL_STOCK}
    text = readme.refreshed(TEXT, {"loader": {"size": 224, "results": {"1 threads": rows}}})
    assert "raw pictures of 32 px, 1 thread | 1.50 times |" in text
    assert "DALI's graph with LayerMix against this FFCV graph, 1 thread | 1.06 times |" in text


def record(model, suite, cell, metric, value, protocol="strict"):
    key = {"model": model, "suite": suite, "cell": cell, "metric": metric, "protocol": protocol}
    return key | {"value": value, "interval": None, "count": 9}


def test_the_demos_headlines_become_a_result_file_and_a_row(tmp_path):
    records = [
        record(model, *key, value=number / 1000)
        for number, (model, key) in enumerate(
            (model, key)
            for model in ("baseline", "layermix")
            for key in (("clean", "clean", "top1_error"), ("c", "c", "mce"), ("pgd", "pgd/2", "top1_error"))
        )
    ]
    records.append(record("baseline", "c", "c", "mce", 0.99, protocol="paper"))
    written, out = tmp_path / "results.json", tmp_path / "demo.json"
    written.write_text(json.dumps({"records": records}))
    assert evaluations.main(["demo", "--results", str(written), "--out", str(out)]) == 0
    text = readme.refreshed(TEXT, {"demo": json.loads(out.read_text())})
    assert "(clean 0.0% / 0.3%, PGD 0.2% / 0.5%) | 0.1% / 0.4% |" in text


def test_an_evaluation_that_lacks_a_headline_is_refused(tmp_path):
    written = tmp_path / "results.json"
    written.write_text(json.dumps({"records": [record("baseline", "clean", "clean", "top1_error", 0.1)]}))
    with pytest.raises(InputError, match=r"lack .*'layermix', 'pgd', 'pgd/2'"):
        evaluations.main(["demo", "--results", str(written), "--out", str(tmp_path / "demo.json")])
    assert not (tmp_path / "demo.json").exists()


def test_a_headline_is_of_the_first_evaluation_that_has_it_with_its_number_of_pictures():
    def of(count, *names):
        keys = [evaluations.HEADLINES["cifar10"][name] for name in names]
        return {
            "records": [
                record(model, *key[:3], 0.5) | {"count": count} for model in ("baseline", "layermix") for key in keys
            ]
        }

    names = list(evaluations.HEADLINES["cifar10"])
    but_flips = [name for name in names if name != "flip_probability"]
    found = evaluations.headlines("cifar10", [of(10_000, *but_flips), of(2_000, *names)])
    assert found["clean_error"]["baseline"]["pictures"] == 10_000
    assert found["flip_probability"]["layermix"]["pictures"] == 2_000
    text = readme.refreshed(TEXT, {"cifar10": {"results": found}})
    assert "10,000 test pictures" in text
    assert "mFP on P (of 2,000 pictures)" in text


def test_results_of_a_gpu_become_rows_as_far_as_they_are_there():
    row = {"against_resident_batch": 0.987, "images_per_second": 2470.4}
    sections = {
        "training": {"status": "stopped", "results": {"ffcv": row}},
        "cifar": {"status": "failed"},
    }
    text = readme.refreshed(TEXT, {"gpu_run": {"gpu": "H100", "sections": sections, "layermix_share_of_step": 0.00312}})
    assert (
        "| ResNet-50 fed by ffcv with LayerMix, of its rate from one resident batch, H100 | 98.7% (2,470 img/s) |"
        in text
    )
    assert "H100 | 0.31% | `python -m benchmarks.gpu.run` |" in text
    assert "dali" not in text
    assert "CIFAR" not in text


def test_the_readme_says_what_the_results_say():
    results, text = readme.read_results(), readme.README.read_text(encoding="utf-8")
    assert readme.missing(results) == []
    assert readme.refreshed(text, results) == text, "run python -m benchmarks.readme"
