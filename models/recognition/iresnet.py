"""The residual network of ArcFace (Deng et al. 2019) in the key layout of insightface's arcface_torch.

A block normalises first, holds its stride in the second convolution, and ends without an activation. Letters: B batch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.weights import Weights, load_strictly

SIDE = 112  # of the aligned faces
WIDTHS = (64, 128, 256, 512)
EMBEDDING = 512


class IResNet(nn.Module):
    """Aligned faces (B, 3, 112, 112), RGB in [-1, 1] -> embeddings (B, 512), not of unit length.

    Args:
        blocks: of each stage, each of which halves the size: 2, 2, 2, 2 in r18; 3, 4, 6, 3 in r34; 3, 4, 14, 3 in r50;
            3, 13, 30, 3 in r100.

    """

    def __init__(self, blocks: Sequence[int] = (3, 4, 14, 3)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        for stage, (count, before, width) in enumerate(zip(blocks, (WIDTHS[0], *WIDTHS), WIDTHS), start=1):
            layers = [Block(before if place == 0 else width, width, 2 if place == 0 else 1) for place in range(count)]
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        self.bn2 = nn.BatchNorm2d(WIDTHS[-1])
        self.fc = nn.Linear(WIDTHS[-1] * (SIDE // 2 ** len(WIDTHS)) ** 2, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.prelu(self.bn1(self.conv1(image)))
        for stage in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (B, C, H, W) -> (B, channels, H / stride, W / stride)."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + self.downsample(x)


def read_iresnet(weights: Weights) -> IResNet:
    """The network of a `backbone.pth` of arcface_torch, of any depth.

    Raises:
        UserError: it is another network's file.
    """
    weights = weights.part("state_dict", "backbone")
    network = IResNet([weights.count(f"layer{stage}.{{}}.conv1.weight") for stage in range(1, len(WIDTHS) + 1)])
    load_strictly(network, weights)
    return network
