"""The command that makes corrupted sets: released layouts, equal bytes however they are made, and bad input."""

import hashlib
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest
from corrupted_sets import NAMES, SMALL, tree
from damaged_jpegs import DAMAGED
from PIL import Image

from writers.corrupted.reading import shrunk
from writers.corruptions import CORRUPTIONS, SEVERITIES, corrupt, perturb
from writers.sources.digits import DigitsSource


@pytest.fixture(scope="module")
def clean_digits():
    source = DigitsSource("test")
    return np.stack([source.read(index).image for index in range(12)])


def test_cifar_c_is_severity_major_with_labels(make, tmp_path, clean_digits):
    assert make("--benchmark", "cifar-c", *SMALL, *NAMES) == 0
    folder = tmp_path / "set"
    assert sorted(path.name for path in folder.iterdir()) == [
        "contrast.npy",
        "gaussian_noise.npy",
        "labels.npy",
        "made_by.json",
    ]
    noise, labels = np.load(folder / "gaussian_noise.npy"), np.load(folder / "labels.npy")
    assert noise.dtype == labels.dtype == np.uint8
    assert noise.shape == (60, *clean_digits.shape[1:])
    for severity in SEVERITIES:
        rows = slice((severity - 1) * 12, severity * 12)
        expected = corrupt(clean_digits, "gaussian_noise", severity, 0, np.arange(12), "cifar-c")
        np.testing.assert_array_equal(noise[rows], expected)
    source = DigitsSource("test")
    np.testing.assert_array_equal(labels, [source.read(index).label for index in range(12)] * 5)


def test_all_that_the_benchmark_averages_over_is_made_if_no_names_are_given(make, tmp_path):
    assert make("--benchmark", "cifar-c", "--source", "digits", "--limit", "1", "--workers", "1") == 0
    assert {path.stem for path in (tmp_path / "set").glob("*.npy")} == {*CORRUPTIONS, "labels"}


def test_cifar_p_has_a_sequence_a_picture(make, tmp_path, clean_digits):
    assert make("--benchmark", "cifar-p", *SMALL, "--names", "translate") == 0
    frames = np.load(tmp_path / "set" / "translate.npy")
    np.testing.assert_array_equal(frames, perturb(clean_digits, "translate", 0, np.arange(12)))
    assert len(np.load(tmp_path / "set" / "labels.npy")) == 12


def test_the_record_says_regenerated_and_what_the_set_is(make, tmp_path):
    assert make("--benchmark", "cifar-cbar", *SMALL, "--names", "lines", "--seed", 7) == 0
    record = json.loads((tmp_path / "set" / "made_by.json").read_text())
    assert record["regenerated"] is True
    assert (record["benchmark"], record["names"], record["seed"]) == ("cifar-cbar", ["lines"], 7)
    assert record["source"]["taken"] == record["pictures"] == 12
    assert record["skipped"] == 0
    digest = hashlib.sha256((tmp_path / "set" / "lines.npy").read_bytes()).hexdigest()
    assert record["sha256"]["lines"] == digest


def middle(path: Path) -> np.ndarray:
    image = shrunk(np.asarray(Image.open(path).convert("RGB")))
    top, left = (round((side - 224) / 2) for side in image.shape[:2])
    return image[top : top + 224, left : left + 224]


def test_imagenet_c_is_jpegs_of_224_px_in_the_folders_of_the_released_set(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", class_folders, "--workers", "1")
    assert make(*arguments, "--names", "contrast") == 0
    files = sorted(path.relative_to(tmp_path / "set") for path in (tmp_path / "set").rglob("*.JPEG"))
    pictures = ("n01/a.JPEG", "n01/b.JPEG", "n02/a.JPEG", "n02/c.png.JPEG")
    assert files == [Path("contrast", str(severity), name) for severity in SEVERITIES for name in pictures]
    for sample_id, name in ((0, "n01/a.JPEG"), (2, "n02/a.JPEG")):
        expected = corrupt(middle(class_folders / name)[None], "contrast", 4, 0, [sample_id], "imagenet-c")[0]
        with Image.open(tmp_path / "set" / "contrast" / "4" / name) as found:
            assert found.quantization == Image.open(quality_85()).quantization
            assert np.abs(np.asarray(found).astype(int) - expected).mean() < 1.5


def quality_85():
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", quality=85)
    return buffer


def test_imagenet_p_is_videos_of_the_frames(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-p", "--source", "folder", "--root", class_folders, "--workers", "1")
    assert make(*arguments, "--names", "translate", "--limit", 1) == 0
    (path,) = (tmp_path / "set").rglob("*.mp4")
    assert path.relative_to(tmp_path / "set") == Path("translate", "n01", "a.mp4")
    with av.open(str(path)) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    image = shrunk(np.asarray(Image.open(class_folders / "n01" / "a.JPEG")))
    (expected,) = perturb([image], "translate", 0, [0], "imagenet-p")
    assert frames.shape == expected.shape == (41, 224, 224, 3)
    assert np.abs(frames.astype(int) - expected).mean() < 2


def test_bytes_do_not_depend_on_workers_or_other_names(make, tmp_path, class_folders):
    arguments = ("--benchmark", "imagenet-cbar", "--source", "folder", "--root", class_folders)
    assert make(*arguments, "--names", "sparkles", "blue_noise_sample", "--workers", "1", out="one") == 0
    assert make(*arguments, "--names", "blue_noise_sample", "--workers", "2", out="two") == 0
    one, two = tree(tmp_path / "one" / "blue_noise_sample"), tree(tmp_path / "two" / "blue_noise_sample")
    assert one == two
    assert len(one) == 20


def test_a_data_set_is_a_source_like_the_folder_it_came_from(make, tmp_path, clean_digits):
    from writers.write_dataset import main as write

    data = tmp_path / "digits.beton"
    assert write(["--source", "digits", "--split", "test", "--out", str(data)]) == 0
    arguments = ("--benchmark", "cifar-c", "--source", "dataset", "--root", data, "--limit", 12, "--workers", 1)
    assert make(*arguments, "--names", "contrast", out="stored") == 0
    assert make("--benchmark", "cifar-c", *SMALL, "--names", "contrast", out="direct") == 0
    stored, direct = tree(tmp_path / "stored"), tree(tmp_path / "direct")
    assert stored["contrast.npy"] == direct["contrast.npy"]
    assert stored["labels.npy"] == direct["labels.npy"]


def test_a_bad_picture_ends_the_run_and_is_named(make, tmp_path, folders_with_a_bad_picture, capsys):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, *NAMES, "--workers", "2") == 2
    assert "a2.JPEG: cannot be decoded" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_quarantine_leaves_a_bad_picture_out_of_every_severity_and_lists_it(
    make, tmp_path, folders_with_a_bad_picture, capsys
):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, "--names", "contrast", "--workers", "1", "--on-bad", "quarantine") == 0
    for severity in SEVERITIES:
        found = sorted(path.name for path in (tmp_path / "set" / "contrast" / str(severity) / "n01").iterdir())
        assert found == ["a.JPEG", "b.JPEG"]
    (line,) = (tmp_path / "set.quarantine.jsonl").read_text().splitlines()
    assert json.loads(line)["path"].endswith("a2.JPEG")
    assert json.loads((tmp_path / "set" / "made_by.json").read_text())["skipped"] == 1
    assert "1 bad pictures left out" in capsys.readouterr().out


def test_a_jpeg_of_which_pixels_would_be_made_up_is_a_bad_picture(make, tmp_path, class_folders, capsys):
    (class_folders / "n01" / "a2.JPEG").write_bytes(DAMAGED["bad Huffman code"])
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", class_folders)
    assert make(*arguments, "--names", "fog", "--workers", "1") == 2
    assert "a2.JPEG: cannot be decoded whole" in capsys.readouterr().err


def test_sample_ids_stay_those_of_the_source_when_a_picture_is_left_out(make, tmp_path, folders_with_a_bad_picture):
    arguments = ("--benchmark", "imagenet-c", "--source", "folder", "--root", folders_with_a_bad_picture)
    assert make(*arguments, "--names", "fog", "--workers", "1", "--on-bad", "skip") == 0
    clean = middle(folders_with_a_bad_picture / "n01" / "b.jpg")[None]
    right, wrong = (corrupt(clean, "fog", 5, 0, [sample_id], "imagenet-c")[0].astype(int) for sample_id in (2, 1))
    with Image.open(tmp_path / "set" / "fog" / "5" / "n01" / "b.JPEG") as found:
        assert np.abs(np.asarray(found) - right).mean() < 0.1 * np.abs(wrong - right).mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "--limit must be >= 1"),
        (["--seed", "-1"], "--seed must be in"),
        (["--names", "fgo"], "--names 'fgo' is not in cifar-c"),
        (["--resume", "--overwrite"], "give one of them"),
        (["--patience", "0"], "--patience must be > 0"),
        (["--root", "x"], "--root means nothing to --source digits"),
    ],
)
def test_mistakes_are_refused_before_anything_is_written(make, tmp_path, arguments, message, capsys):
    assert make("--benchmark", "cifar-c", "--source", "digits", *arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_replaced_only_on_request_and_only_if_it_was_made_here(make, tmp_path, capsys):
    arguments = ("--benchmark", "cifar-c", *SMALL, "--names", "contrast")
    assert make(*arguments) == 0
    before = tree(tmp_path / "set")
    assert make(*arguments) == 2
    assert "exists; choose another folder" in capsys.readouterr().err
    assert make(*arguments, "--overwrite", "--seed", 1, "--names", "impulse_noise") == 0
    assert "contrast.npy" not in tree(tmp_path / "set")
    assert before != tree(tmp_path / "set")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose")
    assert make(*arguments, "--overwrite", out="mine") == 2
    assert "was not made by this program" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").exists()
