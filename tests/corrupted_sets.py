"""Flags for small corrupted sets, and what a set holds."""

import hashlib
from pathlib import Path

SMALL = ["--source", "digits", "--limit", "12", "--workers", "1"]
NAMES = ["--names", "contrast", "gaussian_noise"]


def tree(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
