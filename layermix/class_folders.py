"""Class folders, the layout of ImageNet and of torchvision's ImageFolder: <root>/<class>/<picture>."""

import os
import re
from pathlib import Path
from typing import Literal

from layermix.errors import InputError

_NO_TEXT = re.compile("[\x00-\x1f\ud800-\udfff]")
"""Control characters, and what Python makes of bytes that are not UTF-8."""


def list_class_folders(root: Path, argument: str) -> dict[str, list[str]]:
    """The names of the pictures of each class folder, folders and pictures in the order of their names (code points).

    Every file of a class folder has to be a picture, of whatever name. Names that start with a dot, and files beside
    the class folders, are left out.

    Args:
        argument: what errors call `root`, such as "--root".

    Raises:
        InputError: a missing root, no class folder, a class folder without pictures or with folders inside, one whose
            name is not text, something that is not a regular file; names the path.
    """
    if not root.is_dir():
        raise InputError(f"{argument} {root} is not a folder; give the folder that holds the class folders")
    names = sorted(entry.name for entry in _entries(root) if _kind(entry) == "folder")
    if not names:
        raise InputError(f"{argument} {root} holds no class folders; pictures belong in {root}/<class>/")
    for name in names:
        if _NO_TEXT.search(name):
            raise InputError(f"{root}: the name of class folder {name!r} is not plain UTF-8 text; rename it")
    return {name: _pictures(root / name, argument) for name in names}


def _pictures(folder: Path, argument: str) -> list[str]:
    entries = _entries(folder)
    for entry in entries:
        kind = _kind(entry)
        if kind == "folder":
            raise InputError(
                f"{entry.path}: a folder inside a class folder; {argument} must hold the class folders themselves"
            )
        if kind == "other":
            raise InputError(f"{entry.path}: not a regular file (a broken link, a pipe or a device); remove it")
    if not entries:
        raise InputError(f"{folder}: a class folder without pictures; add pictures or remove the folder")
    return sorted(entry.name for entry in entries)


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "other"]:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"
    except OSError:  # a link that leads round in a circle
        return "other"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
