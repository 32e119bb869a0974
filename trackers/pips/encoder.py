"""PIPS' image encoder: one feature map for each frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions, normalised per image and channel, with a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.InstanceNorm2d(channels)
        self.downsample = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride), nn.InstanceNorm2d(channels))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels_in, h, w) to (B, channels, h / stride, w / stride)."""
        y = F.relu(self.norm(self.conv1(x)))
        y = F.relu(self.norm(self.conv2(y)))
        return F.relu(self.downsample(x) + y)


class PipsEncoder(nn.Module):
    """A network whose features at four scales are resized to one and fused (PIPS, ECCV 2022).

    Args:
        channels: number of channels of the feature map.
        stride: image pixels per feature along each side.
    """

    def __init__(self, channels: int = 128, stride: int = 4) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3)
        self.norm1 = nn.InstanceNorm2d(64)
        self.layer1 = _stage(64, 64, 1)
        self.layer2 = _stage(64, 96, 2)
        self.layer3 = _stage(96, 128, 2)
        self.layer4 = _stage(128, 128, 2)
        self.conv2 = nn.Conv2d(64 + 96 + 128 + 128, 2 * channels, 3, padding=1)
        self.norm2 = nn.InstanceNorm2d(2 * channels)
        self.conv3 = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) float from -1 to 1 to (B, channels, H // stride, W // stride)."""
        size = (images.shape[2] // self.stride, images.shape[3] // self.stride)
        x = F.relu(self.norm1(self.conv1(images)))
        scales = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            scales.append(F.interpolate(x, size, mode="bilinear", align_corners=True))
        x = F.relu(self.norm2(self.conv2(torch.cat(scales, dim=1))))
        features: Tensor = self.conv3(x)
        return features


def _stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(channels_in, channels, stride), ResidualBlock(channels, channels, 1))
