"""Writing the manifest of a data file; reading it is `layermix.manifest.read_manifest`."""

import hashlib
from pathlib import Path

from layermix import __version__
from layermix.manifest import Manifest, SideFile, manifest_path
from writers.atomic import atomic_output, output_errors, write_all


def write_manifest(data: Path, manifest: Manifest) -> None:
    """Publish the manifest beside the finished data file `data`: the step that declares the file complete."""
    write_side_file(manifest_path(data), manifest.to_json().encode())


def side_file(path: Path, content: bytes) -> SideFile:
    """The manifest's entry for a file that belongs to a data set."""
    return SideFile(file=path.name, sha256=hashlib.sha256(content).hexdigest())


def write_side_file(path: Path, content: bytes) -> None:
    """Write a file that belongs to a data set, whole or not at all."""
    with atomic_output(path) as file, output_errors(path):
        write_all(file, content)


def index_path(data: Path) -> Path:
    """Where the index that DALI's reader of the format wants stands."""
    return data.with_name(data.name + ".idx")


def withdraw_manifest(data: Path) -> None:
    """Remove the manifest beside `data`, if there is one, before the file it vouches for is replaced."""
    path = manifest_path(data)
    with output_errors(path):
        path.unlink(missing_ok=True)


def creator() -> str:
    """Program and version for a manifest, "layermix 0.1.0"."""
    return f"layermix {__version__}"
