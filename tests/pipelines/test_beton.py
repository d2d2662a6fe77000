"""Opening: what is loaded was checked against the file first, and nothing in a header can do harm."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ffcv.types import FieldDescType, HeaderType

from layermix import InputError
from pipelines import LoaderConfig, build_loader
from pipelines.beton import open_beton, read_beton

ROOT = Path(__file__).parents[2]


def tables(path):
    """The whole file, and writable views of its header, metadata and allocation table."""
    file = np.frombuffer(bytearray(path.read_bytes()), np.uint8)
    header = file[: HeaderType.itemsize].view(HeaderType)
    start = HeaderType.itemsize + int(header["num_fields"][0]) * FieldDescType.itemsize
    row = open_beton(path).metadata.dtype
    metadata = file[start : start + int(header["num_samples"][0]) * row.itemsize].view(row)
    return file, header, metadata


def test_the_tables_are_those_that_ffcv_reads(photos):
    from ffcv.reader import Reader

    ours, theirs = open_beton(photos), Reader(str(photos))
    assert np.array_equal(ours.metadata, theirs.metadata)
    assert list(ours.field_names) == theirs.field_names
    assert np.array_equal(ours.addresses, np.sort(theirs.alloc_table["ptr"]))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("version", 7, r"its version must be 2, got 7"),
        ("num_fields", 0, r"its number of fields must be in 1..64, got 0"),
        ("num_fields", 60000, r"its number of fields"),
        ("num_samples", 0, r"its number of samples, 0, does not fit"),
        ("num_samples", 2**63, r"its number of samples, 9223372036854775808, does not fit"),
        ("alloc_table_ptr", 0, r"its allocation table cannot stand at 0"),
        ("alloc_table_ptr", 2**64 - 1, r"its allocation table cannot stand"),
    ],
)
def test_a_header_that_does_not_fit_the_file_is_refused(field, value, message, photos):
    file, header, _ = tables(photos)
    header[field] = value
    with pytest.raises(InputError, match=message):
        read_beton(file, photos)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("data_ptr", 1, r"sample 3 is stored where the allocation table has nothing"),
        ("height", 0, r"sample 3 has a height or width of 0"),
        ("mode", 9, r"sample 3 is neither JPEG, raw nor YUV"),
        ("mode", 1, r"sample 3 does not have height x width x 3 bytes"),
        ("mode", 2, r"sample 3 does not have the bytes of a YUV picture"),
        ("width", 65535, r"sample 3 has more than 89478485 pixels"),
    ],
)
def test_a_picture_that_does_not_fit_the_file_is_refused(field, value, message, photos):
    file, _, metadata = tables(photos)
    metadata["f0"][field][3] = value
    if value == 65535:
        metadata["f0"]["height"][3] = value
    with pytest.raises(InputError, match=message):
        read_beton(file, photos)


def test_a_file_cut_anywhere_is_refused(photos):
    file = np.frombuffer(photos.read_bytes(), np.uint8)
    for end in [*range(24, 3200, 97), *range(3200, file.size, file.size // 40), file.size - 24, file.size - 1]:
        with pytest.raises(InputError, match="cannot be loaded"):
            read_beton(file[:end], photos)


def test_a_file_without_manifest_loads_with_a_warning(photos, tmp_path):
    stock = tmp_path / "stock.beton"
    stock.write_bytes(photos.read_bytes())
    with pytest.warns(UserWarning, match="nothing vouches"):
        loader = build_loader(LoaderConfig(data=stock, batch_size=8, size=32, crop="center"))
    with loader:
        assert loader.manifest is None
        assert loader.classes == ("0", "1", "2", "3")
        assert sum(len(batch.images) for batch in loader) == 40


def run_mutations(photos, small, count, seed):
    program = ROOT / "tests" / "pipelines" / "mutate_beton.py"
    arguments = [sys.executable, str(program), str(photos), str(small), str(count), str(seed)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    refused, loaded = map(int, done.stdout.split())
    assert refused + loaded == count
    assert refused > 0
    assert loaded > 0


def test_mutated_headers_end_in_an_error_or_a_picture(photos, small):
    run_mutations(photos, small, 2000, 0)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_million_mutated_headers_end_in_an_error_or_a_picture(photos, small):
    run_mutations(photos, small, 1_000_000, 1)


@pytest.mark.parametrize("type_id", [0, 3, 4, 5, 6])
def test_fields_that_the_loader_does_not_use_are_known_by_their_size(type_id, photos):
    """A label that says to be of another type has another row, or is no label: refused, whatever its type."""
    file, _, _ = tables(photos)
    first = HeaderType.itemsize
    descriptions = file[first : first + 2 * FieldDescType.itemsize].view(FieldDescType)
    descriptions["type_id"][1] = type_id
    with pytest.raises(InputError, match="cannot be loaded"):
        read_beton(file, photos)
