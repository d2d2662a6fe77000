"""The README's tables are those of the result files, and nothing else of it changes."""

import json

import pytest

from benchmarks import demo, readme
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


def record(model, suite, cell, metric, value, protocol="strict"):
    return {"model": model, "suite": suite, "cell": cell, "metric": metric, "protocol": protocol, "value": value}


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
    assert demo.main(["--results", str(written), "--out", str(out)]) == 0
    text = readme.refreshed(TEXT, {"demo": json.loads(out.read_text())})
    assert "(clean 0.0% / 0.3%, PGD 0.2% / 0.5%) | 0.1% / 0.4% |" in text


def test_an_evaluation_that_lacks_a_headline_is_refused(tmp_path):
    written = tmp_path / "results.json"
    written.write_text(json.dumps({"records": [record("baseline", "clean", "clean", "top1_error", 0.1)]}))
    with pytest.raises(InputError, match=r"lack .*'layermix', 'pgd', 'pgd/2'"):
        demo.main(["--results", str(written), "--out", str(tmp_path / "demo.json")])
    assert not (tmp_path / "demo.json").exists()
