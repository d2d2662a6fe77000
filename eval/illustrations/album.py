"""Pictures as files that are named by their content, and as addresses inside a page."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from layermix.errors import InputError
from layermix.files import atomic_file, read_file

LARGEST_SIDE = 128
"""Side in pixels above which a picture is shrunk."""

_NAME = re.compile(r"[0-9a-f]{16}\.(png|jpeg)")


class Album:
    """Encoded pictures by name, `<hash of the content>.png` or `.jpeg`; equal pictures are kept once."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})

    def add(self, picture: np.ndarray) -> str:
        """Keep a uint8 (H, W, 3) picture and return its name: exact as PNG if small, else a JPEG of at most 128 px."""
        image, encoded = Image.fromarray(picture), BytesIO()
        kind = "png" if max(image.size) <= LARGEST_SIDE // 2 else "jpeg"
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
        image.save(encoded, kind, **({"optimize": True} if kind == "png" else {"quality": 90}))
        name = _name(encoded.getvalue(), kind)
        self.files[name] = encoded.getvalue()
        return name

    def address(self, name: str) -> str:
        """The picture as a `data:` address, which holds all of it."""
        return data_address(name.rpartition(".")[2], self.files[name])

    def save(self, folder: Path) -> None:
        """Write every picture that is not yet in `folder`, each whole or not at all."""
        for name, content in self.files.items():
            if not (folder / name).is_file():
                with atomic_file(folder / name) as file:
                    file.write(content)

    @classmethod
    def read(cls, folder: Path, names: set[str]) -> "Album":
        """The pictures of these names; InputError for one that is missing or not what its name says."""
        return cls({name: _read(folder / name) for name in sorted(names)})


def data_address(kind: str, content: bytes) -> str:
    """An encoded picture of this kind, `png` or `jpeg`, as an address that holds all of it."""
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _name(content: bytes, kind: str) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"


def _read(path: Path) -> bytes:
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise InputError(f"{path}: is not the name of a stored picture; run the evaluation again")
    content = read_file(path)
    if _name(content, found[1]) != path.name:
        raise InputError(f"{path}: the picture is damaged; remove its folder and run the evaluation again")
    return content
