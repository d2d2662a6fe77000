"""`eval.gallery`: the chain of each augmentation, and the sheet that shows it."""

import numpy as np
import pytest
from PIL import Image

from eval import gallery
from eval.gallery import STAGES, augmentation_gallery, contact_sheet, enlarge, first_pictures, folder_pictures
from layermix import FractalBank, LayerMix, augment
from layermix.errors import InputError


@pytest.fixture(scope="module")
def rows(photographs, fractals):
    return augmentation_gallery(photographs[:4], fractals, seed=5)


def test_there_is_a_row_for_every_operation_of_layermix(rows):
    assert [row.operation for row in rows] == list(LayerMix().operation_names())
    assert all(row.pictures.shape == (len(STAGES), 32, 32, 3) for row in rows)


def test_a_row_starts_with_its_own_picture(rows, photographs):
    for index, row in enumerate(rows):
        np.testing.assert_array_equal(row.pictures[0], photographs[index % 4])


def test_the_steps_are_what_the_engine_makes_of_the_picture(rows, photographs, fractals):
    for index, row in enumerate(rows):
        for step in (1, 2, 3):
            policy = LayerMix(operations=(row.operation,), step=step)
            image = photographs[index % 4][None]
            expected = augment(image, policy, fractals=fractals, seed=5, sample_ids=[index])
            np.testing.assert_array_equal(row.pictures[1 + step], expected[0])


def test_the_fractal_is_a_crop_of_a_bank_picture_up_to_flips(rows, fractals):
    for row in rows:
        shown = row.pictures[1]
        assert (shown == shown[:, :, :1]).all()
        assert any(contains(picture, shown[:, :, 0]) for picture in fractals)


def contains(picture: np.ndarray, crop: np.ndarray) -> bool:
    """Whether `crop`, or a flip of it, is a window of `picture`."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, crop.shape)
    flips = (crop, crop[::-1], crop[:, ::-1], crop[::-1, ::-1])
    return any((windows == flip).all(axis=(2, 3)).any() for flip in flips)


def test_the_released_variant_shows_its_own_operations(photographs, fractals):
    policy = LayerMix(variant="released")
    rows = augmentation_gallery(photographs[:1], FractalBank.from_array(fractals), policy=policy)
    assert [row.operation for row in rows] == list(policy.operation_names())


def test_the_sheet_has_a_tile_a_picture_with_sharp_pixels(rows):
    sheet = contact_sheet(rows, tile=64)
    pixels = np.asarray(sheet)
    first = np.asarray(enlarge(rows[0].pictures[0], 64))
    windows = np.lib.stride_tricks.sliding_window_view(pixels[:100], (64, 64), axis=(0, 1))
    assert (windows == first.transpose(2, 0, 1)).all(axis=(2, 3, 4)).any()
    assert sheet.height > len(rows) * 64
    assert sheet.width > len(STAGES) * 64


def test_first_pictures_are_copied_and_the_loader_is_wound_back(new_pictures):
    class Rewound(type(new_pictures())):
        epoch = None

        def set_epoch(self, epoch):
            self.epoch = epoch

    loader = Rewound()
    copied = first_pictures(loader, 3)
    next(iter(loader)).images.zero_()
    assert (copied.shape, copied.dtype) == ((3, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(copied[2], loader.images[2])
    assert loader.epoch == 0


def test_folder_pictures_are_central_squares_in_path_order(tmp_path):
    for name, level in (("b.png", 200), ("a/x.png", 100)):
        wide = np.zeros((20, 40, 3), np.uint8)
        wide[:, 10:30] = level
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(wide).save(tmp_path / name)
    pictures = folder_pictures(tmp_path, 5, 16)
    assert pictures.shape == (2, 16, 16, 3)
    assert [int(picture.min()) for picture in pictures] == [100, 200]


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(InputError, match=f"--images {tmp_path} must be a folder with pictures"):
        folder_pictures(tmp_path, 5, 16)


def test_the_program_writes_the_sheet(tmp_path, monkeypatch, photographs, bank, capsys):
    for index, picture in enumerate(photographs[:2]):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    monkeypatch.setattr(gallery.FractalBank, "open", lambda path: bank)
    out = tmp_path / "out" / "sheet.png"
    arguments = ["--images", str(tmp_path), "--fractals", "bank.beton", "--out", str(out), "--tile", "32"]
    assert gallery.main(arguments) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as sheet:
        assert sheet.width > 5 * 32


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give either --data or --images"),
        (["--data", "x", "--images", "y"], "give either --data or --images"),
        (["--images", "y", "--size", "4"], "--size must be ≥ 8 pixels, got 4"),
    ],
)
def test_bad_flags_are_one_line_errors(flags, message):
    with pytest.raises(InputError, match=message):
        gallery.main([*flags, "--fractals", "f.beton", "--out", "o.png"])
