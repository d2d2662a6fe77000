"""The DALI loader: the samples, the order and, from equal decoded pixels, the bytes of the FFCV loader."""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("nvidia.dali")

from layermix import InputError, LayerMix
from layermix.manifest import read_manifest
from layermix.policies import POLICIES
from pipelines import LoaderConfig, build_loader


@pytest.fixture
def training(dali_photos, fractal_bank) -> LoaderConfig:
    """Settings of the 224 px training graph, at 48 px."""
    return LoaderConfig(
        data=dali_photos, fractals=fractal_bank, batch_size=8, size=48, crop="random_resized", flip=True,
        policy=LayerMix(), order="random", seed=5,
    )  # fmt: skip


@pytest.fixture
def lossless(dali_small, fractal_bank) -> LoaderConfig:
    """Settings for pictures stored without loss."""
    return LoaderConfig(
        data=dali_small, fractals=fractal_bank, batch_size=16, size=32, crop="pad", flip=True, order="random", seed=5
    )


def batches(config: LoaderConfig, epoch: int = 0) -> list[tuple[torch.Tensor, ...]]:
    with build_loader(config) as loader:
        loader.set_epoch(epoch)
        return [tuple(part.clone() for part in batch) for batch in loader]


def equal(first, second) -> bool:
    return len(first) == len(second) and all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x, y))


def mean_differences(first, second) -> torch.Tensor:
    """Mean absolute difference of each picture, in 1/255; ids must be equal."""
    assert all(torch.equal(a, b) for x, y in zip(first, second) for a, b in zip(x[1:], y[1:]))
    return torch.cat([(a[0].float() - b[0].float()).abs().mean(dim=(1, 2, 3)) for a, b in zip(first, second)])


@pytest.mark.parametrize("policy", POLICIES)
def test_from_equal_pixels_every_policy_gives_the_bytes_of_the_ffcv_graph(policy, lossless, small):
    config = replace(lossless, policy=POLICIES[policy](), threads=2)
    assert equal(batches(config, 3), batches(replace(config, data=small), 3))


@pytest.mark.parametrize(
    "change",
    [
        {"crop": "random_resized", "size": 24},
        {"crop": "center", "size": 24, "center_ratio": 0.875, "flip": False, "order": "sequential"},
        {"crop": "none", "policy": None, "fractals": None},
        {"views": 3},
        {"rank": 1, "world_size": 3, "pad": True},
        {"drop_last": True, "order": "quasi_random"},
        {"os_cache": False},
    ],
)
def test_from_equal_pixels_every_setting_gives_the_batches_of_the_ffcv_graph(change, lossless, small):
    config = replace(lossless, **{"policy": LayerMix(), **change})
    assert equal(batches(config, 1), batches(replace(config, data=small), 1))


@pytest.mark.parametrize("crop", ["random_resized", "center"])
def test_from_jpegs_pictures_differ_from_those_of_the_ffcv_graph_by_the_decoders_alone(crop, training, photos):
    """DALI's decoder enlarges chroma before the crop is resized, ours after it: under 1 / 255 in the mean."""
    config = replace(training, crop=crop, policy=None, fractals=None)
    differences = mean_differences(batches(config), batches(replace(config, data=photos)))
    assert len(differences) == 40
    assert differences.mean() < 1
    assert differences.max() < 4


@pytest.mark.parametrize("container", ["tfrecord", "recordio"])
def test_every_format_gives_the_batches_of_webdataset(container, training, write_set, photo_folder):
    data = write_set(photo_folder, container, "--shards", 2)
    assert equal(batches(replace(training, data=data)), batches(training))


def test_bytes_do_not_depend_on_threads_batch_size_or_world_size(training):
    def by_id(parts):
        columns = [torch.cat(column) for column in zip(*parts)]
        return [tuple(column[columns[2].argsort()] for column in columns)]

    whole = by_id(batches(training))
    assert equal(whole, by_id(batches(replace(training, threads=3, batch_size=7))))
    ranks = [batches(replace(training, rank=rank, world_size=3)) for rank in range(3)]
    assert equal(whole, by_id([batch for rank in ranks for batch in rank]))


@pytest.mark.parametrize("stop", range(6))
def test_a_loader_restored_at_any_batch_yields_the_exact_rest(stop, training):
    whole = batches(training, 2)
    with build_loader(training) as loader:
        loader.set_epoch(2)
        iterator = iter(loader)
        for _ in range(stop):
            next(iterator)
        state = loader.state_dict()
        assert state == {"epoch": 2, "batch": stop}
    with build_loader(training) as loader:
        loader.load_state_dict(state)
        rest = list(loader)
        assert equal(rest, whole[stop:])
        assert loader.state_dict() == {"epoch": 2, "batch": 0}


def test_batches_have_memory_of_their_own(training):
    with build_loader(replace(training, batch_size=2, batches_ahead=1)) as loader:
        kept = list(loader)
    assert equal(kept, batches(replace(training, batch_size=2)))
    assert kept[0].images.is_contiguous(memory_format=torch.channels_last)
    assert kept[0].images.dtype == torch.uint8


def test_labels_and_classes_are_the_datasets(training):
    with build_loader(training) as loader:
        assert loader.classes == ("class_0", "class_1", "class_2", "class_3")
        assert (loader.num_samples, len(loader)) == (40, 5)
        assert loader.manifest == read_manifest(training.data)
        for batch in loader:
            assert torch.equal(batch.labels, batch.sample_ids // 10)


def test_the_folder_of_a_set_stands_for_the_set(training):
    assert equal(batches(replace(training, data=training.data.parent)), batches(training))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_early_exits_leak_no_thread_and_no_memory(training):
    with build_loader(replace(training, batch_size=4, size=64, threads=2)) as loader:
        for number in range(60):
            if number == 20:
                loader.close()
                threads, memory = count_threads(), resident_bytes()
            loader.set_epoch(number)
            for _batch in loader:
                break
        loader.close()
        assert count_threads() <= threads
        assert resident_bytes() - memory < 20e6


def count_threads() -> int:
    """Threads of the process, DALI's among them, that Python does not know of."""
    return len(list(Path("/proc/self/task").iterdir()))


def test_a_loop_over_a_loader_that_was_moved_says_so(training):
    with build_loader(training) as loader:
        iterator = iter(loader)
        next(iterator)
        loader.set_epoch(1)
        with pytest.raises(RuntimeError, match="closed or moved"):
            next(iterator)


def test_an_error_while_feeding_reaches_the_caller(training, monkeypatch):
    from pipelines.dali_loader import DALILoader

    def broken(*arguments):
        raise ZeroDivisionError("broken feed")

    monkeypatch.setattr(DALILoader, "feed", broken)
    with build_loader(training) as loader, pytest.raises(ZeroDivisionError, match="broken feed"):
        next(iter(loader))


def test_a_stage_that_did_not_finish_is_noticed(training, monkeypatch, capfd):
    """Its receipt is missing then: DALI itself only prints what a compiled function raises."""
    from pipelines import dali_loader

    draw = dali_loader.draw_places

    def negative(config, epoch, sample_ids, samples):
        places = draw(config, epoch, sample_ids, samples)
        places["sample_id"][3] = -1
        return places

    monkeypatch.setattr(dali_loader, "draw_places", negative)
    with build_loader(training) as loader, pytest.raises(RuntimeError, match=r"the mixing stage failed on sample \d+"):
        next(iter(loader))


def test_a_dataset_that_does_not_fit_is_named(training, fractal_bank, dali_photos, monkeypatch):
    cases = [
        ({"size": 65}, r"fractals.beton: the smallest picture is 64 x 64, smaller than `size` 65"),
        ({"crop": "none"}, r"data.tar: `crop` 'none' needs pictures of 48 x 48, sample 0 is"),
        ({"batch_size": 41, "drop_last": True}, r"`batch_size` x `world_size` = 41 must be at most the 40 samples"),
        ({"data": dali_photos.with_name("missing.tar")}, r"missing.tar: no such data file"),
    ]
    for change, message in cases:
        with pytest.raises(InputError, match=message):
            build_loader(replace(training, **change))
    for name in ("nvidia.dali", "nvidia.dali.pipeline"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "pipelines.dali_loader", raising=False)
    with pytest.raises(InputError, match=r"needs DALI, which is not installed .*install layermix\[cuda13\]"):
        build_loader(training)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decode": "gpu"}, r"`decode` 'gpu' needs a GPU as `device`, got 'cpu'"),
        ({"decode": "mixed"}, r"`decode` must be one of cpu, gpu; got 'mixed'"),
        ({"hw_decoder_load": 1.5}, r"`hw_decoder_load` must be in 0..1, got 1.5"),
    ],
)
def test_settings_outside_their_range_are_named(change, message, training):
    with pytest.raises(InputError, match=message):
        replace(training, **change)


def test_decoding_on_a_gpu_is_refused_for_a_beton(photos):
    with pytest.raises(InputError, match=r"`decode` 'gpu' needs a set in one of DALI's formats, got .*photos.beton"):
        build_loader(LoaderConfig(data=photos, batch_size=8, size=48, crop="center", decode="gpu", device="cuda"))


def test_python_threads_end_with_the_loader(training):
    before = threading.active_count()
    batches(training)
    assert threading.active_count() == before
