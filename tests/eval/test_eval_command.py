"""`python -m eval` on a tiny model and test set: what it writes, prints and refuses."""

import json
import os
import shutil

import numpy as np
import pytest
import torch

from eval import command
from eval.command import main
from eval.ranks import Ranks
from eval.record import read_records
from eval.report.command import main as report
from layermix import FractalBank, LayerMix
from layermix.errors import InputError, run_program


@pytest.fixture
def arguments(tmp_path, monkeypatch, new_pictures, new_subject, new_classifier):
    """Arguments for two fake models; the loader and the checkpoints behind them are stand-ins."""
    subjects = [new_subject("first"), new_subject("second", new_classifier(5.0))]
    monkeypatch.setattr(command, "load_subjects", lambda paths, device: subjects[: len(paths)])
    monkeypatch.setattr(command, "LoaderPictures", lambda config: new_pictures(30))
    monkeypatch.chdir(tmp_path)
    fast = ["--suite", "clean", "c", "pgd", "--regenerate", "--corruptions", "contrast", "--pgd-limit", "6"]
    return ["--checkpoint", "a", "b", "--data", "test.beton", "--out", "report", "--device", "cpu", *fast]


def test_writes_both_files_and_prints_the_table_and_their_place(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "Clean, top-1 error" in printed.out
    assert printed.out.rstrip().endswith("report: report/report.html")
    assert "[8/8] pgd/2/0" in printed.err
    tables = ["tables.csv", "tables.md", "tables.tex"]
    written = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert written == ["report.html", "results.json", "store", *tables]


def test_a_gpu_gets_the_cores_of_its_rank_and_a_cpu_keeps_them(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    gpu = torch.device("cuda", 0)
    assert command.default_threads(gpu, Ranks()) == 16
    assert command.default_threads(gpu, Ranks(size=8, local_size=4)) == 4
    assert command.default_threads(torch.device("cpu"), Ranks()) == 2


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="--nproc-per-node must be at most the 2 GPUs of this machine, got 4"):
        command._device("auto", Ranks(number=2, size=4, local=2, local_size=4))


def results(folder) -> dict:
    return json.loads((folder / "results.json").read_text())


def test_numbers_do_not_depend_on_the_batch_size(arguments, tmp_path):
    for size in ("4", "30"):
        main([*arguments, "--suite", "clean", "c", "--batch-size", size, "--out", size])
    assert results(tmp_path / "4")["records"] == results(tmp_path / "30")["records"]


def test_a_second_run_over_the_same_store_shows_no_picture_and_gives_the_same_file(arguments, tmp_path, monkeypatch):
    main(arguments)
    first = (tmp_path / "report" / "results.json").read_bytes()
    monkeypatch.setattr(type(command.LoaderPictures(None)), "batches", None)
    main(arguments)
    assert (tmp_path / "report" / "results.json").read_bytes() == first


def test_a_record_scores_to_the_same_numbers_without_models_and_pictures(arguments, tmp_path):
    main(arguments)
    (record,) = read_records(tmp_path / "report" / "store")
    evaluation = record.score(tmp_path / "report" / "store")
    again = [{**row, "interval": None} for row in evaluation.records()]
    assert again == [{**row, "interval": None} for row in results(tmp_path / "report")["records"]]


def test_missing_sets_are_listed_with_the_command_that_makes_them_and_the_rest_is_measured(arguments, tmp_path, capsys):
    without = [flag for flag in arguments if flag != "--regenerate"]
    assert main([*without, "--root", str(tmp_path)]) == 0
    assert "missing: c: CIFAR-C: " in capsys.readouterr().err
    content = results(tmp_path / "report")
    assert {record["suite"] for record in content["records"]} == {"clean", "pgd"}
    assert content["problems"][0]["what"] == "c"


def test_damaged_files_are_named_and_the_exit_code_says_so(arguments, tmp_path, capsys):
    folder = tmp_path / "CIFAR-3-C"
    folder.mkdir()
    np.save(folder / "contrast.npy", np.zeros((150, 8, 8, 3), np.uint8))
    (folder / "contrast.npy").write_bytes((folder / "contrast.npy").read_bytes()[:-1])
    np.save(folder / "labels.npy", np.zeros(150, np.int64))
    assert main([*arguments, "--root", str(tmp_path)]) == 1
    assert f"damaged: c: {folder}/contrast.npy: cannot be read as a .npy" in capsys.readouterr().err
    assert {record["suite"] for record in results(tmp_path / "report")["records"]} == {"clean", "pgd"}


def test_a_mean_is_missing_where_one_of_its_corruptions_is_damaged_and_the_others_are_reported(arguments, tmp_path):
    folder = tmp_path / "CIFAR-3-C"
    folder.mkdir()
    np.save(folder / "labels.npy", np.tile(np.arange(30) % 3, 5))
    np.save(folder / "fog.npy", np.full((150, 8, 8, 3), 99, np.uint8))
    (folder / "contrast.npy").write_bytes(b"no array")
    flags = ["--root", str(tmp_path), "--suite", "clean", "c", "calibration", "--corruptions", "fog", "contrast"]
    assert main([*arguments, *flags]) == 1
    cells = {record["cell"] for record in results(tmp_path / "report")["records"] if record["suite"] == "c"}
    assert cells == {"c/fog", *(f"c/fog/{severity}" for severity in range(1, 6))}
    html = (tmp_path / "report" / "report.html").read_text()
    assert "It is missing, as a part of the corruptions is." in html
    assert f"{folder}/contrast.npy: cannot be read as a .npy" in html


def test_only_the_suites_asked_for_are_run(arguments, tmp_path):
    main([*arguments, "--suite", "clean"])
    content = results(tmp_path / "report")
    assert {record["suite"] for record in content["records"]} == {"clean"}
    assert [model["name"] for model in content["models"]] == ["first", "second"]


def test_without_fractals_the_report_says_why_there_is_no_gallery(arguments, tmp_path):
    main([*arguments, "--suite", "clean"])
    html = (tmp_path / "report" / "report.html").read_text()
    assert "No gallery: no fractals were given; add --fractals" in html


def test_a_recorded_bank_that_is_gone_leaves_the_gallery_out_with_the_reason(
    arguments, monkeypatch, new_subject, tmp_path
):
    subject = new_subject("first")
    subject.about["config"]["data"]["fractals"] = "gone.beton"
    monkeypatch.setattr(command, "load_subjects", lambda paths, device: [subject])
    main([*arguments, "--suite", "clean"])
    html = (tmp_path / "report" / "report.html").read_text()
    assert "No gallery: gone.beton, named by the checkpoints, is not there; add --fractals" in html


def test_the_gallery_shows_every_operation_of_layermix(arguments, monkeypatch, tmp_path, bank):
    monkeypatch.setattr(FractalBank, "open", lambda path: bank)
    main([*arguments, "--suite", "clean", "--fractals", "bank.beton"])
    html = (tmp_path / "report" / "report.html").read_text()
    for operation in LayerMix().operation_names():
        assert f'alt="{operation.replace("_", " ")}: step 3"' in html


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--suite", "claen"], "did you mean 'clean'"),
        (["--corruptions", "smog"], "--corruptions 'smog' is unknown"),
        (["--pgd-limit", "0"], "--pgd-limit must be ≥ 1, got 0"),
        (["--worst-errors", "-1"], "--worst-errors must be ≥ 0, got -1"),
        (["--grad-cam", "9"], "--grad-cam must be ≤ --worst-errors, 8, got 9"),
        (["--batch-size", "0"], "--batch-size must be ≥ 1, got 0"),
        (["--seed", "-1"], "--seed must be in"),
        (["--against", "third"], "--against must be one of the models, first, second; got 'third'"),
        (["--paper-table", "IV"], "--paper-table IV is of cifar-100 with 100 classes, the test set has 3 others"),
    ],
)
def test_bad_flags_are_one_line_errors_before_anything_is_written(flags, message, arguments, tmp_path):
    with pytest.raises(InputError, match=message):
        main([*arguments, *flags])
    assert not (tmp_path / "report").exists()


def test_a_checkpoint_of_other_classes_is_refused(arguments, monkeypatch, new_pictures, tmp_path):
    other = new_pictures()
    other.classes = ("cat", "dog")
    monkeypatch.setattr(command, "LoaderPictures", lambda config: other)
    with pytest.raises(InputError, match=r"first: its classes must be those of test\.beton, got 3 classes for 2"):
        main(arguments)
    assert not (tmp_path / "report").exists()


def test_no_test_set_anywhere_is_refused(arguments):
    without = [flag for flag in arguments if flag not in ("--data", "test.beton")]
    with pytest.raises(InputError, match="--data must name the test set, as no checkpoint names one"):
        main(without)


def test_a_missing_run_is_one_line_and_exit_code_2(tmp_path, capsys):
    arguments = ["--checkpoint", str(tmp_path / "none"), "--out", str(tmp_path / "report")]
    assert run_program(main, arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/none: no such checkpoint")
    assert error.count("\n") == 1


def test_an_out_that_is_a_file_is_refused(arguments, tmp_path):
    (tmp_path / "report").touch()
    with pytest.raises(InputError, match="--out report must be a folder, got a file"):
        main(arguments)


def test_the_report_is_made_again_byte_for_byte_without_a_model_or_a_picture(
    arguments, tmp_path, monkeypatch, bank, capsys
):
    monkeypatch.setattr(FractalBank, "open", lambda path: bank)
    main([*arguments, "--suite", "clean", "c", "calibration", "--fractals", "bank.beton"])
    names = ("report.html", "results.json", "tables.md", "tables.csv", "tables.tex")
    written = {name: (tmp_path / "report" / name).read_bytes() for name in names}
    for name in written:
        (tmp_path / "report" / name).unlink()
    monkeypatch.setattr(command, "load_subjects", None)
    monkeypatch.setattr(command, "LoaderPictures", None)
    monkeypatch.setattr(FractalBank, "open", None)
    assert report(["report", "--out", "again/report"]) == 0
    assert report(["report/store"]) == 0
    for name, content in written.items():
        assert (tmp_path / "again" / "report" / name).read_bytes() == content
        assert (tmp_path / "report" / "store" / name).read_bytes() == content
    assert written["report.html"].count(b"data:image/png") > 40
    with pytest.raises(InputError, match="holds no evaluation"):
        report(["again"])


def test_a_second_run_draws_no_picture_that_is_stored(arguments, tmp_path, monkeypatch):
    main(arguments)
    monkeypatch.setattr(command, "worst_errors", None)
    main(arguments)
    assert "Worst errors" in (tmp_path / "report" / "report.html").read_text()


def test_a_store_without_pictures_says_how_to_get_them(arguments, tmp_path):
    main([*arguments, "--suite", "clean"])
    (folder,) = (path for path in (tmp_path / "report" / "store" / "evaluations").iterdir() if path.is_dir())
    shutil.rmtree(folder)
    assert report(["report"]) == 0
    html = (tmp_path / "report" / "report.html").read_text()
    assert "No gallery: the store holds no pictures of this evaluation; run the same python -m eval again." in html


def test_no_worst_errors_are_shown_where_none_are_asked_for(arguments, tmp_path):
    main([*arguments, "--suite", "clean", "--worst-errors", "0"])
    assert "Worst errors" not in (tmp_path / "report" / "report.html").read_text()
