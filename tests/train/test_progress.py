"""What a person sees."""

import io

from rich.console import Console

from train.progress import PlainProgress, RichProgress, describe, make_progress

TRAIN = {
    "step": 2,
    "epoch": 1,
    "lr": 0.1,
    "loss": 1.5,
    "images_per_second": 1234.5,
    "wait_share": 0.25,
    "skipped_steps": 0,
}
EVALUATION = {"step": 3, "epoch": 1, "error": 0.0312, "loss": 0.2, "images": 8, "seconds": 0.1}


def test_a_record_is_told_in_a_few_words():
    assert describe("train", TRAIN) == "loss 1.5000 lr 0.1 1,234 img/s wait 25%"
    assert describe("train", TRAIN | {"skipped_steps": 2}).endswith("wait 25% skipped steps 2")
    assert describe("evaluation", EVALUATION) == "clean error 3.12% loss 0.2000"
    assert describe("ema_evaluation", EVALUATION) == "clean error of the moving average 3.12% loss 0.2000"


def test_plain_lines_tell_the_time_left_at_the_mean_rate_after_the_first_step(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("train.progress.time.monotonic", lambda: now[0])
    with PlainProgress() as progress:
        progress.start(total_steps=1003, step=0)
        now[0] += 900  # compiles
        progress.advance()
        progress.show("train", TRAIN | {"step": 1})
        for _ in range(2):
            now[0] += 10
            progress.advance()
        progress.show("train", TRAIN | {"step": 3})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("left unknown")
    assert lines[1].endswith("left 2:46:40")


def test_plain_progress_prints_every_evaluation_but_few_training_records(capsys):
    with PlainProgress(seconds=3600) as progress:
        progress.start(6, 0)
        for _ in range(3):
            progress.show("train", TRAIN)
            progress.show("evaluation", EVALUATION)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[4] for line in lines] == ["loss", "clean", "clean", "clean"]
    assert lines[0].startswith("epoch 1 step 2/6 ")


def test_a_terminal_shows_a_bar_and_the_evaluations_above_it():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with RichProgress(console) as progress:
        progress.start(6, 1)
        progress.advance()
        progress.show("train", TRAIN)
        progress.show("evaluation", EVALUATION)
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert "epoch 1: clean error 3.12%" in text
    assert "2/6" in text
    assert "1,234 img/s" in text


def test_output_that_is_no_terminal_gets_plain_lines(capsys):
    assert isinstance(make_progress(), PlainProgress)
