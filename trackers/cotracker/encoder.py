"""CoTracker's convolutional image encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from .options import STRIDE


class Encoder(nn.Module):
    """A residual network whose four scales are resized to a quarter of the image's size and fused.

    It takes (B, 3, H, W) with values from -1 to 1 and returns (B, dim, H / 4, W / 4). Instance normalisation
    makes every frame's features independent of the other frames.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        widths = (dim // 2, dim // 4 * 3, dim, dim)
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3)
        self.norm1 = nn.InstanceNorm2d(widths[0])
        self.layer1 = _stage(widths[0], widths[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], stride=2)
        self.conv2 = nn.Conv2d(sum(widths), 2 * dim, 3, padding=1)
        self.norm2 = nn.InstanceNorm2d(2 * dim)
        self.conv3 = nn.Conv2d(2 * dim, dim, 1)

    def forward(self, images: Tensor) -> Tensor:
        size = (images.shape[2] // STRIDE, images.shape[3] // STRIDE)
        x = F.relu(self.norm1(self.conv1(images)), inplace=True)
        scales = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            scales.append(F.interpolate(x, size, mode="bilinear", align_corners=True))
        fused: Tensor = self.conv3(F.relu(self.norm2(self.conv2(torch.cat(scales, dim=1))), inplace=True))
        return fused


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.norm1 = nn.InstanceNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm2 = nn.InstanceNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride), nn.InstanceNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = F.relu(self.norm2(self.conv2(y)), inplace=True)
        return F.relu(y.add_(self.downsample(x)), inplace=True)


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_Residual(inputs, outputs, stride), _Residual(outputs, outputs, 1))
