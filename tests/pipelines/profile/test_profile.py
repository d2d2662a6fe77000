"""Small real profiles."""

import json
import os
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from layermix import POLICIES, InputError, LayerMix
from pipelines import LoaderConfig, build_loader
from pipelines.profile import command, disk
from pipelines.profile.backends import stages_of
from pipelines.profile.ffcv_stages import FFCVStages
from pipelines.profile.in_place import LoaderTimer, timed_batches
from pipelines.profile.isolated import Stages, StageTimer, by_caller, with_rest
from pipelines.profile.measurements import REST
from pipelines.profile.operations import measure_operations
from pipelines.profile.trace import record_training


def write_folder(folder, pictures):
    """Pictures in two class folders; returns the folder."""
    for n, picture in enumerate(pictures):
        place = folder / f"class{n % 2}" / f"{n:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)
    return folder


def test_stages_are_timed_where_they_are_done_and_the_first_repeat_does_not_count():
    given, closed = [], []

    @contextmanager
    def threads(count):
        def run(ids):
            given.append(ids)
            seconds = 100.0 if len(given) == 1 else len(ids) * 1e-6
            return with_rest({"decode": seconds * count, "mix": 2 * seconds * count}, 4 * seconds * count)

        yield run
        closed.append(count)

    ids = np.arange(40, dtype=np.uint64)
    with StageTimer([Stages("threads", threads), by_caller({"draw": lambda ids: None})], ids, threads=2) as timer:
        for _ in range(4):
            timer.repeat()
    found = {name: spread.median for name, spread in timer.stages().items()}
    assert found.pop("draw") >= 0
    assert found == pytest.approx({"decode": 2, "mix": 4, REST: 2})
    assert timer.done_by == {"decode": "threads", "mix": "threads", REST: "threads", "draw": "caller"}
    assert len(given) == 4
    assert all((one == ids).all() for one in given)
    assert closed == [2]


def test_what_is_left_of_the_threads_time_is_never_less_than_none():
    assert with_rest({"decode": 2.0, "mix": 1.0}, 4.0) == {"decode": 2.0, "mix": 1.0, REST: 1.0}
    assert with_rest({"decode": 2.0}, 1.9)[REST] == 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("crop", ["random_resized", "pad"])
def test_the_stages_of_ffcv_make_the_loaders_pictures(photos, fractal_bank, threads, crop, monkeypatch):
    size, made = 48, {}
    config = LoaderConfig(
        data=photos, fractals=fractal_bank, batch_size=8, size=size, crop=crop, flip=True, policy=LayerMix(),
        order="random", threads=threads, seed=5,
    )  # fmt: skip
    part = FFCVStages._part

    def kept(self, ids, pictures, out):
        seconds = part(self, ids, pictures, out)
        made.update(zip(ids.tolist(), out.copy()))
        return seconds

    monkeypatch.setattr(FFCVStages, "_part", kept)
    with build_loader(config) as loader:
        work, _ = stages_of(loader)
        with work.open(threads) as run:
            found = run(loader.ids.astype(np.uint64))
        cut = ["decode"] if crop == "random_resized" else []
        assert list(found) == ["read", *cut, "crop, resize, flip", "mix", REST]
        assert min(found.values()) >= 0
        for batch in loader:
            for sample_id, image in zip(batch.sample_ids.tolist(), batch.images):
                assert (image.permute(1, 2, 0).numpy() == made[sample_id]).all()


def test_every_repeat_takes_the_same_batches_to_the_end_of_the_epoch(photo_folder):
    config = LoaderConfig(
        data=photo_folder, batch_size=4, size=24, crop="random_resized", order="random", batches_ahead=2
    )
    with LoaderTimer(config, 1, timed_batches(config, 10, samples=12)) as timer:
        taken = []
        load = timer._loader.assemble

        def assemble(images, reasons, place):
            taken.append(place.start // 4)
            return load(images, reasons, place)

        timer._loader.assemble = assemble
        for _ in range(2):
            timer.repeat()
        assert taken == [1, 2, 3, 4, 5, 6, 7, 8, 9] * 2
    with pytest.raises(InputError, match="--data must have at least 7 batches"):
        timed_batches(config, 6, samples=12)
    assert timed_batches(config, 7, samples=12) == slice(4, 5)


@pytest.mark.parametrize("name", POLICIES)
def test_every_instruction_of_every_policy_is_measured(name, photographs, bank):
    policy = POLICIES[name]()
    found = measure_operations(policy, bank, photographs[:12], seed=0, repeats=1)
    programs = policy.draw(np.arange(12), seed=0, height=32, width=32, bank=bank)
    written = sum(int((program["op"] != 0).cumprod().sum()) for program in programs)
    assert sum(count for count, _ in found.values()) * 12 == pytest.approx(written)
    assert all(microseconds > 0 for _, microseconds in found.values())
    assert any(name.startswith("blend, ") for name in found) == bool(
        ((programs["op"] >= 32) & (programs["op"] < 48)).any()
    )


def test_dropping_the_cache_empties_it_or_is_said_to_have_failed(tmp_path):
    file = tmp_path / "data"
    file.write_bytes(np.random.default_rng(0).bytes(1 << 20))
    with file.open("rb+") as content:
        disk.os.fsync(content.fileno())
    found = disk.measure_disk([file], samples=64, reads=16)
    assert found.bytes_per_image == 1 << 14
    assert found.warm > 0
    assert (found.cold is None) == (disk._cached_share([file]) > disk._KEPT and found.cold is None)


def test_a_measured_gpu_goes_before_the_published_one_and_a_given_rate_before_both():
    assert command.gpu_rate(7.0, 100.0, "H200") == (7.0, "as given")
    assert command.gpu_rate(None, 100.0, "H200") == (10000.0, "measured, H200")
    assert command.gpu_rate(None, None, "CPU")[0] == command.PUBLISHED_RATE


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--threads", "0"], "--threads"),
        (["--policy", "layermx"], "--policy must be none or one of"),
        (["--gpu-rate", "0"], "--gpu-rate must be > 0"),
        (["--repeats", "0"], "--repeats must be >= 1"),
    ],
)
def test_bad_flags_are_named(flags, message, tmp_path):
    with pytest.raises(InputError, match=message):
        command.main(["--data", str(tmp_path / "x.beton"), *flags])


def test_a_small_profile_gives_tables_json_plot_and_a_trace_that_loads(tmp_path, capsys):
    from writers.write_dataset import main as write

    data, bank = tmp_path / "digits.beton", tmp_path / "bank.beton"
    write(["--source", "digits", "--split", "test", "--out", str(data)])
    write(["--source", "fractals", "--generate", "4", "--short-side", "36", "--out", str(bank)])
    out, picture, trace = tmp_path / "p.json", tmp_path / "p.png", tmp_path / "t.json"
    flags = ["--data", str(data), "--fractals", str(bank), "--size", "32", "--crop", "pad", "--batch-size", "16"]
    flags += ["--samples", "64", "--repeats", "1", "--threads", "1", "2", "--json", str(out), "--plot", str(picture)]
    assert command.main([*flags, "--trace", str(trace), "--trace-batches", "6"]) == 0
    assert "-bound: " in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert list(found["stages"]["2"]) == ["read", "crop, resize, flip", "mix", REST, "batch assembly"]
    assert found["in_place"]["1"]["images_per_second"]["median"] > 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    check_trace(json.loads(trace.read_text()), batches=6)


@pytest.mark.parametrize("kind", ["webdataset", "folder"])
def test_every_backend_has_its_stages_and_its_name(kind, tmp_path, photographs, capsys):
    from writers.write_dataset import main as write

    data = folder = write_folder(tmp_path / "pictures", photographs[:48])
    if kind == "webdataset":
        data = tmp_path / "set"
        write(["--source", "folder", "--root", str(folder), "--format", "webdataset", "--out", str(data)])
    out, backend = tmp_path / "p.json", {"webdataset": "dali-cpu", "folder": "torch"}[kind]
    flags = ["--data", str(data), "--policy", "autoaugment", "--size", "24", "--batch-size", "4", "--samples", "16"]
    flags += ["--repeats", "1", "--threads", "1", "2", "--json", str(out), "--plot", str(tmp_path / "p.png")]
    assert command.main([*flags, "--backend", backend]) == 0
    found = json.loads(out.read_text())
    assert found["backend"] == backend
    stages = ["read", "decode", "crop, resize, flip", "mix", REST, "batch assembly"]
    if backend == "dali-cpu":
        stages.insert(1, "draw")
    assert list(found["stages"]["1"]) == stages
    assert set(found["stages"]["2"]) == {*stages, *(["hand over"] if backend == "torch" else [])}
    assert min(spread["least"] for stages in found["stages"].values() for spread in stages.values()) >= 0
    with pytest.raises(InputError, match="--backend ffcv does not read"):
        command.main([*flags, "--backend", "ffcv"])
    with pytest.raises(InputError, match=r"--data must have at least 9 batches, .* got 3 of 16; lower --batch-size"):
        command.main([*flags, "--batch-size", "16"])


FOLDER_STAGES = ("read", "decode", "crop, resize, flip")


def test_worker_processes_send_their_spans_home(tmp_path, photographs):
    write_folder(tmp_path / "pictures", photographs[:24])
    config = LoaderConfig(data=tmp_path / "pictures", batch_size=4, size=24, crop="random_resized", threads=2)
    count = record_training(config, None, 6, tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    check_trace(content, 6, FOLDER_STAGES)
    complete = [event for event in content["traceEvents"] if event["ph"] == "X"]
    by_workers = [event for event in complete if event["cat"] == "loader"]
    assert len(complete) == count == 6 * 2 + len(by_workers)
    names = [event["name"] for event in by_workers]
    assert {name: names.count(name) for name in names} == dict.fromkeys(FOLDER_STAGES, 6 * 4)
    assert len({event["pid"] for event in by_workers}) == 2
    assert os.getpid() not in {event["pid"] for event in by_workers}


def test_dali_leaves_spans_of_its_input_its_mixing_stage_and_the_wait_for_it(tmp_path, photographs):
    from writers.write_dataset import main as write

    write_folder(tmp_path / "pictures", photographs[:48])
    flags = ["--source", "folder", "--root", str(tmp_path / "pictures"), "--format", "webdataset"]
    write([*flags, "--out", str(tmp_path / "set")])
    config = LoaderConfig(
        data=tmp_path / "set", batch_size=8, size=24, crop="random_resized", threads=2, policy=POLICIES["autoaugment"]()
    )
    record_training(config, None, 4, tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    stage = ("crop, resize, flip", "mix")
    check_trace(content, 4, {"read, draw", "wait for DALI", *stage})
    complete = [event for event in content["traceEvents"] if event["ph"] == "X"]
    by_threads = [event for event in complete if event["cat"] == "loader"]
    assert [sum(event["name"] == name for event in by_threads) for name in stage] == [4 * 8, 4 * 8]
    by_caller = {event["tid"] for event in complete if event["cat"] == "training"}
    assert 1 <= len({event["tid"] for event in by_threads} - by_caller) <= 2
    waits = [event for event in complete if event["name"] == "wait for DALI"]
    last = max(event["ts"] + event["dur"] for event in by_threads)
    assert last <= waits[-1]["ts"] + waits[-1]["dur"], "one clock: the stage is done when the wait for it ends"
    assert min(event["ts"] for event in by_threads) >= waits[0]["ts"]


def check_trace(content, batches, by_loader=("decode, crop, resize", "mix")):
    """The rules of the trace event format, and that spans of one thread do not overlap without nesting."""
    complete = [event for event in content["traceEvents"] if event["ph"] == "X"]
    names = {event["name"] for event in complete}
    assert {"wait for the loader", "normalise", *by_loader} <= names
    assert sum(event["name"] == "normalise" for event in complete) == batches
    assert [event["ts"] for event in complete] == sorted(event["ts"] for event in complete)
    named = {event["tid"] for event in content["traceEvents"] if event["name"] == "thread_name"}
    for thread in {event["tid"] for event in complete}:
        assert thread in named
        ends: list[float] = []
        for event in (event for event in complete if event["tid"] == thread):
            while ends and ends[-1] <= event["ts"] + 0.001:
                ends.pop()
            assert not ends or event["ts"] + event["dur"] <= ends[-1] + 0.01
            ends.append(event["ts"] + event["dur"])
