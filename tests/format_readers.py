"""Data sets read back by readers that are not ours: DALI's own, and the packages of each format.

Each gives, in the order of the files, one (sample id, label, bytes of the stored picture) a sample.
"""

import io
import struct
from collections.abc import Iterator

import numpy as np

from layermix.manifest import data_files, read_manifest

Read = tuple[int, int, bytes]


def by_dali(data) -> list[Read]:
    """Through DALI's reader of the format with our index files, on the CPU."""
    import nvidia.dali as dali

    manifest = read_manifest(data)
    paths = [str(path) for path in data_files(data, manifest)]
    pipeline = dali.Pipeline(batch_size=manifest.count, num_threads=1, device_id=None)
    with pipeline:
        indices = [f"{path}.idx" for path in ([data] if manifest.index else paths)]
        outputs = DALI_READERS[manifest.format](paths, indices)
        pipeline.set_outputs(*outputs)
    pipeline.build()
    columns = [[np.array(tensor) for tensor in output] for output in pipeline.run()]
    return [DALI_SAMPLES[manifest.format](*sample) for sample in zip(*columns)]


def _dali_webdataset(paths, indices):
    from nvidia.dali import fn

    extensions = ["jpg;png;npy", "cls", "id"]
    return fn.readers.webdataset(
        paths=paths, index_paths=indices, ext=extensions, missing_component_behavior="error", dont_use_mmap=True
    )


def _dali_tfrecord(paths, indices):
    from nvidia.dali import fn
    from nvidia.dali import tfrecord as tf

    features = {"image/encoded": tf.FixedLenFeature((), tf.string, "")}
    features |= {name: tf.FixedLenFeature([1], tf.int64, -1) for name in ("image/class/label", "image/id")}
    read = fn.readers.tfrecord(path=paths, index_path=indices, features=features)
    return [read[name] for name in ("image/encoded", "image/class/label", "image/id")]


def _dali_recordio(paths, indices):
    from nvidia.dali import fn

    return fn.readers.mxnet(path=paths, index_path=indices)


def _tfrecord_sample(picture, label, sample_id) -> Read:
    return int(sample_id.item()), int(label.item()), picture.tobytes()


def _recordio_sample(picture, labels) -> Read:
    label, high, low = labels.astype(int).tolist()
    return high << 24 | low, label, picture.tobytes()


def _webdataset_sample(picture, label, sample_id) -> Read:
    return int(sample_id.tobytes()), int(label.tobytes()), picture.tobytes()


def by_webdataset(data) -> Iterator[Read]:
    """Through the webdataset package."""
    import webdataset

    paths = [str(path) for path in data_files(data, read_manifest(data))]
    for sample in webdataset.WebDataset(paths, shardshuffle=False, empty_check=False):
        (picture,) = (sample[kind] for kind in ("jpg", "png", "npy") if kind in sample)
        assert int(sample["__key__"]) == int(sample["id"])
        yield int(sample["id"]), int(sample["cls"]), picture


def by_tfrecord(data) -> Iterator[Read]:
    """Through the tfrecord package, which checks no checksum: that is done here."""
    from tfrecord.reader import tfrecord_loader

    for path in data_files(data, read_manifest(data)):
        assert_checksums(path.read_bytes())
        for sample in tfrecord_loader(str(path), None):
            yield int(sample["image/id"][0]), int(sample["image/class/label"][0]), bytes(sample["image/encoded"])


def assert_checksums(content: bytes) -> None:
    """Both checksums of every record, by the tfrecord package's own function."""
    from tfrecord.writer import TFRecordWriter

    place = 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 8], "little")
        for start, stop in ((place, place + 8), (place + 12, place + 12 + size)):
            assert content[stop : stop + 4] == TFRecordWriter.masked_crc(content[start:stop])
        place += 16 + size


def by_recordio(data) -> Iterator[Read]:
    """By the text of dmlc's recordio.h and MXNet's recordio.py alone."""
    for path in data_files(data, read_manifest(data)):
        file = io.BytesIO(path.read_bytes())
        while record := _next_record(file):
            flag, _, sample_id, _ = struct.unpack_from("<IfQQ", record)
            labels = struct.unpack_from(f"<{flag}f", record, 24)
            assert labels[1] * 2**24 + labels[2] == sample_id
            yield sample_id, int(labels[0]), record[24 + 4 * flag :]


def _next_record(file) -> bytes:
    mark, parts, kind = struct.pack("<I", 0xCED7230A), [], 1
    while kind in (1, 2):
        head = file.read(8)
        if not head:
            return b""
        assert head[:4] == mark
        kind, size = divmod(struct.unpack("<I", head[4:])[0], 1 << 29)
        assert (kind in (0, 1)) == (not parts)
        parts.append(file.read(size))
        assert mark not in [parts[-1][n : n + 4] for n in range(0, size, 4)]
        file.read(-size % 4)
    return mark.join(parts)


DALI_READERS = {"webdataset": _dali_webdataset, "tfrecord": _dali_tfrecord, "recordio": _dali_recordio}
DALI_SAMPLES = {"webdataset": _webdataset_sample, "tfrecord": _tfrecord_sample, "recordio": _recordio_sample}
SECOND_READERS = {"webdataset": by_webdataset, "tfrecord": by_tfrecord, "recordio": by_recordio}
"""One of each format that is not DALI's: a package, or for recordio the text of its definition."""
