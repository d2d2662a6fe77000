"""Data sets read back by readers that are not ours: DALI's own, and the packages of each format.

Each gives, in the order of the files, one (sample id, label, bytes of the stored picture) a sample.
"""

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
        outputs = DALI_READERS[manifest.format](paths, [f"{path}.idx" for path in paths])
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


DALI_READERS = {"webdataset": _dali_webdataset}
DALI_SAMPLES = {"webdataset": _webdataset_sample}
PACKAGES = {"webdataset": by_webdataset}
"""The second reader of each format."""
