"""Every format but .beton, read back by DALI and by a second reader that is not ours."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
from format_readers import SECOND_READERS, by_dali
from picture_files import ListSource, cmyk_jpeg, encoded, jpeg, smooth_picture

from layermix import FractalBank
from layermix.errors import InputError
from layermix.manifest import FORMATS, dataset_path, read_manifest
from layermix.samples import read_samples
from writers import unfinished
from writers.dataset import write_file
from writers.formats.layouts import FractalLayout, ImageLayout
from writers.images import decode_image
from writers.options import StoreOptions
from writers.ranks import Rank
from writers.verify import verify
from writers.write_set import SetWriter

OTHERS = [name for name in FORMATS if name != "beton"]
SMALL = [smooth_picture(32, 32, n) for n in range(5)]
LARGE = [smooth_picture(70, 80, n) for n in range(4)]
KEPT = [jpeg(picture) for picture in LARGE]

# The webdataset package leaves files to the garbage collector, which may strike in a later test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

every_format = pytest.mark.parametrize("format", OTHERS)


def write(out, format, images, *, options=None, **flags):
    layout = ImageLayout(options or StoreOptions(), format)
    return write_file(ListSource(images), out, layout, options={}, **flags)


def path_of(folder, format):
    return folder / f"a{FORMATS[format]}"


@pytest.fixture(params=["DALI", "second"])
def read_back(request):
    """Reads a data set: a list of (sample id, label, bytes of the picture)."""
    if request.param == "DALI":
        return by_dali
    return lambda data: list(SECOND_READERS[read_manifest(data).format](data))


@every_format
def test_jpegs_keep_their_bytes_and_small_pictures_are_png_without_loss(tmp_path, format, read_back):
    path = path_of(tmp_path, format)
    write(path, format, [*KEPT, *SMALL])
    samples = read_back(path)
    assert [(number, label) for number, label, _ in samples] == [(n, n % 2) for n in range(9)]
    assert [data for *_, data in samples[:4]] == KEPT
    for (*_, data), pixels in zip(samples[4:], SMALL):
        assert data.startswith(b"\x89PNG")
        assert np.array_equal(decode_image(data, "x"), pixels)


@every_format
def test_options_have_their_way(tmp_path, format):
    images = [*KEPT, cmyk_jpeg(LARGE[0]), encoded(LARGE[0], "PNG")]
    write(path_of(tmp_path, format), format, images, options=StoreOptions(mode="raw"))
    pictures = [data for *_, data in by_dali(path_of(tmp_path, format))]
    assert all(data.startswith(b"\x89PNG") for data in pictures)
    assert np.array_equal(decode_image(pictures[5], "x"), LARGE[0])
    write(path_of(tmp_path, format), format, images, options=StoreOptions(short_side=66), overwrite=True)
    pictures = [decode_image(data, "x") for *_, data in by_dali(path_of(tmp_path, format))]
    assert {picture.shape for picture in pictures} == {(66, 75, 3)}
    assert np.abs(pictures[5].astype(int).mean() - LARGE[0].mean()) < 2


@every_format
def test_planes_are_refused(format):
    with pytest.raises(InputError, match=f"--yuv stores planes that no reader of {format} decodes; use --format beton"):
        ImageLayout(StoreOptions(mode="yuv"), format)


@every_format
@pytest.mark.parametrize("shards", [1, 3, 20])
def test_ids_run_through_a_set_of_shards(tmp_path, format, shards, read_back):
    out = path_of(tmp_path, format)
    layout = ImageLayout(StoreOptions(), format)
    writer = SetWriter(source=ListSource(SMALL * 4), out=out, layout=layout, options={}, shards=shards)
    for number in reversed(range(2)):
        writer.write_as(Rank(number=number, size=2), patience=1)
    assert [number for number, *_ in read_back(out)] == list(range(20))
    assert dataset_path(tmp_path) == out


@every_format
def test_ids_have_no_gaps_where_shards_leave_out_bad_pictures(tmp_path, format, read_back, monkeypatch):
    out, flags = path_of(tmp_path, format), {"shards": 3, "on_bad": "quarantine"}
    images = [b"bad" if n in (1, 2, 7, 11) else smooth_picture(8 + n, 9, n) for n in range(12)]
    writer = SetWriter(
        source=ListSource(images), out=out, layout=ImageLayout(StoreOptions(), format), options={}, **flags
    )
    with monkeypatch.context() as patch:
        patch.setattr("writers.write_set.renumber", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer.write_as(Rank(), patience=1)
    with monkeypatch.context() as patch:
        patch.setattr("writers.publish.write_manifest", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer.publish()
    with pytest.raises(InputError, match="shards 1 of 3 are not finished"):
        writer.publish()
    manifest = dataclasses.replace(writer, resume=True).write_as(Rank(), patience=1)
    assert manifest is not None
    assert [shard.first_id for shard in manifest.shards] == [0, 2, 5]
    good = [n for n in range(12) if n not in (1, 2, 7, 11)]
    samples = read_back(out)
    assert [(number, label) for number, label, _ in samples] == [(n, m % 2) for n, m in enumerate(good)]
    assert [decode_image(data, "x").shape[0] for *_, data in samples] == [8 + n for n in good]
    assert verify(out) == []
    assert not list(tmp_path.glob("*.journal"))
    lines = [path.read_text().count("\n") for path in sorted(tmp_path.glob("*.quarantine.jsonl"))]
    assert lines == [2, 1, 1]


def interrupt(*_):
    raise KeyboardInterrupt


@every_format
def test_the_bytes_follow_from_the_source_alone(tmp_path, format):
    images = [jpeg(smooth_picture(40 + 7 * n, 90, n)) for n in range(20)]
    for threads in (1, 3):
        write(tmp_path / f"{threads}{FORMATS[format]}", format, images, threads=threads)
    contents = [
        {path.suffix: path.read_bytes() for path in tmp_path.glob(f"{threads}.*") if path.suffix != ".json"}
        for threads in (1, 3)
    ]
    assert len(contents[0]) == 4
    assert contents[0] == contents[1]


@every_format
@pytest.mark.parametrize("at", [1, 9, 23])
def test_a_write_broken_off_is_continued_to_the_same_bytes(tmp_path, format, at, monkeypatch):
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_BLOCKS", 0.0)
    images: list = [smooth_picture(8 + n, 9, n) if n % 3 else jpeg(smooth_picture(70, 80, n)) for n in range(24)]
    whole = write(path_of(tmp_path / "whole", format), format, images)
    path = path_of(tmp_path, format)
    with pytest.raises(RuntimeError):
        write(path, format, [*images[:at], RuntimeError("a defect"), *images[at + 1 :]])
    assert not path.exists()
    assert write(path, format, images, resume=True) == whole
    assert path.read_bytes() == path_of(tmp_path / "whole", format).read_bytes()


@every_format
@pytest.mark.parametrize("count", [6, pytest.param(300, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_found_and_traced_to_its_sample(tmp_path, format, count):
    path = path_of(tmp_path, format)
    rows = read_samples(path, write(path, format, [*KEPT, *SMALL]))
    content = path.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(content), count).tolist():
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        (number,) = np.flatnonzero(rows["record"] <= bit // 8)[-1:]
        inside = bit // 8 < rows["record"][number] + rows["length"][number]
        what = (
            f"sample {number}: its record or its row of the table is" if inside else "the bytes outside the samples are"
        )
        assert verify(path) == [f"{path}: {what} damaged"]
    path.write_bytes(content)
    for suffix in (".idx", ".table", ".hashes", ".manifest.json"):
        beside = path.with_name(path.name + suffix)
        kept = beside.read_bytes()
        beside.write_bytes(kept[:-2] + bytes([kept[-2] ^ 4]) + kept[-1:])
        assert len(verify(path)) == 1
        assert str(beside) in verify(path)[0]
        beside.write_bytes(kept)
    assert verify(path) == []


@every_format
def test_the_manifest_vouches_for_the_file_and_what_stands_beside_it(tmp_path, format):
    path = path_of(tmp_path, format)
    manifest = write(path, format, [*KEPT, *SMALL, b"bad"], on_bad="quarantine")
    assert read_manifest(path) == manifest
    assert (manifest.format, manifest.count, manifest.skipped) == (format, 9, 1)
    assert manifest.bytes == path.stat().st_size
    assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    for side in (manifest.index, manifest.table, manifest.hashes, manifest.quarantine):
        assert side is not None
        assert side.sha256 == hashlib.sha256((tmp_path / side.file).read_bytes()).hexdigest()


@every_format
def test_the_table_says_where_each_picture_stands(tmp_path, format):
    path = path_of(tmp_path, format)
    rows = read_samples(path, write(path, format, [*KEPT, *SMALL]))
    content = path.read_bytes()
    assert [content[row["start"] : row["start"] + row["size"]] for row in rows[:4]] == KEPT
    assert rows["label"].tolist() == [n % 2 for n in range(9)]
    assert rows["height"].tolist() == [70] * 4 + [32] * 5
    assert rows["width"].tolist() == [80] * 4 + [32] * 5
    assert (rows["record"][1:] == (rows["record"] + rows["length"])[:-1]).all()


@every_format
@pytest.mark.parametrize("channels", [1, 3])
def test_a_fractal_bank_is_mapped_without_a_copy_and_read_by_others(tmp_path, format, channels, read_back):
    path = path_of(tmp_path, format)
    images = [smooth_picture(40, 37 + seed, seed) for seed in range(3)]
    images = [image[..., 0] for image in images] if channels == 1 else images
    layout = FractalLayout(StoreOptions(mode="raw"), channels, format)
    manifest = write_file(ListSource(images, ("fractal",)), path, layout, options={})
    assert (manifest.kind, manifest.channels, manifest.short_side) == ("fractals", channels, 37)
    bank = FractalBank.open(tmp_path)
    assert len(bank) == 3
    assert bank.pixels.nbytes == manifest.bytes
    for number, (image, (_, _, data)) in enumerate(zip(images, read_back(path))):
        assert np.array_equal(bank.picture(number), image)
        stored = np.load(io.BytesIO(data)) if format != "tfrecord" else np.frombuffer(data, np.uint8)
        assert np.array_equal(stored.reshape(image.shape), image)


@every_format
def test_a_table_that_leads_out_of_the_file_is_refused(tmp_path, format):
    path = path_of(tmp_path, format)
    manifest = write(path, format, SMALL)
    assert manifest.table is not None
    table = tmp_path / manifest.table.file
    rows = read_samples(path, manifest).copy()
    rows["size"][3] = 1 << 63
    table.write_bytes(rows.tobytes())
    with pytest.raises(InputError, match=r"\.table: is not what was written"):
        read_samples(path, manifest)
    side = dataclasses.replace(manifest.table, sha256=hashlib.sha256(rows.tobytes()).hexdigest())
    with pytest.raises(InputError, match=r"\.table: sample 3 lies outside a\."):
        read_samples(path, dataclasses.replace(manifest, table=side))
