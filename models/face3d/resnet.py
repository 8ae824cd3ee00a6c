"""Residual networks (He et al. 2016) with the names and the strides of torchvision's, at any width and depth."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDEN = 4  # outer over inner channels of a bottleneck


class ResNet(nn.Module):
    """Images (B, 3, H, W) -> features (B, features).

    Args:
        blocks: residual blocks of each stage; each stage but the first halves the size and doubles the channels.
        width: channels of the first stage.
        bottleneck: blocks of 1x1, 3x3, 1x1 convolutions, the stride in the 3x3, instead of two 3x3.
        grid: the last feature map is averaged to grid x grid places, which all stay. 1 forgets where things are, as the
            original does; a small network that looks at aligned faces learns positions faster with more.
        fine: (channels, side): all places of the first stage's map, averaged to side x side and mixed to so many
            channels, are features too. So small things such as an iris are seen where they are. Empty: they are not.
    """

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 6, 3),
        width: int = 64,
        bottleneck: bool = True,
        grid: int = 1,
        fine: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.blocks, self.width, self.bottleneck, self.grid = tuple(blocks), width, bottleneck, grid
        self.fine = tuple(fine)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        block = Bottleneck if bottleneck else Basic
        channels = width
        self.stages = [f"layer{stage + 1}" for stage in range(len(blocks))]
        for stage, (name, count) in enumerate(zip(self.stages, blocks, strict=True)):
            layers: list[nn.Module] = []
            for place in range(count):
                stride = 2 if stage and not place else 1
                layers.append(block(channels, width << stage, stride))
                channels = (width << stage) * (WIDEN if bottleneck else 1)
            self.add_module(name, nn.Sequential(*layers))
        self.features = channels * grid**2
        if self.fine:
            mixed, side = self.fine
            self.fine_mix = nn.Conv2d(width * (WIDEN if bottleneck else 1), mixed, 1)
            self.features += mixed * side**2
        self.pool = nn.AdaptiveAvgPool2d(grid)

    def forward(self, image: Tensor) -> Tensor:
        """(B, features)."""
        if self.width % 16 == 0:  # channels last is faster; with 4 channels oneDNN of torch 2.14 writes out of bounds
            image = image.contiguous(memory_format=torch.channels_last)
        feature = self.bn1(self.conv1(image)).relu_()
        feature = nn.functional.max_pool2d(feature, 3, 2, 1)
        first = feature = self.get_submodule(self.stages[0])(feature)
        for name in self.stages[1:]:
            feature = self.get_submodule(name)(feature)
        coarse = self.pool(feature).flatten(1)
        if not self.fine:
            return coarse
        fine = nn.functional.adaptive_avg_pool2d(self.fine_mix(first), self.fine[1])
        return torch.cat([coarse, fine.flatten(1)], dim=1)


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, feature: Tensor) -> Tensor:
        """(B, width, H / stride, W / stride)."""
        inner = self.bn1(self.conv1(feature)).relu_()
        return (self.bn2(self.conv2(inner)) + self.downsample(feature)).relu_()


class Bottleneck(nn.Module):
    """Narrow, 3x3, widen, beside a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * WIDEN, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * WIDEN)
        self.downsample = _shortcut(inputs, width * WIDEN, stride)

    def forward(self, feature: Tensor) -> Tensor:
        """(B, 4 width, H / stride, W / stride)."""
        inner = self.bn1(self.conv1(feature)).relu_()
        inner = self.bn2(self.conv2(inner)).relu_()
        return (self.bn3(self.conv3(inner)) + self.downsample(feature)).relu_()


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
