"""The GPU suite as a whole: what cannot run is skipped with a reason, what hangs is stopped, what was measured kept."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import scale
from benchmarks.gpu import marked_tests, page, run, section
from benchmarks.gpu.stretch import Stretch, summarise
from layermix import InputError

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")


PROGRAM = """
import subprocess, sys, time
out = sys.argv[sys.argv.index("--out") + 1]
open(out, "w").write('{"benchmark": "x", "machine": {}, "results": {"a": {"images_per_second": 3.0}}}')
print("the last words")
"""


def program(tmp_path, monkeypatch, rest):
    """A section that keeps a result and goes on as `rest`."""
    (tmp_path / "a_section.py").write_text(PROGRAM + rest)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return section.Section(module="a_section", seconds=60, flags=lambda setting: [])


@pytest.fixture
def setting(tmp_path):
    return section.Setting(inputs=tmp_path, form="tiny", device="cpu")


HANGS = """
pipe = open({!r}, "wb", buffering=0)
subprocess.Popen(["sleep", "1000"], stdout=pipe)
pipe.write(b"started")
time.sleep(1000)
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch, setting):
    """hanging(end): run a section that hangs with a child of its own; `end` is called in place of the limit.

    Afterwards neither the section nor its child is left.
    """
    pipe, opened = tmp_path / "pipe", []

    def run_until(end):
        class Impatient(subprocess.Popen):
            def wait(self, timeout=None):
                if timeout is None:
                    return super().wait()
                opened.append(pipe.open("rb", buffering=0))
                assert opened[0].read(7) == b"started"
                return end()

        monkeypatch.setattr(subprocess, "Popen", Impatient)
        return made.run(setting, tmp_path / "out.json", limit=3)

    os.mkfifo(pipe)
    made = program(tmp_path, monkeypatch, HANGS.format(str(pipe)))
    yield run_until
    with opened[0]:
        assert opened[0].read() == b""  # the end comes when nobody is left who could write


def test_a_section_that_hangs_is_stopped_with_its_children_and_keeps_what_it_measured(hanging):
    def limit():
        raise subprocess.TimeoutExpired("the section", 3)

    found = hanging(limit)
    assert (found["status"], found["reason"]) == ("stopped", "not done after 3 s")
    assert found["results"] == {"a": {"images_per_second": 3.0}}


def test_sigterm_ends_the_suite_and_the_section_that_runs(hanging):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"), run.sigterm_ends_the_suite():
        hanging(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_section_that_fails_keeps_its_last_words(tmp_path, monkeypatch, setting):
    failing = program(tmp_path, monkeypatch, "sys.exit(7)\n")
    found = failing.run(setting, tmp_path / "out.json", limit=60)
    assert (found["status"], found["reason"]) == ("failed", "exit code 7")
    assert found["output"] == ["the last words"]
    assert found["results"]


def test_what_a_section_lacks_is_said():
    needs = replace(section.SECTIONS["tests"], packages=("pytest", "no_such_package"))
    assert needs.lacks("cpu") == "not installed: no_such_package"
    assert section.SECTIONS["engine"].lacks("cpu") == "needs a GPU"
    assert section.SECTIONS["cifar"].lacks("cpu") is None


def test_the_limits_of_the_short_form_fit_into_nine_minutes():
    assert sum(one.seconds for one in section.SECTIONS.values()) <= 9 * 60 - 20


def test_a_section_may_take_what_the_ones_before_it_left_and_none_of_what_the_later_ones_keep():
    own, later = section.SECTIONS["training"].seconds, ["cifar", "profile"]
    kept = sum(section.SECTIONS[name].seconds for name in later)
    assert section.allowance("training", later, own + kept + 50) == own + 50
    assert section.allowance("training", later, own + kept - 50) == own
    assert section.allowance("training", later, own - 10) == own - 10
    assert section.allowance("training", later, -5) == 1


def test_sections_that_read_no_set_run_where_none_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ffcv", None)
    monkeypatch.delitem(sys.modules, "benchmarks.gpu.inputs", raising=False)
    monkeypatch.setattr(section, "find_spec", lambda name: None if name == "ffcv" else name)
    fake = replace(program(tmp_path, monkeypatch, ""), packages=())
    monkeypatch.setattr(run, "SECTIONS", {**section.SECTIONS, "corrupted": fake})
    out = tmp_path / "suite.json"
    flags = ["--form", "tiny", "--device", "cpu", "--out", str(out), "--sections", "cifar", "corrupted"]
    assert run.main(flags) == 0
    sections = json.loads(out.read_text())["sections"]
    assert sections["cifar"] == {"status": "skipped", "reason": "not installed: ffcv"}
    assert sections["corrupted"]["status"] == "done"


def test_cifars_corruptions_are_timed_without_ffcv():
    text = "import sys; sys.modules['ffcv'] = None; import benchmarks.gpu.corrupted"
    assert subprocess.run([sys.executable, "-c", text], cwd=section.ROOT, check=False).returncode == 0


def test_the_files_of_marked_tests_alone_are_imported():
    files = {Path(path).name for path in marked_tests.marked_files()}
    assert {"test_cuda_gpu.py", "test_dali_gpu.py", "test_dali_stages.py", "test_step.py"} <= files
    assert len(files) < 10


def test_the_tiny_form_leaves_the_kept_results_alone():
    with pytest.raises(InputError, match="--form tiny is no result to keep; give --out"):
        run.main(["--form", "tiny", "--device", "cpu"])


@NO_GPU
def test_measurements_without_a_gpu_are_refused(tmp_path):
    for flags in (["--device", "cuda"], ["--form", "short"], ["--device", "cpu", "--form", "full"]):
        with pytest.raises(InputError, match="give --device cpu --form tiny"):
            run.main([*flags, "--out", str(tmp_path / "out.json")])
    assert not list(tmp_path.iterdir())


def test_the_suite_writes_its_json_and_page_after_each_section_and_fails_if_one_did(tmp_path, monkeypatch):
    fake = program(tmp_path, monkeypatch, "sys.exit(int('fail' in sys.argv))\n")
    failing = replace(fake, flags=lambda setting: ["fail"])
    monkeypatch.setattr(run, "SECTIONS", {**section.SECTIONS, "training": fake, "cifar": failing})
    saved, out = [], tmp_path / "suite.json"
    save = run._save
    monkeypatch.setattr(run, "_save", lambda path, body: saved.append(list(body["sections"])) or save(path, body))
    flags = ["--form", "tiny", "--device", "cpu", "--out", str(out), "--sections"]
    assert run.main([*flags, "engine", "training"]) == 0
    assert saved == [["engine"], ["engine", "training"]]
    body = json.loads(out.read_text())
    assert body["sections"]["engine"] == {"status": "skipped", "reason": "needs a GPU"}
    assert body["sections"]["training"]["results"]["a"]["images_per_second"] == 3
    assert out.with_suffix(".md").read_text() == page.render(body)
    assert run.main([*flags, "cifar", "training"]) == 1


def test_the_rate_that_the_cost_model_reckons_with_is_a_gpus_alone(tmp_path):
    rows = {"resident batch": {"images_per_second": 3000.0}}
    body = {"device": "cuda", "form": "short", "gpu": "H100", "sections": {"training": {"results": rows}}}
    out = tmp_path / "gpu_run.json"
    assert run._headline(body) == {"resident_images_per_second": 3000}
    body["sections"]["engine"] = {"resnet50": {"layermix_ms": 0.256}, "batch_sizes": {"224 px": 256}}
    assert run._headline(body)["layermix_share_of_step"] == 0.003  # 1 us of 333 us a picture
    out.write_text(json.dumps(body | run._headline(body)))
    assert scale._gpu(out) == (3000.0, "H100, measured at 3,000 img/s")
    assert run._headline(body | {"form": "tiny"}) == run._headline(body | {"device": "cpu"}) == {}


def test_the_page_holds_every_number_of_a_section():
    section_found = {
        "status": "stopped", "reason": "not done after 3 s",
        "results": {"224 px": {"layermix": {"batch_ms": 0.25}, "pixmix": {"batch_ms": 0.5, "host_ms": 2}}},
        "skipped": {"dali": "not | installed"}, "equal": {"pixels": False},
    }  # fmt: skip
    text = page.render({"form": "short", "gpu": "H100", "sections": {"engine": section_found}})
    assert "on H100" in text
    assert "## engine: stopped\n\nnot done after 3 s\n" in text
    assert "|  | batch ms | host ms | skipped | equal |" in text
    assert "| layermix, 224 px | 0.25 |  |  |  |" in text
    assert "| pixmix, 224 px | 0.5 | 2 |  |  |" in text
    assert "| dali |  |  | not \\| installed |  |" in text
    assert "| pixels |  |  |  | NO |" in text


def test_rates_are_medians_and_waits_pool_all_rounds():
    rounds = {
        "resident": [Stretch(100.0, (0.0, 0.0), 0.1), Stretch(200.0, (0.0,), 0.2), Stretch(120.0, (0.0,), 0.3)],
        "ffcv": [Stretch(90.0, (0.001,) * 98, 0.5), Stretch(60.0, (0.1,), 0.5), Stretch(60.0, (0.1,), 0.5)],
    }
    rows = summarise(rounds, against="resident")
    assert rows["resident"]["images_per_second"] == 120
    assert rows["ffcv"]["against_resident"] == 0.5
    assert (rows["ffcv"]["wait_ms_p50"], rows["ffcv"]["wait_ms_p99"]) == (1, pytest.approx(100, abs=1))
    assert rows["resident"]["host_cpu_share"] == 0.2


@pytest.mark.slow
def test_the_whole_suite_runs_on_a_cpu(tmp_path):
    out = tmp_path / "suite.json"
    command = [sys.executable, "-m", "benchmarks.gpu.run", "--form", "tiny", "--device", "cpu", "--out", str(out)]
    assert subprocess.run(command, cwd=section.ROOT, check=False, stdout=subprocess.DEVNULL).returncode == 0
    sections = json.loads(out.read_text())["sections"]
    ended = {name: found["status"] for name, found in sections.items()}
    assert ended == {"engine": "skipped"} | dict.fromkeys(
        ["training", "cifar", "corrupted", "evaluation", "determinism", "tests", "profile"], "done"
    )
