"""Wide residual networks (Zagoruyko & Komodakis, 2016) for pictures around 32 px."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.initialization import initialize


class WideBlock(nn.Module):
    """Two 3x3 convolutions, each after batch norm and ReLU, dropout between them, and a shortcut.

    Where the number of channels changes, the shortcut is a 1x1 convolution of the activated input.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, dropout: float):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.shortcut = None
        if in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = F.relu(self.norm1(x))
        residual = x if self.shortcut is None else self.shortcut(activated)
        out = F.relu(self.norm2(self.conv1(activated)))
        return residual + self.conv2(self.dropout(out))


class WideResNet(nn.Module):
    """WRN-depth-width: a 3x3 stem, three stages of (depth - 4) / 6 blocks, a linear head.

    `depth` must be 6n + 4. `dropout` is the probability of dropping an activation between two convolutions.
    """

    def __init__(self, depth: int, width: int, num_classes: int, dropout: float = 0.0):
        super().__init__()
        blocks = (depth - 4) // 6
        channels = [16, 16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(3, channels[0], 3, padding=1, bias=False)
        self.stage1 = _stage(blocks, channels[0], channels[1], 1, dropout)
        self.stage2 = _stage(blocks, channels[1], channels[2], 2, dropout)
        self.stage3 = _stage(blocks, channels[2], channels[3], 2, dropout)
        self.norm = nn.BatchNorm2d(channels[3])
        self.activation = nn.ReLU()  # a module, so that the last feature map is the output of one
        self.head = nn.Linear(channels[3], num_classes)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        return self.head(torch.mean(self.activation(self.norm(x)), dim=(2, 3)))


def _stage(blocks: int, in_channels: int, out_channels: int, stride: int, dropout: float) -> nn.Sequential:
    first = WideBlock(in_channels, out_channels, stride, dropout)
    rest = [WideBlock(out_channels, out_channels, 1, dropout) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)
