"""CIFAR-C's and CIFAR-P's files."""

import numpy as np
import pytest

from layermix.errors import InputError, run_program
from layermix.manifest import read_manifest
from writers.sources.npy import NpySource
from writers.write_dataset import main

PICTURES = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), np.uint8)
LABELS = np.tile(np.array([3, 0]), 5)


@pytest.fixture
def fog(tmp_path):
    np.save(tmp_path / "fog.npy", PICTURES)
    np.save(tmp_path / "labels.npy", LABELS)
    return tmp_path / "fog.npy"


def test_the_whole_file_and_one_severity_are_read(fog):
    whole, third = NpySource(fog), NpySource(fog, severity=3)
    assert (len(whole), len(third)) == (10, 2)
    assert np.array_equal(whole.read(7).image, PICTURES[7])
    assert np.array_equal(third.read(1).image, PICTURES[5])
    assert (third.read(1).label, third.read(1).name) == (0, f"{fog} row 5")
    assert whole.classes == ("0", "1", "2", "3")


def test_it_is_written(fog, tmp_path):
    flags = ["--source", "npy", "--root", str(fog), "--severity", "5", "--out", str(tmp_path / "x.beton")]
    assert run_program(main, flags) == 0
    manifest = read_manifest(tmp_path / "x.beton")
    assert (manifest.count, manifest.source["corruption"], manifest.source["severity"]) == (2, "fog", 5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("fog", PICTURES.astype(np.float32), r"fog\.npy: must be uint8 \(N, H, W, 3\), or .* got float32"),
        ("fog", PICTURES[None, None], "must be uint8"),
        ("fog", PICTURES[..., 0], "must be uint8"),
        ("fog", np.asfortranarray(PICTURES), "must be stored in C order"),
        ("fog", np.array([{}], object), r"fog\.npy: cannot be read as a \.npy \(.*objects"),
        ("labels", LABELS[:9], r"labels\.npy: must be 10 integers"),
        ("labels", LABELS - 1, "labels must be from 0"),
        ("labels", LABELS * 1.0, "must be 10 integers"),
    ],
)
def test_other_content_is_refused(fog, name, content, message):
    np.save(fog.with_name(f"{name}.npy"), content, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        NpySource(fog)


@pytest.mark.parametrize("share", [0.0, 0.003, 0.5])
def test_a_truncated_file_is_refused(fog, share):
    content = fog.read_bytes()
    fog.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"fog\.npy: cannot be read as a \.npy"):
        NpySource(fog)


@pytest.mark.parametrize(("severity", "count", "message"), [(6, 10, "from 1 to 5"), (1, 9, "five equal parts")])
def test_a_severity_that_is_not_there_is_refused(fog, severity, count, message):
    np.save(fog, PICTURES[:count])
    np.save(fog.with_name("labels.npy"), LABELS[:count])
    with pytest.raises(InputError, match=message):
        NpySource(fog, severity)


SEQUENCES = np.random.default_rng(1).integers(0, 256, (4, 6, 32, 32, 3), np.uint8)


@pytest.fixture
def tilt(tmp_path):
    np.save(tmp_path / "tilt.npy", SEQUENCES)
    return tmp_path / "tilt.npy"


def test_the_pictures_of_sequences_follow_one_another_with_the_label_of_theirs(tilt):
    np.save(tilt.with_name("labels.npy"), np.array([2, 0, 1, 1]))
    source = NpySource(tilt)
    assert (source.frames, len(source), source.classes) == (6, 24, ("0", "1", "2"))
    for index in range(24):
        sample = source.read(index)
        assert np.array_equal(sample.image, SEQUENCES[index // 6, index % 6])
        assert sample.label == (2, 0, 1, 1)[index // 6]
    assert source.read(13).name == f"{tilt} row 2 frame 1"


def test_sequences_are_written_without_labels_and_with_their_number_of_frames(tilt, tmp_path):
    out = tmp_path / "x.beton"
    assert run_program(main, ["--source", "npy", "--root", str(tilt), "--out", str(out)]) == 0
    manifest = read_manifest(out)
    assert (manifest.count, manifest.options["frames"], manifest.classes) == (24, 6, ("unlabelled",))


@pytest.mark.parametrize(
    ("labels", "severity", "message"),
    [
        (np.arange(24), None, r"labels\.npy: must be 4 integers as tilt\.npy has sequences, got int64 \(24,\)"),
        (np.arange(4), 1, "--severity means nothing to the sequences"),
    ],
)
def test_labels_and_severities_that_sequences_have_not_are_refused(labels, severity, message, tilt):
    np.save(tilt.with_name("labels.npy"), labels)
    with pytest.raises(InputError, match=message):
        NpySource(tilt, severity)


def test_truncated_sequences_are_refused(tilt):
    tilt.write_bytes(tilt.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"tilt\.npy: cannot be read as a \.npy"):
        NpySource(tilt)
