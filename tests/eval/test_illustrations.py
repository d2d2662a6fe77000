"""`eval.illustrations`: the worst errors are the most confident ones, and stored pictures come back as they were."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torch import nn

from eval.illustrations import (
    Album,
    AugmentationRow,
    Illustrations,
    WorstError,
    WorstErrors,
    are_stored,
    read_illustrations,
    save_illustrations,
)
from eval.illustrations.worst_errors import confident_mistakes, shown_cells, shown_pictures, worst_errors
from eval.plan import make_plan
from eval.predictions import Predictions
from eval.suites import SuiteOptions
from eval.suites.planning import Context
from layermix.errors import InputError
from writers.corruptions import corrupt


def noise(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8)


class TestAlbum:
    @pytest.mark.parametrize("side", [8, 64])
    def test_small_pictures_are_kept_exactly(self, side):
        album, picture = Album(), noise(side)
        address = album.address(album.add(picture))
        assert address.startswith("data:image/png;base64,")
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as shown:
            np.testing.assert_array_equal(np.asarray(shown), picture)

    def test_large_pictures_become_small_jpegs(self):
        album = Album()
        name = album.add(np.zeros((224, 112, 3), np.uint8))
        assert album.address(name).startswith("data:image/jpeg;base64,")
        with Image.open(io.BytesIO(album.files[name])) as shown:
            assert shown.size == (64, 128)

    def test_equal_pictures_are_one_file(self):
        album = Album()
        assert album.add(noise(8)) == album.add(noise(8)) != album.add(noise(8, seed=1))
        assert len(album.files) == 2


@pytest.fixture
def stored(tmp_path):
    """Illustrations in a folder: their folder, they, and their album."""
    album = Album()
    row = AugmentationRow(operation="rotate", pictures=tuple(album.add(noise(8, seed)) for seed in range(5)))
    error = WorstError(sample_id=3, label="cät", said="dog", confidence=1 / 3, picture=album.add(noise(200)))
    worst = WorstErrors(model="m", cell="clean", mistakes=4, count=9, errors=(error,))
    illustrations = Illustrations(augmentations=(row,), worst=(worst,))
    save_illustrations(tmp_path / "folder", illustrations, album)
    return tmp_path / "folder", illustrations, album


class TestStored:
    def test_they_come_back_as_they_were(self, stored):
        folder, illustrations, album = stored
        found, pictures = read_illustrations(folder)
        assert found == illustrations
        assert pictures.files == album.files

    def test_without_their_description_they_are_not_stored(self, stored):
        folder, _, _ = stored
        (folder / "illustrations.json").unlink()
        assert not are_stored(folder)
        found, album = read_illustrations(folder)
        assert (list(found.pictures()), album.files) == ([], {})
        assert "run the same python -m eval again" in found.missing

    def test_a_description_is_there_only_after_its_pictures(self, stored, monkeypatch):
        folder, illustrations, album = stored
        fresh = folder.with_name("fresh")

        def killed(self, place):
            raise KeyboardInterrupt

        monkeypatch.setattr(Album, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            save_illustrations(fresh, illustrations, album)
        assert not are_stored(fresh)

    def test_a_picture_that_is_missing_or_changed_is_named(self, stored):
        folder, illustrations, _ = stored
        name = illustrations.worst[0].errors[0].picture
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
        with pytest.raises(InputError, match=rf"{name}: the picture is damaged"):
            read_illustrations(folder)
        (folder / name).unlink()
        with pytest.raises(InputError, match=rf"{name}: cannot be read"):
            read_illustrations(folder)

    @pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "x.svg"])
    def test_a_description_cannot_name_other_files(self, stored, name):
        folder, illustrations, _ = stored
        (row,) = illustrations.augmentations
        hostile = replace(illustrations, augmentations=(replace(row, pictures=(name,)),))
        save_illustrations(folder, hostile, Album())
        with pytest.raises(InputError, match="is not the name of a stored picture"):
            read_illustrations(folder)

    @pytest.mark.parametrize("content", ["{", "[]", '{"worst": 3}', '{"worse": []}'])
    def test_a_damaged_description_is_named(self, stored, content):
        folder, _, _ = stored
        (folder / "illustrations.json").write_text(content)
        with pytest.raises(InputError, match=r"illustrations\.json"):
            read_illustrations(folder)

    def test_the_description_is_plain_json(self, stored):
        values = json.loads((stored[0] / "illustrations.json").read_text(encoding="utf-8"))
        assert values["worst"][0]["errors"][0]["label"] == "cät"


def test_errors_of_several_evaluations_stand_together_by_cell():
    rows = [
        WorstErrors(model=model, cell=cell, mistakes=0, count=1, errors=())
        for model in "ab"
        for cell in ("clean", "c/jpeg_compression/3")
    ]
    grouped = Illustrations(worst=tuple(rows)).by_cell()
    assert {title: [row.model for row in found] for title, found in grouped.items()} == {
        "Clean pictures": ["a", "b"],
        "Jpeg compression, severity 3": ["a", "b"],
    }


class TestConfidentMistakes:
    def predictions(self, count: int = 200) -> Predictions:
        logits = np.random.default_rng(0).normal(0, 2, (count, 4)).astype(np.float32)
        return Predictions(logits=logits, labels=np.arange(count) % 4, sample_ids=np.arange(count))

    def test_they_are_the_most_confident_of_all_mistakes(self):
        found = self.predictions()
        shares = np.exp(found.logits) / np.exp(found.logits).sum(axis=1, keepdims=True)
        mistakes = [
            (-row.max(), sample_id, int(row.argmax()))
            for sample_id, row in enumerate(shares)
            if row.argmax() != sample_id % 4
        ]
        worst = confident_mistakes(found, 9)
        assert (worst.total, worst.count) == (len(mistakes), 200)
        assert list(zip(worst.sample_ids, worst.said)) == [(row[1], row[2]) for row in sorted(mistakes)[:9]]
        np.testing.assert_allclose(worst.confidence, [-row[0] for row in sorted(mistakes)[:9]], rtol=1e-5)

    def test_there_are_no_more_than_mistakes(self):
        found = Predictions(logits=np.eye(3, dtype=np.float32), labels=np.array([0, 2, 2]), sample_ids=np.arange(3))
        worst = confident_mistakes(found, 5)
        assert (worst.sample_ids.tolist(), worst.said.tolist(), worst.total) == ([1], [1], 1)

    def test_equally_confident_ones_come_in_the_order_of_the_set(self):
        found = Predictions(
            logits=np.tile(np.array([3, 0], np.float32), (6, 1)),
            labels=np.array([1, 0, 1, 1, 0, 1]),
            sample_ids=np.arange(6),
        )
        assert confident_mistakes(found, 3).sample_ids.tolist() == [0, 2, 3]

    def test_the_exact_order_decides_where_logits_were_rounded(self):
        found = Predictions(
            logits=np.zeros((1, 3), np.float32),
            labels=np.array([0]),
            sample_ids=np.array([0]),
            order=np.array([[2, 0, 1]]),
        )
        assert confident_mistakes(found, 1).said.tolist() == [2]


class TestWorstErrors:
    @pytest.fixture
    def plan(self, pictures):
        options = SuiteOptions(corruptions=("contrast", "gaussian_noise"), regenerate=True)
        context = Context(pictures=pictures, classes=pictures.classes, size=8, options=options)
        return make_plan(("clean", "c"), context)

    def answers(self, wrong: dict[str, list[int]], plan) -> dict[str, Predictions]:
        """Predictions that are right but for these samples of these cells, which are taken for the next class."""
        labels = np.arange(30) % 3
        said = {cell.key: labels.copy() for cell in plan.cells}
        for key, samples in wrong.items():
            said[key][samples] = (labels[samples] + 1) % 3
        return {
            key: Predictions(logits=np.eye(3, dtype=np.float32)[row], labels=labels, sample_ids=np.arange(30))
            for key, row in said.items()
        }

    def test_the_corrupted_cell_is_the_one_that_models_together_get_wrong_most_often(self, plan):
        predictions = {
            "a": self.answers({"c/contrast/3": [1, 2], "c/gaussian_noise/5": list(range(9))}, plan),
            "b": self.answers({"c/contrast/3": [1], "c/gaussian_noise/3": [1, 2]}, plan),
        }
        assert [cell.key for cell in shown_cells(plan.cells, predictions)] == ["clean", "c/contrast/3"]

    def test_cells_that_are_not_finished_are_not_shown(self, plan):
        found = self.answers({}, plan)
        del found["c/contrast/3"], found["c/gaussian_noise/3"]
        assert [cell.key for cell in shown_cells(plan.cells, {"a": found})] == ["clean"]

    def test_pictures_are_those_that_the_models_were_shown(self, plan, pictures):
        clean, corrupted = plan.cells[0], next(cell for cell in plan.cells if cell.key == "c/contrast/3")
        for sample_id, picture in shown_pictures(clean, [0, 7, 8, 29]).items():
            np.testing.assert_array_equal(picture, pictures.images[sample_id])
        shown = shown_pictures(corrupted, [3, 20])
        expected = corrupt(pictures.images, "contrast", 3, 0, np.arange(30), benchmark="cifar-c")
        assert sorted(shown) == [3, 20]
        for sample_id, picture in shown.items():
            np.testing.assert_array_equal(picture, expected[sample_id])

    def test_every_model_has_its_own_errors_with_classes_by_name(self, plan, pictures, new_subject):
        predictions = {"a": self.answers({"clean": [4, 11]}, plan), "b": self.answers({"clean": [11, 12, 13]}, plan)}
        album = Album()
        subjects = [new_subject("a"), new_subject("b")]
        first, second, *_ = worst_errors(subjects, plan.cells, predictions, album, most=2)
        assert [(found.model, found.cell, found.mistakes, found.count) for found in (first, second)] == [
            ("a", "clean", 2, 30),
            ("b", "clean", 3, 30),
        ]
        assert [(error.sample_id, error.label, error.said) for error in first.errors] == [
            (4, "middle", "bright"),
            (11, "bright", "dark"),
        ]
        assert first.errors[1].picture == second.errors[0].picture == album.add(pictures.images[11])

    def test_the_first_so_many_are_explained(self, plan, pictures, new_subject):
        network = nn.Sequential(
            nn.Flatten(), nn.Unflatten(1, (3, 8, 8)), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3, 3)
        )
        predictions = {"a": self.answers({"clean": [4, 11, 20]}, plan)}
        album = Album()
        worst = worst_errors([new_subject("a", network)], plan.cells, predictions, album, most=3, explain=2)
        assert [bool(error.explanation) for error in worst[0].errors] == [True, True, False]
        assert {*Illustrations(worst=tuple(worst)).pictures()} == {*album.files}

    def test_none_are_read_where_none_are_asked_for(self, plan, new_subject, monkeypatch):
        monkeypatch.setattr("eval.illustrations.worst_errors.shown_pictures", None)
        predictions = {"a": self.answers({"clean": [1]}, plan)}
        assert worst_errors([new_subject("a")], plan.cells, predictions, Album(), most=0) == []
