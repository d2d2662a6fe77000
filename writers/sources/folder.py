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

    `names` are the paths of the pictures below the root, `<class>/<picture>`. The type of a picture is found by its
    content.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        folders = list_class_folders(root, "--root")
        self.classes = tuple(folders)
        self.names = [f"{folder}/{name}" for folder, names in folders.items() for name in names]
        self.labels = np.repeat(np.arange(len(folders)), [len(names) for names in folders.values()])
        self._origin = {"name": "folder", "root": str(root), "fingerprint": file_fingerprint(root, self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> Sample:
        path = self._root / self.names[index]
        return Sample(image=read_file(path), label=int(self.labels[index]), name=str(path))

    def describe(self) -> Mapping[str, Any]:
        return self._origin
