"""Sets of pictures in the released layouts: read as they are, and bad ones named and counted."""

import av
import numpy as np
import pytest
from damaged_jpegs import DAMAGED, HARMLESS
from PIL import Image

from eval.benchmarks import BENCHMARKS, find_sets, is_regenerated
from eval.sets import NO_LABEL, ArrayPictures, BadPicturesError, FolderPictures, Unlabelled
from eval.sets.arrays import file_hash, open_array, open_labels
from eval.sets.corrupted import open_cifar_corruption, open_imagenet_corruption
from eval.sets.videos import FolderVideos
from layermix.errors import InputError
from writers.wnids import imagenet_wnids

LABELS = np.array([0, 1, 2, 0])


@pytest.fixture
def corruption(tmp_path):
    """A folder with fog.npy of four pictures of 8 px at five severities; every picture names its row."""
    images = np.zeros((20, 8, 8, 3), np.uint8)
    images[:] = np.arange(20)[:, None, None, None]
    np.save(tmp_path / "fog.npy", images)
    np.save(tmp_path / "labels.npy", np.tile(LABELS, 5))
    return tmp_path


def open_fog(folder, **changes):
    return open_cifar_corruption(folder, "fog", **({"size": 8, "classes": 3, "labels": LABELS} | changes))


def everything(pictures, size=3):
    batches = [read() for read in pictures.batches(size, range(-(-pictures.count // size)))]
    return [np.concatenate(column) for column in zip(*batches)]


class TestArrays:
    def test_severities_are_the_fifths_of_the_file_in_its_order(self, corruption):
        for severity, pictures in enumerate(open_fog(corruption)):
            images, labels, ids = everything(pictures)
            np.testing.assert_array_equal(images[:, 0, 0, 0], 4 * severity + np.arange(4))
            np.testing.assert_array_equal(labels, LABELS)
            np.testing.assert_array_equal(ids, np.arange(4))

    def test_the_hash_tells_severities_and_contents_apart(self, corruption):
        first, second, *_ = open_fog(corruption)
        assert first.data_hash != second.data_hash
        before = first.data_hash
        np.save(corruption / "fog.npy", np.ones((20, 8, 8, 3), np.uint8))
        file_hash.cache_clear()
        assert open_fog(corruption)[0].data_hash != before

    def test_a_file_cut_anywhere_is_refused(self, corruption):
        whole = (corruption / "fog.npy").read_bytes()
        for length in (0, 5, 60, 128, len(whole) // 2, len(whole) - 1):
            (corruption / "fog.npy").write_bytes(whole[:length])
            with pytest.raises(InputError, match=r"fog\.npy: cannot be read as a \.npy"):
                open_fog(corruption)

    def test_a_missing_file_is_named(self, corruption):
        (corruption / "fog.npy").unlink()
        with pytest.raises(InputError, match=r"fog\.npy: is not there; unpack the set again"):
            open_fog(corruption)

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((20, 8, 8, 3), np.float32), r"must be uint8 \(N, 8, 8, 3\), got float32"),
            (np.zeros((20, 9, 8, 3), np.uint8), r"got uint8 \(20, 9, 8, 3\)"),
            (
                np.zeros((20, 9, 9, 3), np.uint8),
                r"must be of 8 px, as the models take them, got 9 px; give models of 9 px, or pictures of 8 px",
            ),
            (np.zeros((19, 8, 8, 3), np.uint8), "must hold five times the 4 pictures of the test set, got 19"),
        ],
    )
    def test_other_types_shapes_and_counts_are_refused(self, array, message, corruption):
        np.save(corruption / "fog.npy", array)
        with pytest.raises(InputError, match=message):
            open_fog(corruption)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (np.zeros(20), r"must be integers \(N,\), got float64"),
            (np.full(20, 3), "labels must be in 0 to 2, the classes of the model, got 3 to 3"),
            (np.zeros(19, int), "must hold five times the 4 pictures of the test set, got 19"),
            (np.repeat(LABELS, 5), "must be the labels of the test set five times over, 10 of 20 differ"),
        ],
    )
    def test_labels_that_do_not_belong_to_the_test_set_are_refused(self, labels, message, corruption):
        np.save(corruption / "labels.npy", labels)
        with pytest.raises(InputError, match=rf"labels\.npy: .*{message}"):
            open_fog(corruption)

    def test_pickled_objects_are_not_loaded(self, tmp_path):
        np.save(tmp_path / "bad.npy", np.array([{}], dtype=object), allow_pickle=True)
        for read in (lambda: open_array(tmp_path / "bad.npy", (None,)), lambda: open_labels(tmp_path / "bad.npy", 3)):
            with pytest.raises(InputError, match="cannot be read"):
                read()

    def test_sequences_have_frames(self, tmp_path):
        np.save(tmp_path / "tilt.npy", np.zeros((4, 7, 8, 8, 3), np.uint8))
        images = open_array(tmp_path / "tilt.npy", (4, 7, 8, 8, 3))
        pictures = ArrayPictures(images, np.full(4, NO_LABEL), tmp_path / "tilt.npy")
        assert (pictures.count, pictures.frames) == (4, 7)
        assert everything(pictures)[0].shape == (4, 7, 8, 8, 3)


def write_pictures(folder, classes, count=2, side=16):
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            level = 10 * place + index
            Image.fromarray(np.full((side, side, 3), level, np.uint8)).save(folder / name / f"{index}.png")


class TestFolders:
    CLASSES = ("n01443537", "n01484850", "n02007558")

    def open(self, folder, classes=CLASSES, **changes):
        return FolderPictures(folder, classes, **({"size": 16, "center_ratio": 1.0} | changes))

    def test_pictures_come_in_the_order_of_folders_and_names(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        images, labels, ids = everything(self.open(tmp_path), size=4)
        np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 1, 10, 11, 20, 21])
        np.testing.assert_array_equal(labels, [0, 0, 1, 1, 2, 2])
        np.testing.assert_array_equal(ids, np.arange(6))

    def test_a_stored_picture_of_the_wanted_size_is_shown_bit_by_bit(self, tmp_path):
        picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
        (tmp_path / self.CLASSES[0]).mkdir()
        Image.fromarray(picture).save(tmp_path / self.CLASSES[0] / "a.png")
        images, *_ = everything(self.open(tmp_path, self.CLASSES[:1]))
        np.testing.assert_array_equal(images[0], picture)

    def test_labels_are_places_among_the_models_classes_in_their_order(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        _, labels, _ = everything(self.open(tmp_path, self.CLASSES[::-1]))
        np.testing.assert_array_equal(labels, [2, 2, 1, 1, 0, 0])

    def test_other_classes_of_imagenet_are_left_out(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        images, labels, _ = everything(self.open(tmp_path, self.CLASSES[1:2]))
        np.testing.assert_array_equal(images[:, 0, 0, 0], [10, 11])
        np.testing.assert_array_equal(labels, [0, 0])

    def test_missing_and_unknown_classes_are_counted_and_named(self, tmp_path):
        write_pictures(tmp_path, (self.CLASSES[0], "cat"))
        with pytest.raises(
            InputError, match=r"each of the 3 classes .* 2 missing \(n01484850, n0200.*\) and 1 unknown \("
        ):
            self.open(tmp_path)

    def test_folders_by_number_are_imagenets_classes(self, tmp_path):
        for number in range(1000):
            (tmp_path / str(number)).mkdir()
            Image.new("RGB", (4, 4)).save(tmp_path / str(number) / "0.png")
        pictures = self.open(tmp_path, imagenet_wnids("imagenet-1k"), size=4)
        np.testing.assert_array_equal(np.sort(pictures._labels), np.arange(1000))
        _, labels, _ = next(pictures.batches(3, [0]))()
        np.testing.assert_array_equal(labels, [0, 1, 10])  # folders sort as text

    def test_pictures_that_do_not_decode_are_all_named(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        for name in self.CLASSES[:2]:
            (tmp_path / name / "1.png").write_bytes(b"no picture")
        with pytest.raises(BadPicturesError) as caught:
            next(self.open(tmp_path).batches(6, [0]))()
        assert len(caught.value.reasons) == 2
        for name, reason in zip(self.CLASSES, caught.value.reasons):
            assert reason.startswith(str(tmp_path / name / "1.png"))

    def test_jpegs_of_which_pixels_would_be_made_up_are_all_named_and_odd_ones_taken(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        for kinds, name in ((DAMAGED, self.CLASSES[0]), (HARMLESS, self.CLASSES[1])):
            for number, data in enumerate(kinds.values()):
                (tmp_path / name / f"x{number}.png").write_bytes(data)
        pictures = self.open(tmp_path)
        with pytest.raises(BadPicturesError) as caught:
            next(pictures.batches(pictures.count, [0]))()
        assert len(caught.value.reasons) == len(DAMAGED)
        assert all("pixels would be made up" in reason for reason in caught.value.reasons)

    def test_without_labels_pictures_are_the_same(self, tmp_path):
        write_pictures(tmp_path, self.CLASSES)
        images, labels, _ = everything(Unlabelled(self.open(tmp_path)))
        np.testing.assert_array_equal(images[:, 0, 0, 0], [0, 1, 10, 11, 20, 21])
        assert (labels == NO_LABEL).all()

    @pytest.mark.parametrize("names", [("1", "2", "3", "4", "5"), ("0.5", "0.75", "1.0", "2.0", "10.0")])
    @pytest.mark.parametrize("group", ["", "blur"])
    def test_severities_are_in_rising_order_in_a_group_or_not(self, names, group, tmp_path):
        for level, name in enumerate(names):
            write_pictures(tmp_path / group / "fog" / name, self.CLASSES[:1], count=1)
            Image.new("RGB", (16, 16), (level, 0, 0)).save(tmp_path / group / "fog" / name / self.CLASSES[0] / "0.png")
        sets = open_imagenet_corruption(tmp_path, "fog", classes=self.CLASSES[:1], size=16, center_ratio=1.0)
        assert [int(everything(pictures)[0][0, 0, 0, 0]) for pictures in sets] == [0, 1, 2, 3, 4]

    def test_severities_that_are_missing_or_lack_a_picture_are_refused(self, tmp_path):
        def opened():
            return open_imagenet_corruption(tmp_path, "fog", classes=self.CLASSES[:1], size=16, center_ratio=1.0)

        with pytest.raises(InputError, match="fog: no such corruption, here or in a group folder"):
            opened()
        for level in range(1, 5):
            write_pictures(tmp_path / "fog" / str(level), self.CLASSES[:1], count=1)
        with pytest.raises(InputError, match="must hold five severities, got 4"):
            opened()
        write_pictures(tmp_path / "fog" / "5", self.CLASSES[:1], count=2)
        lacking = rf"fog/1: must hold the same pictures .*, 1 of 2 are not there \({self.CLASSES[0]}/1\.png\)"
        with pytest.raises(InputError, match=lacking):
            opened()
        (tmp_path / "fog" / "5" / self.CLASSES[0] / "1.png").rename(tmp_path / "fog" / "5" / self.CLASSES[0] / "0.png")
        assert [pictures.count for pictures in opened()] == [1] * 5


def write_video(path, frames, side=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for level in range(frames):
            picture = np.full((side, side, 3), 40 + 20 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


class TestVideos:
    CLASSES = ("n01443537", "n01484850")

    def open(self, folder):
        return FolderVideos(folder, self.CLASSES, size=16, frames=4)

    def test_frames_come_in_their_order(self, tmp_path):
        for name in self.CLASSES:
            write_video(tmp_path / name / "0.mp4", 4)
        pictures = self.open(tmp_path)
        images, labels, _ = everything(pictures)
        assert (pictures.frames, images.shape) == (4, (2, 4, 16, 16, 3))
        np.testing.assert_allclose(images.mean(axis=(2, 3, 4)), np.tile([40, 60, 80, 100], (2, 1)), atol=4)
        np.testing.assert_array_equal(labels, [0, 1])

    @pytest.mark.parametrize("fault", ["short", "long", "cut", "empty", "noise"])
    def test_videos_that_do_not_decode_or_have_other_frames_are_named(self, fault, tmp_path):
        for name in self.CLASSES:
            write_video(tmp_path / name / "0.mp4", 4)
        bad = tmp_path / self.CLASSES[1] / "0.mp4"
        whole = bad.read_bytes()
        if fault in ("short", "long"):
            write_video(bad, 3 if fault == "short" else 5)
        else:
            bad.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "noise": b"\x00" * 500}[fault])
        with pytest.raises(BadPicturesError) as caught:
            next(self.open(tmp_path).batches(2, [0]))()
        (reason,) = caught.value.reasons
        assert reason.startswith(str(bad))


class TestDiscovery:
    @pytest.mark.parametrize("name", ["CIFAR-10-C", "cifar10c", "CIFAR-10_C", "cifar-c"])
    def test_a_set_is_found_by_any_of_its_names(self, name, tmp_path):
        (tmp_path / name).mkdir()
        assert find_sets(tmp_path, 10) == {"cifar-c": tmp_path / name}

    def test_a_set_of_other_classes_is_not_taken(self, tmp_path):
        (tmp_path / "CIFAR-100-C").mkdir()
        assert find_sets(tmp_path, 10) == {}
        assert find_sets(tmp_path, 100) == {"cifar-c": tmp_path / "CIFAR-100-C"}

    def test_names_of_different_sets_do_not_meet(self):
        names = [(key, name.lower()) for key, facts in BENCHMARKS.items() for name in facts["folders"]]
        assert len({name for _, name in names}) == len(names)

    def test_a_root_that_is_no_folder_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"--root .* must be the folder that holds the benchmarks"):
            find_sets(tmp_path / "none", 10)

    def test_a_set_made_here_is_known_by_its_record(self, tmp_path):
        assert not is_regenerated(tmp_path)
        (tmp_path / "made_by.json").touch()
        assert is_regenerated(tmp_path)
