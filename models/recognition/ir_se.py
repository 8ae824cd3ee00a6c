"""The improved residual network with squeeze and excitation, IR-SE, in the key layout of `model_ir_se50.pth`.

ArcFace's blocks (Deng et al., CVPR 2019, sec. 3.1) with the channel weights of Hu et al. (CVPR 2018), as in
TreB1eN/InsightFace_Pytorch; pSp and e4e measure identity with it and build their encoders on its trunk. Letters: B
batch, C channels, H, W size of a feature.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.weights import Weights, load_strictly

SIDE = 112  # of the aligned faces
UNITS = (3, 4, 14, 3)  # blocks of each stage with 50 layers
WIDTHS = (64, 128, 256, 512)
EMBEDDING = 512
REDUCTION = 16  # channels per number that squeeze and excitation computes with


class SqueezeExcite(nn.Module):
    """x * sigmoid(fc2(relu(fc1(mean of x)))), (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        few = max(1, channels // REDUCTION)
        self.fc1 = nn.Conv2d(channels, few, 1, bias=False)
        self.fc2 = nn.Conv2d(few, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x * self.gate(x.mean(dim=(2, 3), keepdim=True))

    def gate(self, mean: Tensor) -> Tensor:
        """Weights of the channels from their means (B, C, 1, 1)."""
        return torch.sigmoid(self.fc2(F.relu(self.fc1(mean))))


class Bottleneck(nn.Module):
    """Norm, 3x3 convolution, PReLU, 3x3 convolution with the stride, norm, beside a shortcut.

    (B, before, H, W) -> (B, channels, H / stride, W / stride), rounded up. Where the channels stay, the shortcut takes
    every stride-th pixel; else it is a strided 1x1 convolution and a norm.

    Args:
        before: channels of what comes in.
        channels: of what is given.
        stride: of the second convolution.
        excite: whether squeeze and excitation ends the residual branch.

    """

    def __init__(self, before: int, channels: int, stride: int, excite: bool = True) -> None:
        super().__init__()
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, channels, 3, 1, 1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        if excite:
            self.res_layer.append(SqueezeExcite(channels))
        self.stride = stride
        self.shortcut_layer: nn.Sequential | None = None
        if before != channels:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.res_layer(x) + self.shortcut(x)

    def shortcut(self, x: Tensor) -> Tensor:
        """What is added to the residual."""
        if self.shortcut_layer is not None:
            return self.shortcut_layer(x)
        return x[:, :, :: self.stride, :: self.stride]


def stem(channels: int, width: int) -> nn.Sequential:
    """The first convolution, norm and PReLU; the size stays."""
    return nn.Sequential(nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))


def blocks(units: Sequence[int], widths: Sequence[int]) -> nn.Sequential:
    """The bottlenecks of all stages; the first of a stage halves the size."""
    found = []
    for count, before, width in zip(units, (widths[0], *widths), widths):
        found += [Bottleneck(before, width, 2), *(Bottleneck(width, width, 1) for _ in range(count - 1))]
    return nn.Sequential(*found)


def stages_of(weights: Weights) -> tuple[list[int], list[int]]:
    """Blocks and width of each stage of the `body` in a file, where every stage is wider than the one before.

    Raises:
        UserError: there are not four stages: another network's file.
    """
    key = "body.{}.res_layer.1.weight"
    widths = [weights.shape(key.format(place))[0] for place in range(max(1, weights.count(key)))]
    kinds = list(dict.fromkeys(widths))
    if len(kinds) != len(WIDTHS):
        raise UserError(f"an IR-SE trunk has stages of four widths; this file has {', '.join(map(str, kinds))}")
    return [widths.count(width) for width in kinds], kinds


class IRSE(nn.Module):
    """Aligned faces (B, 3, 112, 112), RGB in [-1, 1] -> embeddings (B, 512) of unit length.

    Args:
        units: blocks of each stage, each of which halves the size.
        widths: channels of each stage.

    """

    def __init__(self, units: Sequence[int] = UNITS, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.input_layer = stem(3, widths[0])
        self.body = blocks(units, widths)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(widths[-1]),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(widths[-1] * (SIDE // 2 ** len(widths)) ** 2, EMBEDDING),
            nn.BatchNorm1d(EMBEDDING),
        )

    def forward(self, face: Tensor) -> Tensor:
        """See the class."""
        found = self.output_layer(self.body(self.input_layer(face)))
        return found / found.norm(dim=1, keepdim=True)


def id_crop(images: Tensor) -> Tensor:
    """Faces (B, 3, 112, 112) out of pictures in FFHQ's alignment (B, 3, H, W), as pSp's identity loss cuts them.

    Averaged to 256 pixels where they are not 256 high already, rows 35 to 222 and columns 32 to 219, averaged to 112.
    """
    if images.shape[2] != 256:
        images = F.adaptive_avg_pool2d(images, 256)
    return F.adaptive_avg_pool2d(images[:, :, 35:223, 32:220], SIDE)


def read_irse(weights: Weights) -> IRSE:
    """The network of `model_ir_se50.pth`, of any depth.

    Raises:
        UserError: it is another network's file.
    """
    weights = weights.part("state_dict")
    network = IRSE(*stages_of(weights))
    load_strictly(network, weights)
    return network
