"""The layout is the architecture: imports between the packages point down only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "layermix": set(),
    "models": {"layermix"},
    "writers": {"layermix"},
    "pipelines": {"layermix"},
    "train": {"layermix", "models", "writers", "pipelines"},
    "eval": {"layermix", "models", "writers", "pipelines"},
}
ENGINE_NEEDS = {"numpy", "numba", "llvmlite"}  # llvmlite is the compiler inside Numba
HOSTS = {Path("layermix/torch.py"): {"torch", "PIL"}, Path("layermix/pictures.py"): {"PIL"}}
"""Files of the engine that are imported on request alone, and what else they may import."""


def imported_packages(path: Path) -> set[str]:
    """Top-level names of everything a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(path.relative_to(ROOT).parts[0] if node.level else (node.module or "").split(".")[0])
    return names


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_import_points_up_or_sideways(room):
    files = files_of(room)
    assert files
    for path in files:
        forbidden = imported_packages(path) & (MAY_IMPORT.keys() - MAY_IMPORT[room] - {room})
        assert not forbidden, f"{path.relative_to(ROOT)} imports {sorted(forbidden)}"


def test_the_engine_imports_numpy_numba_and_the_standard_library_alone():
    import sys

    for path in files_of("layermix"):
        allowed = ENGINE_NEEDS | HOSTS.get(path.relative_to(ROOT), set())
        foreign = imported_packages(path) - allowed - {"layermix"} - sys.stdlib_module_names
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_no_file_of_the_engine_imports_a_host():
    for path in files_of("layermix"):
        text = path.read_text(encoding="utf-8")
        named = {host for host in HOSTS if ".".join(host.with_suffix("").parts) in text}
        assert path.relative_to(ROOT) in HOSTS or not named, path


def test_the_check_itself_finds_an_arrow_that_points_up(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "layermix").mkdir()
    (tmp_path / "layermix" / "bad.py").write_text("def f():\n    from train.loop import step\n")
    assert imported_packages(tmp_path / "layermix" / "bad.py") == {"train"}
