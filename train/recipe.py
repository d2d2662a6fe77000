"""Recipes: YAML files that name a published setting, built on one another by `base`.

A recipe is put together from fragments, one a subject: data, model, schedule, loss, policy. Those of LayerMix and of
the baselines are files of their own in `train/recipes`; every other row of the paper's tables is a baseline with a
fragment laid over it, on the command line or as a list of bases:

    python -m train --config cifar100_wrn40_4_baseline policy/pixmix_cifar
"""

from pathlib import Path
from typing import Any

import yaml

from layermix.config import build, check_keys
from layermix.errors import InputError
from train.config import TrainConfig

RECIPES = Path(__file__).parent / "recipes"


def find_recipe(name: Path) -> Path:
    """The file `name`; where there is none, the recipe of that name in `train/recipes`, with or without `.yaml`."""
    shipped = [RECIPES / name, RECIPES / f"{name}.yaml"]
    return next((path for path in [name, *shipped] if path.is_file()), name)


def load_recipe(*paths: Path) -> TrainConfig:
    """The configuration that the recipes `paths` describe, each laid over those before it.

    `base: other.yaml`, or a list of such names, each relative to the recipe, names recipes whose keys this one
    overrides; of several, the later override the earlier. Nested mappings are merged; everything else, and `policy` as
    a whole, is replaced. Raises `InputError` naming file and key for a missing or malformed file, a circle of bases,
    and whatever `layermix.config.build` refuses.
    """
    return build(TrainConfig, _laid_over([_read_with_bases(path, ()) for path in paths]), ", ".join(map(str, paths)))


def _read_with_bases(path: Path, derived: tuple[Path, ...]) -> dict[str, Any]:
    mapping = _read(path)
    bases = mapping.pop("base", [])
    check_keys(TrainConfig, mapping, str(path))
    derived = (*derived, path.resolve())
    below = []
    for base in bases if isinstance(bases, list) else [bases]:
        base_path = path.parent / str(base)
        if base_path.resolve() in derived:
            raise InputError(f"{path}: `base` must not lead back to the recipe itself, got {base}; name another file")
        below.append(_read_with_bases(base_path, derived))
    return _laid_over([*below, mapping])


def _laid_over(mappings: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for mapping in mappings:
        result = _merge(result, mapping)
    return result


def _merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        mergeable = isinstance(value, dict) and isinstance(base.get(key), dict) and key != "policy"
        merged[key] = _merge(base[key], value) if mergeable else value
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        mapping = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except OSError as error:
        raise InputError(
            f"{path}: the recipe cannot be read ({error.strerror}); give one of those in {RECIPES}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the recipe must be YAML: {reason}; correct it there") from error
    if not isinstance(mapping, dict):
        raise InputError(f"{path}: the recipe must hold keys and values, got {mapping!r:.80}; see other recipes")
    return mapping


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, which by itself lets the last of several equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for (key_node, _), key in zip(node.value, keys):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' appears twice", key_node.start_mark)
        return super().construct_mapping(node, deep)
