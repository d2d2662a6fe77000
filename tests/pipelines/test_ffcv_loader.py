"""The FFCV loader: every sample once, every pixel a function of (data, seed, epoch, sample id)."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from layermix import FractalBank, InputError, LayerMix, augment
from pipelines import LoaderConfig, build_loader


@pytest.fixture
def training(photos, fractal_bank):
    """Settings of the 224 px training graph, at 48 px."""
    return {
        "data": photos,
        "fractals": fractal_bank,
        "batch_size": 8,
        "size": 48,
        "crop": "random_resized",
        "flip": True,
        "policy": LayerMix(),
        "order": "random",
        "seed": 5,
    }


def collect(settings, epoch=0):
    """All images (N, 3, H, W), labels and sample ids of an epoch."""
    with build_loader(LoaderConfig(**settings)) as loader:
        loader.set_epoch(epoch)
        batches = [(b.images.clone(), b.labels.clone(), b.sample_ids.clone()) for b in loader]
    return tuple(torch.cat(part).numpy() for part in zip(*batches))


def by_id(images, labels, ids):
    order = np.argsort(ids)
    return images[order], labels[order], ids[order]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b))


@pytest.mark.parametrize("threads", [2, 3])
def test_bytes_do_not_depend_on_the_thread_count(threads, training):
    assert equal(collect(training), collect(training | {"threads": threads}))


def test_two_runs_with_one_seed_give_the_same_bytes_and_another_seed_does_not(training):
    first = collect(training)
    assert equal(first, collect(training))
    other = collect(training | {"seed": 6})
    assert not np.array_equal(first[2], other[2])
    assert (by_id(*first)[0] != by_id(*other)[0]).any(axis=(1, 2, 3)).all()


def test_another_epoch_gives_other_crops_and_another_order(training):
    first, second = collect(training, epoch=0), collect(training, epoch=1)
    assert not np.array_equal(first[2], second[2])
    assert (by_id(*first)[0] != by_id(*second)[0]).any(axis=(1, 2, 3)).all()


def test_pixels_do_not_depend_on_batch_size_order_or_world_size(training):
    whole = by_id(*collect(training))
    assert equal(whole, by_id(*collect(training | {"batch_size": 7})))
    assert equal(whole, by_id(*collect(training | {"order": "sequential"})))
    ranks = [collect(training | {"rank": rank, "world_size": 3}) for rank in range(3)]
    assert equal(whole, by_id(*(np.concatenate(part) for part in zip(*ranks))))


def test_labels_ids_and_classes_are_the_datasets(training):
    _, labels, ids = by_id(*collect(training))
    assert np.array_equal(ids, np.arange(40))
    assert np.array_equal(labels, np.repeat(np.arange(4), 10))
    with build_loader(LoaderConfig(**training)) as loader:
        assert loader.classes == ("class_0", "class_1", "class_2", "class_3")
        assert loader.num_samples == 40


def test_the_mixing_stage_gives_the_bytes_of_augment(training):
    plain = by_id(*collect(training | {"policy": None}, epoch=3))
    mixed = by_id(*collect(training, epoch=3))
    images = np.ascontiguousarray(plain[0].transpose(0, 2, 3, 1))
    bank = FractalBank.open(training["fractals"])
    expected = augment(images, LayerMix(), fractals=bank, seed=5, epoch=3, sample_ids=plain[2])
    assert np.array_equal(expected.transpose(0, 3, 1, 2), mixed[0])


def test_center_crops_are_pillows(photos, photo_folder):
    settings = {"data": photos, "batch_size": 16, "size": 48, "crop": "center", "center_ratio": 0.875}
    images, _, _ = by_id(*collect(settings))
    for image, path in zip(images, sorted(photo_folder.rglob("*.jpg"))):
        picture = Image.open(path)
        side = int(min(picture.size) * 0.875 + 0.5)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        crop = picture.crop((left, top, left + side, top + side)).resize((48, 48), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(crop).astype(float) - image.transpose(1, 2, 0)).mean() < 2


def test_pad_crops_move_the_stored_pixels_by_at_most_the_padding(small, small_folder):
    settings = {"data": small, "batch_size": 10, "size": 32, "crop": "pad", "flip": True, "order": "random"}
    images, _, _ = by_id(*collect(settings))
    for image, path in zip(images, sorted(small_folder.rglob("*.png"))):
        stored = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        found = image.transpose(1, 2, 0)
        padded = [np.pad(p, ((4, 4), (4, 4), (0, 0))) for p in (stored, stored[:, ::-1])]
        crops = (p[v : v + 32, h : h + 32] for p in padded for v in range(9) for h in range(9))
        assert any(np.array_equal(crop, found) for crop in crops)


def test_evaluation_yields_every_stored_pixel_once_in_file_order(small, small_folder):
    images, _, ids = collect({"data": small, "batch_size": 16, "size": 32})
    assert np.array_equal(ids, np.arange(50))
    for image, path in zip(images, sorted(small_folder.rglob("*.png"))):
        assert np.array_equal(cv2.imread(str(path))[..., ::-1].transpose(2, 0, 1), image)


@pytest.mark.parametrize("stop", range(6))
def test_a_loader_restored_at_any_batch_yields_the_exact_rest(stop, training):
    with build_loader(LoaderConfig(**training)) as loader:
        loader.set_epoch(2)
        batches = [tuple(part.clone() for part in batch) for batch in loader]
    with build_loader(LoaderConfig(**training)) as loader:
        loader.set_epoch(2)
        iterator = iter(loader)
        for _ in range(stop):
            next(iterator)
        state = loader.state_dict()
        assert state == {"epoch": 2, "batch": stop % 5 if stop < 5 else 5}
    with build_loader(LoaderConfig(**training)) as loader:
        loader.load_state_dict(state)
        rest = [tuple(part.clone() for part in batch) for batch in loader]
    assert len(rest) == len(batches) - stop
    for ours, theirs in zip(rest, batches[stop:]):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs))


def test_drop_last_and_len_count_batches(training):
    for batch_size, drop_last, expected in ((8, False, 5), (8, True, 5), (7, False, 6), (7, True, 5)):
        with build_loader(LoaderConfig(**training | {"batch_size": batch_size, "drop_last": drop_last})) as loader:
            assert len(loader) == expected == sum(1 for _ in loader)


def test_images_are_uint8_and_channels_last(training):
    with build_loader(LoaderConfig(**training)) as loader:
        batch = next(iter(loader))
    assert batch.images.dtype == torch.uint8
    assert batch.images.shape == (8, 3, 48, 48)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.labels.dtype == batch.sample_ids.dtype == torch.int64


def test_a_batch_stays_valid_while_batches_ahead_more_are_taken(training):
    settings = training | {"batch_size": 2, "batches_ahead": 3}
    with build_loader(LoaderConfig(**settings)) as loader:
        iterator = iter(loader)
        first = next(iterator).images
        copy = first.clone()
        for _ in range(3):
            next(iterator)
        assert torch.equal(first, copy)


def test_leaving_early_ends_the_threads(training):
    before = threading.active_count()
    with build_loader(LoaderConfig(**training | {"batch_size": 2, "threads": 2})) as loader:
        for _ in range(5):
            for _batch in loader:
                break
    assert threading.active_count() == before


OPEN_AND_LOAD = """
import sys
from pathlib import Path
import numba, torch
from numba.core import event
from pipelines import LoaderConfig, build_loader

torch.set_num_threads(2)
before = torch.get_num_threads(), numba.get_num_threads(), numba.typed.Dict
with event.install_recorder("numba:compile") as compiled:
    with build_loader(LoaderConfig(data=Path(sys.argv[1]), batch_size=8, size=48, crop="center")) as loader:
        assert sum(1 for _ in loader) == 5
assert (torch.get_num_threads(), numba.get_num_threads(), numba.typed.Dict) == before
assert compiled.buffer == [], compiled.buffer
"""


def test_a_fresh_process_compiles_nothing_and_keeps_its_thread_counts(photos):
    """Opening imports ffcv, which alone would compile for seconds and set torch and Numba to one thread."""
    collect({"data": photos, "batch_size": 8, "size": 48, "crop": "center"})  # leaves the compiled code on disk
    subprocess.run([sys.executable, "-c", OPEN_AND_LOAD, photos], check=True, cwd=Path(__file__).parents[2])


MOVES = {
    "close": lambda loader: loader.close(),
    "set_epoch": lambda loader: loader.set_epoch(1),
    "another loop": lambda loader: next(iter(loader)),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_loop_over_a_loader_that_was_moved_raises_and_does_not_hang(move, training):
    with build_loader(LoaderConfig(**training)) as loader:
        batches = iter(loader)
        next(batches)
        MOVES[move](loader)
        with pytest.raises(RuntimeError, match="start a new loop"):
            next(batches)


def test_an_error_in_the_loader_thread_reaches_the_caller(training, monkeypatch):
    from pipelines.ffcv_epoch import Epoch

    def broken(*arguments):
        raise RuntimeError("broken stage")

    monkeypatch.setattr(Epoch, "run_pipeline", broken)
    with build_loader(LoaderConfig(**training)) as loader, pytest.raises(RuntimeError, match="broken stage"):
        next(iter(loader))


def test_a_damaged_picture_raises_with_dataset_and_sample_id(photos, tmp_path):
    from ffcv.reader import Reader

    damaged = tmp_path / "damaged.beton"
    contents = bytearray(photos.read_bytes())
    pointer = int(Reader(str(photos)).metadata["f0"]["data_ptr"][7])
    contents[pointer : pointer + 200] = bytes(200)
    damaged.write_bytes(contents)
    manifest = photos.with_name(photos.name + ".manifest.json").read_text()
    damaged.with_name(damaged.name + ".manifest.json").write_text(manifest)
    settings = {"data": damaged, "batch_size": 8, "size": 48, "crop": "center"}
    with build_loader(LoaderConfig(**settings)) as loader, pytest.raises(InputError, match=r"damaged.beton: sample 7"):
        for _ in loader:
            pass


def test_a_file_that_becomes_shorter_while_it_is_read_is_named(photos, tmp_path):
    cut = tmp_path / "cut.beton"
    cut.write_bytes(photos.read_bytes())
    manifest = photos.with_name(photos.name + ".manifest.json").read_text()
    cut.with_name(cut.name + ".manifest.json").write_text(manifest)
    settings = {"data": cut, "batch_size": 8, "size": 48, "crop": "center", "os_cache": False, "batches_ahead": 1}
    with build_loader(LoaderConfig(**settings)) as loader:
        with cut.open("r+b") as file:
            file.truncate(cut.stat().st_size // 4)
        with pytest.raises(InputError, match=r"cut.beton: became shorter while it was read"):
            list(loader)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, r"`batch_size` must be a whole number in 1..1048576, got 0"),
        ({"batch_size": "256"}, r"`batch_size` must be a whole number in 1..1048576, got '256'"),
        ({"size": -1}, r"`size` must be a whole number in 1..65500, got -1"),
        ({"threads": 2.5}, r"`threads` must be a whole number in 1..4096, got 2.5"),
        ({"batches_ahead": None}, r"`batches_ahead` must be a whole number"),
        ({"flip": "no"}, r"`flip` must be True or False, got 'no'"),
        ({"data": None}, r"`data` must be a path, got None"),
        ({"fractals": np.zeros((2, 64, 64))}, r"`fractals` must be a path, got array"),
        ({"device": "gpu"}, r"`device` must be 'cpu', 'cuda' or 'cuda:N', got 'gpu'"),
        ({"policy": "layermix"}, r"`policy` must be a policy such as LayerMix\(\), got 'layermix'"),
        ({"crop": "random"}, r"`crop` must be one of random_resized, pad, center, none; got 'random'"),
        ({"rank": 2, "world_size": 2}, r"`rank` must be in 0..1"),
        ({"padding": -1}, r"`padding` must be a whole number in 0..65500, got -1"),
        ({"scale": (0.5, 0.1)}, r"`scale` must be \(least, most\) in 1e-06..1"),
        ({"scale": 0.5}, r"`scale` must be \(least, most\)"),
        ({"ratio": (0, 1)}, r"`ratio` must be \(least, most\) in 0.001..1000"),
        ({"center_ratio": 0}, r"`center_ratio` must be in"),
        ({"seed": -3}, r"`seed` must be a whole number in"),
        ({"fractals": None}, r"`fractals` must name a fractal bank: the policy 'layermix'"),
    ],
)
def test_settings_outside_their_range_are_named(change, message, training):
    with pytest.raises(InputError, match=message):
        LoaderConfig(**training | change)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_named(training):
    with pytest.raises(InputError, match="`device` is 'cuda:1', and torch finds 0 GPUs"):
        build_loader(LoaderConfig(**training | {"device": "cuda:1"}))


def test_paths_may_be_strings(training):
    texts = {name: str(training[name]) for name in ("data", "fractals")}
    assert LoaderConfig(**training | texts) == LoaderConfig(**training)


def test_an_epoch_that_finds_no_memory_raises_and_nothing_fails_behind_it(training, monkeypatch):
    def refuse(*arguments):
        raise MemoryError("no memory")

    with build_loader(LoaderConfig(**training)) as loader:
        monkeypatch.setattr("ffcv.pipeline.graph.Graph.allocate_memory", refuse)
        with pytest.raises(MemoryError, match="no memory"):
            next(iter(loader))
    gc.collect()  # pytest makes an error of one in a finalizer


def test_a_dataset_that_does_not_fit_is_named(training, photos, fractal_bank, tmp_path):
    cases = [
        ({"size": 65}, r"fractals.beton: the smallest picture is 64 x 64, smaller than `size` 65"),
        ({"crop": "none"}, r"photos.beton: `crop` 'none' needs pictures of 48 x 48, sample 0 is"),
        ({"data": fractal_bank}, r"holds fractals, not images"),
        ({"data": tmp_path / "missing.beton"}, r"missing.beton: no such data file"),
        ({"data": tmp_path / "x.tar"}, r"x.tar: no such data file"),
        ({"batch_size": 41, "drop_last": True}, r"`batch_size` x `world_size` = 41 must be at most the 40 samples"),
    ]
    for change, message in cases:
        with pytest.raises(InputError, match=message):
            build_loader(LoaderConfig(**training | change))


def test_a_state_of_another_dataset_is_refused(training):
    with (
        build_loader(LoaderConfig(**training)) as loader,
        pytest.raises(InputError, match=r"`batch` of the loader state must be in 0..5, got 6"),
    ):
        loader.load_state_dict({"epoch": 0, "batch": 6})
