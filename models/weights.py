"""Initial weights: torchvision's for ImageNet, or a file that a user gives; read without running code."""

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from layermix.errors import InputError
from models.classifier import Classifier
from models.config import NO_WEIGHTS, TORCHVISION_WEIGHTS
from models.features import last_linear

_WRAPPERS = ("module.", "_orig_mod.", "network.", "model.")
_HOLDERS = ("weights", "state_dict", "model", "model_state_dict")
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, kw_only=True)
class InitialWeights:
    """Where the weights of a run came from.

    Attributes:
        path: the file.
        sha256: its hash.
        new_head: whether the last layer was left as it was drawn, as the file's is for another number of classes.
    """

    path: Path
    sha256: str
    new_head: bool


def load_initial_weights(classifier: Classifier) -> InitialWeights | None:
    """Copy what `classifier.config.weights` names into `classifier`; None where that is `none`.

    A file's last layer is left out where its number of classes is not the classifier's. Raises `InputError` for a
    file that is missing, unreadable, would run code, or holds the weights of another network.
    """
    source = classifier.config.weights
    if source == NO_WEIGHTS:
        return None
    path = _torchvision_file(source) if source in TORCHVISION_WEIGHTS else Path(source)
    found, wanted = _without_wrappers(read_weights(path)), classifier.network.state_dict()
    new_head = _keep_other_head(classifier, found)
    counters = {name: value for name, value in wanted.items() if name.endswith(_COUNTER)}  # old files lack them
    found = counters | found
    problem = weights_problem(wanted, found)
    if problem:
        raise InputError(f"{path}: is not of the network {classifier.config.name}: {problem}; give its weights")
    classifier.network.load_state_dict(found)
    with path.open("rb") as file:
        return InitialWeights(path=path, sha256=hashlib.file_digest(file, "sha256").hexdigest(), new_head=new_head)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file that holds tensors and plain values alone, by name.

    A torch file may hold the state dict itself, or hold it under `state_dict`, `model` or `weights`, as the checkpoints
    of most programs and of this one do.
    """
    if not path.is_file():
        listed = ", ".join((NO_WEIGHTS, *TORCHVISION_WEIGHTS))
        raise InputError(f"`weights` must be {listed} or a file, got {path}, which does not exist; correct --weights")
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _load_torch_file(path)
    except SafetensorError as error:
        raise InputError(f"{path}: is damaged or no safetensors file ({error}); fetch it again") from error
    for holder in _HOLDERS:
        if isinstance(content, dict) and isinstance(content.get(holder), dict):
            content = content[holder]
            break
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: holds no state dict, a mapping of names to tensors; save `model.state_dict()`")
    return dict(content)


def weights_problem(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    """What keeps the state dict `found` from being loaded in place of `wanted`: names or shapes; None for nothing."""
    differing = sorted(wanted.keys() ^ found.keys())
    if differing:
        where = "lacks" if differing[0] in wanted else "adds"
        return f"the file {where} {differing[0]} ({len(differing)} such names)"
    shapes = [name for name in wanted if wanted[name].shape != found[name].shape]
    if shapes:
        return f"{shapes[0]} has shape {tuple(found[shapes[0]].shape)}, not {tuple(wanted[shapes[0]].shape)}"
    return None


def _load_torch_file(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: is no torch file, or holds more than tensors and plain values and could run code; "
            "give --weights a .safetensors file or one written by torch.save(model.state_dict(), ...)"
        ) from error
    except Exception as error:  # a damaged archive raises a dozen types between zipfile and torch
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is damaged or cut off ({reason}); fetch it again") from error


def _torchvision_file(name: str) -> Path:
    """torchvision's file in torch's cache, downloaded if it is not there yet."""
    from torchvision.models import ResNet50_Weights  # seconds to import, and only these weights need it

    url = ResNet50_Weights[name].url
    file_name = Path(urlsplit(url).path).name
    path = Path(torch.hub.get_dir(), "checkpoints", file_name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            digest = file_name.rpartition("-")[2].removesuffix(".pth")
            torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
        except (OSError, RuntimeError) as error:  # no network; a file whose hash is not the one in its name
            raise InputError(
                f"`weights` {name} cannot be downloaded ({error}); fetch {url} elsewhere and put it at {path}, or give "
                "it as --weights FILE; --weights none starts from random weights"
            ) from error
    return path


def _without_wrappers(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same without the prefixes that DataParallel, torch.compile and classifiers put before every name."""
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in weights):
            return _without_wrappers({name.removeprefix(wrapper): value for name, value in weights.items()})
    return weights


def _keep_other_head(classifier: Classifier, found: dict[str, Tensor]) -> bool:
    """Put the drawn last layer into `found` where that is for another number of classes; whether it was."""
    head = last_linear(classifier.network)
    name = next(name for name, module in classifier.network.named_modules() if module is head)
    weight = found.get(f"{name}.weight")
    if weight is None or weight.ndim != 2 or weight.shape[1] != head.in_features or len(weight) == head.out_features:
        return False
    found.update({f"{name}.{parameter}": value for parameter, value in head.state_dict().items()})
    return True
