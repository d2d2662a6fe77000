"""The containers by name; each is imported when it is asked for: ffcv takes seconds to load."""

from importlib import import_module

from layermix.ffcv_import import quick_ffcv_import
from writers.formats.container import Container

_CLASSES = {
    "beton": "BetonFile",
    "webdataset": "WebDatasetFile",
    "tfrecord": "TFRecordFile",
    "recordio": "RecordIOFile",
}
"""The module of a format, `writers.formats.<name>`, holds a class of this name."""


def find_format(name: str) -> type[Container]:
    """The container class of `--format`, or of a manifest."""
    with quick_ffcv_import():
        return getattr(import_module(f"writers.formats.{name}"), _CLASSES[name])
