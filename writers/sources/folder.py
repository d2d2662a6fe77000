"""Class folders, the layout of ImageNet: <root>/<wnid>/<picture>."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layermix.class_folders import list_class_folders
from layermix.files import read_file
from writers.fingerprint import file_fingerprint
from writers.source import Sample


class FolderSource:
    """One class a folder, in the order of the names, which is wnid order; see `list_class_folders` for its errors.

    The type of a picture is found by its content.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        folders = list_class_folders(root, "--root")
        self.classes, files = tuple(folders), list(folders.values())
        self._names = [name for names in files for name in names]
        self.labels = np.repeat(np.arange(len(files)), [len(names) for names in files])
        paths = (f"{self.classes[label]}/{name}" for label, name in zip(self.labels, self._names))
        self._origin = {"name": "folder", "root": str(root), "fingerprint": file_fingerprint(root, paths)}

    def __len__(self) -> int:
        return len(self._names)

    def read(self, index: int) -> Sample:
        label = int(self.labels[index])
        path = self._root / self.classes[label] / self._names[index]
        return Sample(image=read_file(path), label=label, name=str(path))

    def describe(self) -> Mapping[str, Any]:
        return self._origin
