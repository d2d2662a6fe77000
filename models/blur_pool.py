"""Blur pooling (Zhang, "Making convolutional networks shift-invariant again", 2019) as in FFCV's ImageNet recipe."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from layermix.errors import InputError


class BlurConv2d(nn.Conv2d):
    """A convolution whose input is smoothed by the binomial filter (1 2 1) x (1 2 1) / 16 of each channel.

    Parameters have the names of a plain convolution, so weights of a network without the filter fit.
    """

    blur: Tensor

    @classmethod
    def like(cls, convolution: nn.Conv2d) -> "BlurConv2d":
        """`convolution`, whose parameters are taken over, with the filter before it."""
        blurred = cls(
            convolution.in_channels,
            convolution.out_channels,
            kernel_size=cast(Any, convolution.kernel_size),
            stride=cast(Any, convolution.stride),
            padding=cast(Any, convolution.padding),
            dilation=cast(Any, convolution.dilation),
            groups=convolution.groups,
            device="meta",
        )
        blurred.weight, blurred.bias = convolution.weight, convolution.bias
        row = torch.tensor([1.0, 2.0, 1.0])
        kernel = (row[:, None] * row / 16).repeat(convolution.in_channels, 1, 1, 1)
        blurred.register_buffer("blur", kernel, persistent=False)
        return blurred

    def forward(self, input: Tensor) -> Tensor:
        smooth = F.conv2d(input, self.blur.to(input.dtype), padding=1, groups=self.in_channels)
        return super().forward(smooth)


def add_blur_pool(network: nn.Module) -> None:
    """Put the filter before every strided convolution of at least 16 channels; `InputError` where there is none."""
    places = [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Conv2d) and max(child.stride) > 1 and child.in_channels >= 16
    ]
    if not places:
        raise InputError("`blur_pool` needs a network with strided convolutions, got none; leave it out")
    for parent, name, child in places:
        setattr(parent, name, BlurConv2d.like(child))
