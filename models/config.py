"""What a model is called and how its input is scaled."""

import re
from dataclasses import dataclass
from typing import Annotated

import tyro

from layermix.errors import InputError

FIXED_NAMES = ("resnet18_cifar", "resnext29_4x32d", "resnet50")
NO_WEIGHTS = "none"
TORCHVISION_WEIGHTS = ("IMAGENET1K_V1", "IMAGENET1K_V2")
"""Names of `torchvision.models.ResNet50_Weights`."""
_WIDE_RESNET = re.compile(r"wrn_(\d+)_(\d+)")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A network and the normalisation of its input.

    Attributes:
        name: `wrn_{depth}_{width}` (Wide ResNet, depth 10, 16, 22, 28, 34, 40, ...), `resnet18_cifar`,
            `resnext29_4x32d` (all three for pictures around 32 px) or `resnet50` (224 px).
        num_classes: number of logits.
        dropout: probability of dropping an activation between the two convolutions of a Wide ResNet block;
            the other networks have no dropout.
        mean: mean of red, green and blue, of pixels in [0, 1].
        std: standard deviation of red, green and blue, of pixels in [0, 1].
        weights: where the initial weights come from: `none` draws them at random, `IMAGENET1K_V1` and `IMAGENET1K_V2`
            are torchvision's of resnet50, anything else is a .safetensors or torch file with a state dict. A last layer
            for another number of classes is drawn at random.
        blur_pool: smooth the input of strided convolutions, as FFCV's ImageNet recipe does.
    """

    name: str
    num_classes: int
    dropout: float = 0.0
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    weights: Annotated[str, tyro.conf.arg(aliases=["--weights"])] = NO_WEIGHTS
    blur_pool: bool = False

    def __post_init__(self):
        self._check_network()
        if self.num_classes < 2:
            raise InputError(f"`num_classes` must be at least 2, got {self.num_classes}; count the classes")
        if min(self.std) <= 0:
            raise InputError(f"`std` must be positive in every channel, got {self.std}; [0.5, 0.5, 0.5] is usual")
        if self.weights in TORCHVISION_WEIGHTS and self.name != "resnet50":
            raise InputError(f"`weights` {self.weights} are of resnet50, not of {self.name}; give a file or none")

    def _check_network(self) -> None:
        is_wide_resnet = wide_resnet_size(self.name) is not None
        if not is_wide_resnet and self.name not in FIXED_NAMES:
            known = ", ".join(("wrn_{depth}_{width}", *FIXED_NAMES))
            raise InputError(f"`name` must be a known network, got {self.name!r}; choose one of {known}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1), got {self.dropout}; the paper's value is 0.3")
        if self.dropout and not is_wide_resnet:
            raise InputError(f"`dropout` must be 0 for {self.name}, got {self.dropout}; only wrn_* networks drop")


def wide_resnet_size(name: str) -> tuple[int, int] | None:
    """Depth and width of `wrn_{depth}_{width}`; None for the name of another network."""
    match = _WIDE_RESNET.fullmatch(name)
    if match is None:
        return None
    depth, width = int(match[1]), int(match[2])
    if depth < 10 or (depth - 4) % 6 or width < 1:
        raise InputError(
            f"`name` must be wrn_{{depth}}_{{width}} with depth 10, 16, 22, ... and width >= 1, got {name!r}; "
            "the paper's are wrn_40_4 and wrn_28_10"
        )
    return depth, width
