"""`python -m train`: flags over the recipe, exit codes, messages."""

import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

import train.command
from layermix.config import to_mapping
from layermix.errors import InputError, run_program
from models import load_checkpoint
from train.command import main, parse
from train.interrupt import StopRequest
from train.progress import Progress
from train.recipe import RECIPES

DEMO = ["--config", str(RECIPES / "demo_layermix.yaml")]


@pytest.fixture
def command(tmp_path, monkeypatch, tiny_config, fake_loader):
    """Runs `main` on the tiny recipe with loaders made of arithmetic; `before_batch` is the training loader's hook."""
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(to_mapping(tiny_config())))
    threads = torch.get_num_threads()
    monkeypatch.setattr(train.command, "read_manifest", lambda path: SimpleNamespace(sha256="0" * 64, count=12))

    monkeypatch.setattr("train.observers.Curves", lambda log: Progress())  # seconds a picture on a busy core

    def run(*flags: str, before_batch=lambda n: None) -> int:
        def build(config):
            return fake_loader(batches=3, before_batch=before_batch if config.order == "random" else lambda n: None)

        monkeypatch.setattr(train.command, "build_loader", build)
        data = ["--data.train", "train.beton", "--data.test", "test.beton", "--out", str(tmp_path / "run")]
        return main(["--config", str(recipe), *data, *flags])

    yield run
    torch.set_num_threads(threads)


def test_flags_override_the_recipe():
    flags = (
        "--data.train a.beton --data.test b.beton --data.fractals f.beton --out runs/x --epochs 3 --max-steps 7 "
        "--resume never --seed 5 --threads 2 --device cpu --precision bfloat16 --policy.magnitude 5 --optimizer.lr 0.2"
    )
    config = parse([*DEMO, *flags.split()])[0].train
    assert (config.data.train, config.data.test, config.data.fractals) == tuple(
        Path(name) for name in ("a.beton", "b.beton", "f.beton")
    )
    run = config.run
    assert (run.out, run.epochs, run.max_steps, run.resume) == (Path("runs/x"), 3, 7, "never")
    assert (run.seed, run.threads, run.device, run.precision) == (5, 2, "cpu", "bfloat16")
    assert config.optimizer.lr == 0.2
    assert to_mapping(config.policy) == {**to_mapping(parse(DEMO)[0].train.policy), "magnitude": 5.0}


def test_the_run_folder_is_named_after_the_recipe():
    command, folder = parse(DEMO)
    assert command.train.run.out == folder == Path("runs", "demo_layermix")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], r"`config` is missing; give --config NAME, a file or one of .*demo_layermix"),
        (["--config", "nowhere.yaml"], r"nowhere.yaml: the recipe cannot be read"),
        (DEMO, r"`data.train` is missing; give --data.train FILE.beton, which `python -m writers.write_dataset"),
        ([*DEMO, "--data.train", "a.beton"], r"`data.fractals` is missing; give --data.fractals"),
    ],
)
def test_missing_input_is_named_with_the_next_step_and_exit_code_2(argv, message, capsys):
    assert run_program(main, argv) == 2
    assert re.search("error: " + message, capsys.readouterr().err)


@pytest.mark.parametrize("flags", [["--epochs", "0"], ["--data.trian", "x"], ["--policy.magnitude", "99"]])
def test_a_bad_flag_is_named_with_exit_code_2(flags, capsys):
    try:
        code = run_program(main, [*DEMO, *flags])
    except SystemExit as caught:  # the way of the flag parser
        code = caught.code
    assert code == 2
    assert flags[0].removeprefix("--").split(".")[-1] in capsys.readouterr().err


def test_help_names_the_flags_without_a_recipe(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    basic = ("--config", "--dry-run", "--data.train", "--out", "--epochs", "--max-steps", "--resume")
    for flag in (*basic, "--weights", "--policy.magnitude"):
        assert flag in text


def test_a_finished_run_exits_with_0_and_names_its_checkpoint(command, tmp_path, capsys):
    assert command() == 0
    output = capsys.readouterr().out
    assert "clean error" in output
    assert f"finished: {tmp_path / 'run' / 'checkpoints' / 'last.pt'}" in output


@pytest.mark.parametrize("flags", [[], ["--dry-run"]])
def test_that_the_network_is_compiled_is_told_before_it_takes_minutes(command, capsys, monkeypatch, flags):
    told = ""

    def compile_network(model, **options):
        def first_step(*arguments):
            nonlocal told
            told = told or capsys.readouterr().out
            return model(*arguments)

        return first_step

    monkeypatch.setattr(torch, "compile", compile_network)
    assert command("--compile", "default", *flags) == 0
    assert told.splitlines()[-1].startswith("compiling the network in the first step")


def test_max_steps_exits_with_0_and_the_same_command_continues(command, tmp_path, capsys):
    assert command("--max-steps", "2") == 0
    assert "paused at step 2" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "run").step == 2
    assert command() == 0
    assert load_checkpoint(tmp_path / "run").step == 6


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGINT, 130)])
def test_a_signal_finishes_the_step_saves_and_exits_with_its_code(command, tmp_path, number, code):
    def send(batch):
        if batch == 2:
            os.kill(os.getpid(), number)

    assert command(before_batch=send) == code
    assert load_checkpoint(tmp_path / "run").step == 2
    assert command() == 0
    assert load_checkpoint(tmp_path / "run").step == 6


def test_a_second_ctrl_c_interrupts_at_once_and_the_old_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)

    def press_twice():
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.signal == signal.SIGINT
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_bad_input_leaves_no_run_folder(tmp_path):
    flags = ["--data.train", str(tmp_path / "a.beton"), "--data.test", "b", "--data.fractals", "f"]
    with pytest.raises(InputError, match=r"a.beton: no such data file"):
        main([*DEMO, *flags, "--out", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()
