"""Several ranks: the same pictures, exact sums, one course for all, and a rank that is lost has a name."""

import re
import signal
from pathlib import Path

import pytest
import rank_processes
import torch
from rank_programs import (
    average,
    dawdle,
    get_signal_while_meeting,
    meet_others,
    pixels,
    skip_steps,
    talk,
    train_and_hang,
    train_with,
    train_without_room,
)
from run_comparison import assert_same_run, log
from tiny_run import BATCH, STEPS, TEST_PICTURES, write_tiny_run

import train.command
from layermix.errors import InputError
from models import ModelConfig, build_model, load_checkpoint, load_classifier
from pipelines import build_loader
from train.distributed import Ranks, join_ranks, ranks_from_environment, synchronize_batch_norms
from train.loaders import test_loader_config as loader_config_of_test_set
from train.loaders import train_loader_config
from train.precision import choose_precision
from train.pulse import EXIT_CODE
from train.validation import evaluate

START = 280.0  # the first run compiles; on a busy machine that takes its time


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    return write_tiny_run(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def two_ranks(flags, tmp_path_factory):
    """The run folder of the tiny run on two ranks."""
    folder = tmp_path_factory.mktemp("two")
    processes = rank_processes.start(
        train_with, [*flags, "--out", str(folder / "run")], None, world_size=2, output=folder / "output"
    )
    assert rank_processes.wait(processes, START) == [0, 0], (folder / "output.0").read_text()
    return folder / "run"


def outputs(path: Path, world_size: int) -> list[str]:
    return [Path(f"{path}.{rank}").read_text() for rank in range(world_size)]


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_exchange_facts_exactly(tmp_path, world_size):
    processes = rank_processes.start(talk, 5, 5.0, "none", [0], world_size=world_size, output=tmp_path / "o")
    assert rank_processes.wait(processes) == [0] * world_size, outputs(tmp_path / "o", world_size)


@pytest.mark.parametrize("victim", [0, 2])
@pytest.mark.parametrize("fault", ["SIGKILL", "SIGSTOP", "bug"])
def test_a_rank_that_dies_or_stands_still_is_named_by_all_others(tmp_path, fault, victim):
    processes = rank_processes.start(talk, 8, 2.0, fault, [victim], world_size=3, output=tmp_path / "o")
    others = [rank for rank in range(3) if rank != victim]
    try:
        assert rank_processes.wait([processes[rank] for rank in others], 60) == [EXIT_CODE] * 2
    finally:
        processes[victim].kill()
    for rank in others:
        assert f"error: no sign of life from rank {victim} of 3" in outputs(tmp_path / "o", 3)[rank]


@pytest.mark.parametrize("victims", [[1], [0, 2], [0, 1, 2]])
def test_ranks_that_hang_in_living_processes_are_named_by_all_and_show_where(tmp_path, victims):
    processes = rank_processes.start(talk, 4, 30.0, "hang", victims, 1.0, world_size=3, output=tmp_path / "o")
    assert rank_processes.wait(processes, 60) == [EXIT_CODE] * 3
    named = rf"error: rank {', '.join(map(str, victims))} of 3: the main thread has not moved for \d+ s, in a step"
    for rank, told in enumerate(outputs(tmp_path / "o", 3)):
        assert re.search(f"{named} after step 2; .*continues from the last checkpoint", told)
        assert ("warning: rank" in told and "in _suffer" in told) == (rank in victims)


@pytest.mark.parametrize(
    ("place", "words"), [("batch", "waiting for its loader after step 2"), ("step", "in a step after step 2")]
)
def test_a_rank_whose_training_hangs_is_named_with_what_it_was_doing(flags, two_ranks, tmp_path, place, words):
    argv = [*flags, "--out", str(tmp_path / "run"), "--rank-timeout", "60", "--stall-timeout", "4"]
    processes = rank_processes.start(train_and_hang, argv, 1, place, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes, START) == [EXIT_CODE] * 2, outputs(tmp_path / "o", 2)
    for told in outputs(tmp_path / "o", 2):
        assert "error: rank 1 of 2: the main thread has not moved for" in told
        assert f" s, {words}; its own output shows its threads" in told


def test_a_run_of_one_process_that_stands_still_is_warned_with_its_stacks_and_goes_on(tmp_path):
    processes = rank_processes.start(dawdle, 1.0, world_size=1, output=tmp_path / "o")
    assert rank_processes.wait(processes) == [0]
    (told,) = outputs(tmp_path / "o", 1)
    assert told.startswith("warning: rank 0: the main thread has not moved for ")
    assert " s, in a step after step 7; its threads:" in told
    assert "in dawdle" in told
    assert told.count("warning") == 1, "once for each place"


def test_ranks_that_do_not_come_to_the_start_are_named_within_its_own_limit(tmp_path):
    absent = (0, 1)
    started = [
        rank_processes.start(meet_others, rank, 6.0, world_size=3, output=tmp_path / f"without {rank}")
        for rank in absent
    ]
    for processes, rank in zip(started, absent):
        assert rank_processes.wait(processes) == [0 if other == rank else 2 for other in range(3)]
    without_0, without_1 = (outputs(tmp_path / f"without {rank}", 3) for rank in absent)
    for rank in (1, 2):
        assert f"within 6 s: rank {rank} does not reach the place (" in without_0[rank]
    assert re.search(r"error: the ranks must find .* within 6 s: rank 1 of 3 did not come; start all", without_1[0])
    assert re.search("rank 1 of 3 did not come|rank 0 left, and its own output may say why", without_1[2])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGUSR1, -signal.SIGUSR1), (signal.SIGINT, 130)]
)
def test_a_signal_ends_a_rank_that_waits_for_others_at_once(flags, tmp_path, number, code):
    processes = rank_processes.start(get_signal_while_meeting, flags, number, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes, START) == [code] * 2, outputs(tmp_path / "o", 2)


def test_bad_input_of_one_rank_ends_all_and_is_told_once(tmp_path):
    processes = rank_processes.start(talk, 4, 5.0, "bad input", [1], world_size=3, output=tmp_path / "o")
    assert rank_processes.wait(processes) == [2, 2, 2]
    assert outputs(tmp_path / "o", 3) == ["", "error: `x` is bad\n", ""]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("checkpoint", r"step-\d+\.pt: cannot be written \(File too large\)"),
        ("log", r"log\.jsonl: cannot be written \(No space left on device\)"),
    ],
    ids=["checkpoint", "log"],
)
def test_a_disk_that_fills_up_ends_all_ranks_is_told_once_and_the_run_goes_on(
    flags, two_ranks, tmp_path, file, message
):
    argv = [*flags, "--out", str(tmp_path / "run")]

    def run(program, *arguments):
        processes = rank_processes.start(program, *arguments, world_size=2, output=tmp_path / "o")
        return rank_processes.wait(processes, START)

    assert run(train_with, [*argv, "--max-steps", "2"], None) == [0, 0]
    codes = run(train_without_room, [*argv, "--checkpoint-minutes", "1e-9"], file)
    told = outputs(tmp_path / "o", 2)
    assert codes == [2, 2], told
    assert re.search(f"error: .*{message}", told[0])
    assert told[0].count("error: ") == 1
    assert "error" not in told[1]
    assert run(train_with, argv, None) == [0, 0], outputs(tmp_path / "o", 2)
    assert_same_run(tmp_path / "run", two_ranks)


def test_too_many_skipped_steps_end_all_ranks_and_are_told_once(tmp_path):
    processes = rank_processes.start(skip_steps, 3, 2, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes) == [2, 2]
    told = outputs(tmp_path / "o", 2)
    assert told[0].startswith("error: `max_skipped_steps` is 2, but 3 steps in a row")
    assert told[1] == ""


def test_the_step_of_two_ranks_is_the_step_of_one(tmp_path):
    for world_size in (1, 2):
        arguments = (average, 0, str(tmp_path / f"{world_size}.pt"))
        processes = rank_processes.start(*arguments, world_size=world_size, output=tmp_path / "o")
        assert rank_processes.wait(processes) == [0] * world_size, outputs(tmp_path / "o", world_size)
    one, two = (torch.load(tmp_path / f"{world_size}.pt") for world_size in (1, 2))
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-6), name


def global_batches(flags: list[str], world_size: int) -> list[set[tuple[int, bytes]]]:
    """Ids and pixels of each step of two epochs, over all ranks."""
    config = train.command.parse(flags)[0].train
    steps: list[set] = [set() for _ in range(STEPS)]
    for rank in range(world_size):
        with build_loader(train_loader_config(config, "cpu", Ranks(rank=rank, world_size=world_size))) as loader:
            for epoch in range(2):
                loader.set_epoch(epoch)
                for step, batch in enumerate(loader):
                    pictures = (image.contiguous().numpy().tobytes() for image in batch.images)
                    steps[epoch * len(loader) + step] |= set(zip(batch.sample_ids.tolist(), pictures))
    return steps


@pytest.mark.parametrize("world_size", [2, 4, pytest.param(8, marks=pytest.mark.slow)])
def test_every_step_sees_the_same_pixels_at_any_world_size(flags, world_size):
    one = global_batches(flags, 1)
    assert [len(step) for step in one] == [BATCH] * STEPS
    assert global_batches(flags, world_size) == one


def test_real_ranks_see_the_pixels_of_one(flags, tmp_path):
    seen = {}
    for world_size in (1, 2):
        out = tmp_path / str(world_size)
        processes = rank_processes.start(pixels, flags, str(out), world_size=world_size, output=tmp_path / "o")
        assert rank_processes.wait(processes, START) == [0] * world_size, outputs(tmp_path / "o", world_size)
        seen[world_size] = sorted(line for text in outputs(out, world_size) for line in text.splitlines())
    assert len(seen[1]) == BATCH * STEPS
    assert seen[1] == seen[2]


def test_a_batch_that_the_ranks_cannot_share_is_refused(flags):
    config = train.command.parse(flags)[0].train
    with pytest.raises(InputError, match=r"`data.batch_size` counts the pictures of all ranks .* 3, got 16; change"):
        train_loader_config(config, "cpu", Ranks(rank=0, world_size=3))


def test_the_test_error_of_two_ranks_counts_each_picture_once(flags, two_ranks):
    classifier, _ = load_classifier(two_ranks)
    config = train.command.parse(flags)[0].train
    test_config = loader_config_of_test_set(config, "cpu", Ranks())
    assert test_config is not None
    with build_loader(test_config) as loader:
        expected = evaluate(classifier, loader, choose_precision("cpu", "float32"), lambda: False)
    logged = [record for record in log(two_ranks) if record["kind"] == "evaluation"][-1]
    assert expected is not None
    assert (logged["images"], logged["error"]) == (TEST_PICTURES, expected["error"])
    assert logged["loss"] == pytest.approx(expected["loss"], rel=1e-6)


def test_rank_0_alone_writes_and_speaks_and_every_ranks_generator_is_saved(two_ranks):
    spoken = outputs(two_ranks.parent / "output", 2)
    assert "finished: " in spoken[0]
    assert all(line.startswith("compiling the engine") for line in spoken[1].splitlines())
    generators = load_checkpoint(two_ranks).training["generators"]
    assert len(generators) == 2
    assert not torch.equal(generators[0]["cpu"], generators[1]["cpu"])


def test_two_ranks_paused_at_any_step_continue_bit_identically(flags, two_ranks, tmp_path):
    argv = [*flags, "--out", str(tmp_path / "run")]
    for steps in (2, 4):
        processes = rank_processes.start(
            train_with, [*argv, "--max-steps", str(steps)], None, world_size=2, output=tmp_path / "o"
        )
        assert rank_processes.wait(processes, START) == [0, 0]
    assert load_checkpoint(tmp_path / "run").step == 4
    processes = rank_processes.start(train_with, argv, None, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes, START) == [0, 0]
    assert_same_run(tmp_path / "run", two_ranks)


def test_two_ranks_with_a_moving_average_continue_bit_identically_and_test_the_one_that_is_saved(flags, tmp_path):
    def run(name, *more):
        argv = [*flags, "--out", str(tmp_path / name), "--optimizer.ema-decay", "0.5", *more]
        processes = rank_processes.start(train_with, argv, None, world_size=2, output=tmp_path / "o")
        assert rank_processes.wait(processes, START) == [0, 0], outputs(tmp_path / "o", 2)

    run("whole")
    run("paused", "--max-steps", "2")
    run("paused")
    assert_same_run(tmp_path / "paused", tmp_path / "whole")


def test_synchronised_batch_norms_are_refused_on_the_cpu_and_told_once(flags, tmp_path):
    argv = [*flags, "--out", str(tmp_path / "run"), "--sync-batch-norm"]
    processes = rank_processes.start(train_with, argv, None, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes, START) == [2, 2]
    told = outputs(tmp_path / "o", 2)
    assert "error: `sync_batch_norm` must be false on the CPU, where torch has none, got true" in told[0]
    assert "error" not in told[1]


def test_synchronised_batch_norms_keep_the_weights_and_their_names():
    model = build_model(ModelConfig(name="wrn_10_1", num_classes=3))
    before = dict(model.named_parameters())
    names = list(model.state_dict())
    synchronize_batch_norms(model.to("meta"), Ranks())
    kinds = {type(module) for module in model.modules()}
    assert torch.nn.SyncBatchNorm in kinds
    assert torch.nn.BatchNorm2d not in kinds
    assert list(model.state_dict()) == names
    assert dict(model.named_parameters()).keys() == before.keys()


def test_another_number_of_ranks_continues_with_a_warning(flags, tmp_path):
    argv, output = [*flags, "--out", str(tmp_path / "run")], tmp_path / "o"
    for world_size, more in ((2, ["--max-steps", "2"]), (1, [])):
        processes = rank_processes.start(train_with, [*argv, *more], None, world_size=world_size, output=output)
        assert rank_processes.wait(processes, START) == [0] * world_size, outputs(output, world_size)
    assert "is of 2 ranks, this run has 1: the samples stay the same" in outputs(output, 1)[0]
    assert load_checkpoint(tmp_path / "run").step == STEPS


def test_a_loss_that_is_not_finite_ends_all_ranks_and_is_told_once(flags, tmp_path):
    argv = [*flags, "--out", str(tmp_path / "run"), "--optimizer.lr", "1e30"]
    processes = rank_processes.start(train_with, argv, None, world_size=2, output=tmp_path / "o")
    assert rank_processes.wait(processes, START) == [2, 2]
    told = outputs(tmp_path / "o", 2)
    assert "error: the loss must be finite" in told[0]
    assert "error" not in told[1]
    assert (tmp_path / "run" / "non_finite_loss.json").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2"}, r"RANK must be below WORLD_SIZE .*, got 2 of 2 and 0 of 1; start the ranks"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, r"RANK must be a number, got 'x'"),
    ],
)
def test_variables_that_contradict_each_other_are_refused(monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        ranks_from_environment()


def test_without_torchrun_there_is_one_rank_and_no_process_group():
    with join_ranks("cpu", 5.0, 300.0) as ranks:
        assert ranks == Ranks()
        assert not torch.distributed.is_initialized()


@pytest.mark.slow
def test_four_ranks_continue_bit_identically(flags, tmp_path):
    def run(name, *more):
        argv = [*flags, "--out", str(tmp_path / name), *more]
        processes = rank_processes.start(train_with, argv, None, world_size=4, output=tmp_path / "o")
        assert rank_processes.wait(processes, START) == [0] * 4

    run("whole")
    for step in range(1, STEPS):
        run("paused", "--max-steps", str(step))
    run("paused")
    assert_same_run(tmp_path / "paused", tmp_path / "whole")
