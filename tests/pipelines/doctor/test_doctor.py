"""The doctor names what is broken and how to mend it, and is not taken down by it."""

import json
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from layermix import InputError
from pipelines.doctor import host, software, storage
from pipelines.doctor.command import main


def by_name(findings):
    return {finding.name: finding for finding in findings}


@contextmanager
def soft_limit(kind, value):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Puts a package of the given name and source before the installed one, for the probes alone."""

    def put(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


@pytest.fixture
def data_set(tmp_path):
    from writers.write_dataset import main as write

    data = tmp_path / "digits.beton"
    write(["--source", "digits", "--split", "test", "--out", str(data)])
    return data


def test_a_sound_installation_has_no_error_and_progress_is_told_apart_from_findings(tmp_path, data_set, capsys):
    code = main(["--json", "--out", str(tmp_path), "--data", str(data_set)])
    written = capsys.readouterr()
    findings = json.loads(written.out)
    assert all(f"{name} tried in " in written.err for name in software._CHECKS)
    assert f"checking {data_set}" in written.err
    assert [finding for finding in findings if finding["status"] == "error"] == []
    assert code == 0
    assert {"torch", "ffcv", "DALI", "threading layer", "open files", "clock", "disk rate", "results"} <= {
        finding["name"] for finding in findings
    }


def test_every_finding_that_is_not_ok_has_a_fix(tmp_path):
    with soft_limit(resource.RLIMIT_NOFILE, 256):
        findings = [
            *host.host_findings(),
            *storage.data_findings(tmp_path / "none.beton", 1),
            *storage.out_findings(Path("/proc/none")),
        ]
    assert any(finding.status != "ok" for finding in findings)
    assert all(finding.fix for finding in findings if finding.status != "ok")


def test_too_few_open_files_are_a_warning():
    with soft_limit(resource.RLIMIT_NOFILE, 256):
        found = by_name(host.host_findings())["open files"]
    assert (found.status, "ulimit -n" in found.fix) == ("warning", True)


def test_a_limit_on_the_size_of_files_is_an_error():
    with soft_limit(resource.RLIMIT_FSIZE, 2**30):
        assert by_name(host.host_findings())["file size"].status == "error"


def test_small_or_missing_shared_memory_is_found(tmp_path, monkeypatch):
    assert host.shared_memory(tmp_path / "shm").status == "error"
    monkeypatch.setattr(host, "SHARED_MEMORY", 2**60)
    assert host.shared_memory(tmp_path).status == "warning"


def test_a_quota_of_the_container_is_read(tmp_path):
    quota = tmp_path / "cpu.max"
    assert host.cgroup_cores(quota) is None
    quota.write_text("max 100000\n")
    assert host.cgroup_cores(quota) is None
    quota.write_text("150000 100000\n")
    assert host.cgroup_cores(quota) == 1.5


def test_a_clock_that_nothing_keeps_right_is_a_warning():
    assert [host.clock_finding(state).status for state in (-1, 0, 5)] == ["ok", "ok", "warning"]


def test_a_package_that_raises_is_an_error_with_its_message(package):
    package("ffcv", "raise ImportError('libturbojpeg.so.0: cannot open shared object file')")
    (found,) = software._findings("ffcv", software._ffcv, software._facts("ffcv"))
    assert found.status == "error"
    assert "libturbojpeg.so.0" in found.found


def test_a_package_that_crashes_the_process_is_an_error(package):
    package("torch", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert software._facts("torch") == "ended with code -11 and said nothing"


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_the_doctor_runs_where_torch_is_broken(name, package, tmp_path):
    package(name, "raise ImportError('libcudart.so.13: cannot open shared object file')")
    command = [sys.executable, "-m", "pipelines.doctor", "--json", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert (found["torch"]["status"], "libcudart.so.13" in found["torch"]["found"]) == ("error", True)
    assert "install torch anew" in found["torch"]["fix"]


def test_a_package_that_hangs_is_an_error(package, monkeypatch):
    monkeypatch.setattr(software, "SECONDS", 0.3)
    package("torch", "while True: pass")
    assert software._facts("torch") == "no answer within 0.3 s"


def test_a_package_that_ends_the_process_is_an_error(package):
    package("torch", "raise SystemExit(0)")
    assert software._facts("torch") == "ended with code 0 and said nothing"


def test_what_a_package_prints_does_not_disturb_its_answer(package):
    package("torch", "print('a banner')\nclass version: cuda = None")
    complaint = software._facts("torch")
    assert isinstance(complaint, str)  # this torch has no GPU to ask for
    assert "banner" not in complaint


def test_a_driver_without_a_usable_gpu_is_an_error_and_no_driver_a_warning(monkeypatch, tmp_path):
    facts = {"gpus": [], "capability": None, "cuda": "13.2"}
    monkeypatch.setattr(software, "_DRIVERS", (str(tmp_path),))
    assert software._gpu(facts).status == "error"
    assert software._numba_cuda({"numba_cuda": "0.30", "available": False, "compiles": True})[0].status == "error"
    monkeypatch.setattr(software, "_DRIVERS", ())
    assert software._gpu(facts).status == "warning"


@pytest.mark.parametrize(("driver", "status"), [(True, "error"), (False, "warning")])
def test_a_numba_cuda_that_finds_no_compiler_is_named_with_what_to_install(driver, status, monkeypatch, tmp_path):
    monkeypatch.setattr(software, "_DRIVERS", (str(tmp_path),) if driver else ())
    (finding,) = software._numba_cuda({"numba_cuda": "0.30", "available": driver, "compiles": False})
    assert finding.status == status
    assert "finds no compiler" in finding.found
    assert "numba-cuda[cu13]" in finding.fix


def test_the_locked_environment_compiles_for_a_gpu():
    facts = software._facts("numba_cuda")
    assert not isinstance(facts, str), facts
    assert facts["compiles"]


def test_a_torch_that_unpickles_unsafely_is_an_error():
    facts = {"torch": "2.6.0+cpu", "torchvision": "0.21", "cuda": None, "gpus": [], "nccl": False, "gloo": True}
    assert software._torch(facts)[0].status == "error"


def test_an_unknown_threading_layer_is_told_apart_from_a_broken_package(monkeypatch):
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "openmp")
    (finding,) = software._findings("numba", software._numba, software._facts("numba"))
    assert finding.status == "error"
    assert "openmp" in finding.found
    assert "unset NUMBA_THREADING_LAYER" in finding.fix


def test_the_threading_layer_that_breaks_after_a_fork_is_a_warning():
    facts = {"numba": "0.68", "layer": "tbb", "threads": 2, "cache": None, "keeps": True}
    assert software._numba(facts)[0].status == "warning"
    assert software._numba({**facts, "layer": "omp"})[0].status == "ok"


def test_a_truncated_data_set_is_an_error(data_set):
    data_set.write_bytes(data_set.read_bytes()[:-100])
    (found,) = storage.data_findings(data_set, 1)
    assert (found.status, "bytes" in found.found) == ("error", True)


def test_a_disk_too_slow_for_the_gpus_and_a_set_beyond_memory_are_warnings(data_set, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 1)
    found = by_name(storage.data_findings(data_set, 1e15))
    assert (found["disk rate"].status, found["page cache"].status) == ("warning", "warning")


def test_a_folder_that_cannot_be_written_is_an_error_and_nothing_is_left_in_a_good_one(tmp_path):
    assert by_name(storage.out_findings(Path("/proc/none")))["results"].status == "error"
    storage.out_findings(tmp_path / "runs" / "deep")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_with_another_clock_is_a_warning(tmp_path, monkeypatch):
    now = storage.time.time
    monkeypatch.setattr(storage.time, "time", lambda: now() - 60)
    assert by_name(storage.out_findings(tmp_path))["clock of the file system"].status == "warning"


def test_a_rate_of_zero_is_refused():
    with pytest.raises(InputError, match="--images-per-second must be > 0, got 0"):
        main(["--images-per-second", "0"])


def test_the_probes_import_nothing_of_the_project():
    source = Path(software.__file__).with_name("probes.py").read_text()
    assert not {"layermix", "pipelines"} & {
        line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))
    }
    assert sys.version_info >= (3, 11)  # for python -P


def test_what_the_loaders_open_is_sound_a_folder_with_one_set_and_a_folder_of_classes(data_set, tmp_path):
    first, *_ = storage.data_findings(data_set.parent, 1)
    assert (first.status, first.found.startswith(f"{data_set.name}: beton, ")) == ("ok", True)
    for name in ("cats/0.png", "cats/1.png", "dogs/0.png"):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).touch()
    (found,) = storage.data_findings(tmp_path / "pictures", 1)
    assert (found.status, found.found) == ("ok", "pictures: folder of 2 classes, 3 pictures")
