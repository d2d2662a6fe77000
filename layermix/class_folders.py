"""Class folders, the layout of ImageNet and of torchvision's ImageFolder: <root>/<class>/<picture>."""

import os
from pathlib import Path

from layermix.errors import InputError


def list_class_folders(root: Path, argument: str) -> dict[str, list[str]]:
    """The names of the pictures of each class folder, folders and pictures in the order of their names (code points).

    Every file of a class folder has to be a picture, of whatever name. Names that start with a dot, and files beside
    the class folders, are left out.

    Args:
        argument: what errors call `root`, such as "--root".

    Raises:
        InputError: a missing root, no class folder, a class folder without pictures or with folders inside, something
            that is not a regular file; names the path.
    """
    if not root.is_dir():
        raise InputError(f"{argument} {root} is not a folder; give the folder that holds the class folders")
    names = sorted(entry.name for entry in _entries(root) if entry.is_dir())
    if not names:
        raise InputError(f"{argument} {root} holds no class folders; pictures belong in {root}/<class>/")
    return {name: _pictures(root / name, argument) for name in names}


def _pictures(folder: Path, argument: str) -> list[str]:
    entries = _entries(folder)
    for entry in entries:
        if entry.is_dir():
            raise InputError(
                f"{entry.path}: a folder inside a class folder; {argument} must hold the class folders themselves"
            )
        if not entry.is_file():
            raise InputError(f"{entry.path}: not a regular file (a broken link, a pipe or a device); remove it")
    if not entries:
        raise InputError(f"{folder}: a class folder without pictures; add pictures or remove the folder")
    return sorted(entry.name for entry in entries)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
