"""The prediction store: exact where it must be, whole or missing, and nothing read that was not asked for."""

import numpy as np
import pytest

from eval.metrics import confidence_and_correct, top_k_mistakes, top_order
from eval.predictions import SequencePredictions
from eval.store import CellKey, StoredCell, StoredPredictions, encode_pictures, encode_sequences
from layermix.errors import InputError


def key(**changes) -> CellKey:
    return CellKey(**({"weights": "a" * 64, "data": "b", "cell": "clean", "preparation": {}, "count": 10} | changes))


def columns(count: int, first: int = 0, classes: int = 4):
    """Predictions whose logits name their sample."""
    logits = np.zeros((count, classes), np.float32)
    logits[:, 0] = first + np.arange(count)
    return encode_pictures(logits, None, np.zeros(count, np.int64))


@pytest.fixture
def cell(tmp_path) -> StoredCell:
    found = StoredCell(tmp_path, key())
    found.prepare()
    return found


def test_what_is_missing_is_what_no_shard_holds(cell):
    assert cell.missing() == [range(10)]
    cell.add(3, columns(2))
    assert cell.missing() == [range(3), range(5, 10)]
    cell.add(0, columns(3))
    cell.add(5, columns(5))
    assert cell.missing() == []


def test_shards_are_joined_in_the_order_of_the_samples_however_they_came(cell):
    for first, count in ((7, 3), (0, 4), (4, 3)):
        cell.add(first, columns(count, first))
    np.testing.assert_array_equal(cell.load().logits[:, 0], np.arange(10))


def test_samples_of_two_shards_count_once(cell):
    for first, count in ((0, 6), (4, 6)):
        cell.add(first, columns(count, first))
    found = cell.load()
    assert len(found) == 10
    np.testing.assert_array_equal(found.logits[:, 0], np.arange(10))


def test_an_unfinished_cell_is_refused_and_left_out_of_a_models_predictions(cell, tmp_path):
    cell.add(0, columns(6))
    with pytest.raises(InputError, match="4 of 10 samples are missing; run the evaluation on"):
        cell.load()
    whole = StoredCell(tmp_path, key(cell="whole", count=2))
    whole.add(0, columns(2))
    assert list(StoredPredictions({"clean": cell, "whole": whole})) == ["whole"]


@pytest.mark.parametrize("change", [{"weights": "c" * 64}, {"data": "c"}, {"preparation": {"size": 1}}, {"count": 9}])
def test_whatever_predictions_depend_on_is_part_of_the_key(change, cell, tmp_path):
    assert StoredCell(tmp_path, key(**change)).folder != cell.folder


def test_a_cell_is_opened_by_its_folder(cell, tmp_path):
    opened = StoredCell.open(tmp_path, str(cell.folder.relative_to(tmp_path)))
    assert opened.key == cell.key
    assert opened.folder == cell.folder
    with pytest.raises(InputError, match="is not a cell of a store"):
        StoredCell.open(tmp_path, "nothing")


def test_every_damaged_byte_of_a_shard_is_an_error_and_never_another_number(cell):
    cell.add(0, columns(10))
    (shard,) = cell.folder.glob("*.npz")
    whole, expected = shard.read_bytes(), cell.load()
    for place in range(0, len(whole), 7):
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = _loaded(cell)
        if found is not None:
            np.testing.assert_array_equal(found.logits, expected.logits)
            np.testing.assert_array_equal(found.labels, expected.labels)


def _loaded(cell: StoredCell):
    """The predictions; None where an InputError says that they are damaged."""
    try:
        return cell.load()
    except InputError:
        return None


@pytest.mark.parametrize("length", [0, 10, 200])
def test_a_cut_shard_is_an_error(length, cell):
    cell.add(0, columns(10))
    (shard,) = cell.folder.glob("*.npz")
    shard.write_bytes(shard.read_bytes()[:length])
    with pytest.raises(InputError, match=r"the shard is damaged .* remove it and run the evaluation on"):
        cell.load()


def test_a_shard_of_another_length_than_its_name_says_is_refused(cell):
    cell.add(0, columns(10))
    (shard,) = cell.folder.glob("*.npz")
    np.savez(shard, **columns(9))
    with pytest.raises(InputError, match="must hold 10 rows in every column"):
        cell.load()


def test_a_shard_without_a_column_is_refused(cell):
    cell.add(0, columns(10))
    (shard,) = cell.folder.glob("*.npz")
    np.savez(shard, logits=columns(10)["logits"])
    with pytest.raises(InputError, match="must hold 10 rows in every column"):
        cell.load()
    with pytest.raises(InputError, match="must hold 10 rows in every column"):
        StoredPredictions({"clean": cell})["clean"]


@pytest.fixture(scope="module")
def imagenet_like() -> tuple[np.ndarray, np.ndarray]:
    """Logits of 1,000 classes, the fifth and one more so near that float16 cannot tell them apart, and labels."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (64, 1000)).astype(np.float32)
    fifth = top_order(logits)[:, 4]
    logits[:, 17] = logits[np.arange(64), fifth] + generator.choice([-1e-5, 1e-5], 64).astype(np.float32)
    return logits, np.where(np.arange(64) % 2, fifth, 17)


def test_errors_are_exact_although_float16_makes_ties(imagenet_like, tmp_path):
    logits, labels = imagenet_like
    cell = StoredCell(tmp_path, key(count=64))
    cell.add(0, encode_pictures(logits, top_order(logits), labels))
    found = cell.load()
    for k in (1, 5):
        np.testing.assert_array_equal(found.mistakes(k), top_k_mistakes(logits, labels, k))
    assert (top_k_mistakes(found.logits, labels, 5) != found.mistakes(5)).any()


def test_logits_are_read_once_for_all_that_is_made_of_them_and_never_for_errors(imagenet_like, tmp_path, monkeypatch):
    logits, labels = imagenet_like
    cells = {name: StoredCell(tmp_path, key(cell=name, count=64)) for name in ("one", "other")}
    for cell in cells.values():
        cell.add(0, encode_pictures(logits, top_order(logits), labels))
    predictions, read, asked = StoredPredictions(cells), StoredCell.read, []
    monkeypatch.setattr(
        StoredCell, "read", lambda cell, names=(): asked.append((cell.key.cell, *names)) or read(cell, names)
    )
    for name, cell in cells.items():
        found, whole = predictions[name], cell.load()
        asked.clear()
        np.testing.assert_array_equal(found.mistakes(5), whole.mistakes(5))
        np.testing.assert_array_equal(found.predicted(), whole.predicted())
        assert asked == []
        for temperature in (1.0, 1.5):
            np.testing.assert_array_equal(
                found.confidence_and_losses(temperature), whole.confidence_and_losses(temperature)
            )
        np.testing.assert_array_equal(found.squared_distances(), whole.squared_distances())
        np.testing.assert_array_equal(found.rows(labels == 17).logits, whole.logits[labels == 17])
        assert asked == [(name, "logits", "largest")]
    asked.clear()
    for name in cells:
        predictions[name].confidence_and_correct()
        predictions[name].squared_distances()
    assert asked == []


def test_confidences_from_float16_are_within_a_thousandth(imagenet_like, tmp_path):
    logits, labels = imagenet_like
    cell = StoredCell(tmp_path, key(count=64))
    for scale, offset in ((1, 0), (0.01, 50), (5, -300)):
        shown = (logits * scale + offset).astype(np.float32)
        cell = StoredCell(tmp_path, key(count=64, cell=f"{scale}"))
        cell.add(0, encode_pictures(shown, top_order(shown), labels))
        confidence, _ = cell.load().confidence_and_correct()
        np.testing.assert_allclose(confidence, confidence_and_correct(shown, labels)[0], atol=1e-3)


def test_up_to_256_classes_logits_come_back_as_they_were(tmp_path):
    logits = np.random.default_rng(1).normal(size=(10, 256)).astype(np.float32)
    cell = StoredCell(tmp_path, key())
    cell.add(0, encode_pictures(logits, None, np.arange(10)))
    np.testing.assert_array_equal(cell.load().logits, logits)


def test_of_sequences_the_first_classes_of_every_frame_come_back(tmp_path):
    order = np.random.default_rng(2).permuted(np.tile(np.arange(1000), (10, 3, 1)), axis=2)[..., :5]
    cell = StoredCell(tmp_path, key(frames=3))
    cell.add(0, encode_sequences(order, np.zeros(10, np.int64)))
    found = cell.load()
    assert isinstance(found, SequencePredictions)
    np.testing.assert_array_equal(found.order, order)
