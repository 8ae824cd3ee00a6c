"""Encoders made quicker for use: nothing is learnt with them any more, and their codes are the same.

Norms behind a convolution become part of its weights. (The norm in front of one does not: the zeros that pad its result
would have to be padded before it.) Features lie with their channels last; and the last convolutions of a head, whose
weights are far more than their pixels, are matrix products, because a convolution rearranges its weights every time.
"""

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.inversion.gradual_style import Network, StyleHead
from models.inversion.strided_conv import StridedConv, Tiles
from models.recognition.ir_se import Bottleneck, SqueezeExcite

SLOPE = 0.01  # of the heads
MANY = 256  # heads times pixels of a side, from which sharing their tiles is worth it
FEW = 8  # pixels of a side, up to which a convolution is a matrix product


def folded(encoder: Network) -> Network:
    """The same encoder for use only: in evaluation mode, frozen, not to be trained or saved.

    The weights that stay as they are, half of them, are shared with the one that is given.
    """
    with torch.device("meta"):
        quick = type(encoder)(**encoder.settings)
    tiled = [encoder.levels.count(level) * encoder.size >> (4 - level) >= MANY for level in range(3)]
    first, body = deepcopy(encoder.input_layer).eval(), deepcopy(encoder.body).eval()
    with torch.no_grad():
        quick.input_layer = nn.Sequential(_fused(first[0], first[1]), first[2])
        quick.body = nn.Sequential(*(QuickBottleneck(block) for block in body if isinstance(block, Bottleneck)))
        quick.given = nn.ModuleList(Tiles() if tiles else nn.Identity() for tiles in tiled)
        quick.styles = nn.ModuleList(
            QuickHead(head, tiled[level])
            for head, level in zip(encoder.styles, encoder.levels)
            if isinstance(head, StyleHead)
        )
    quick.latlayer1, quick.latlayer2 = deepcopy(encoder.latlayer1), deepcopy(encoder.latlayer2)
    quick.latent_avg = encoder.latent_avg.clone()
    for part in (quick.input_layer, quick.body):
        part.to(memory_format=torch.channels_last)
    return quick.eval().requires_grad_(False)


class QuickBottleneck(nn.Module):
    """A `Bottleneck` whose later norms lie in its convolutions, which it takes for its own."""

    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        norm, wide, activation, strided, last, *excite = block.res_layer
        self.residual = nn.Sequential(norm, wide, activation, _fused(strided, last))
        self.excite = cast(SqueezeExcite, excite[0]) if excite else None
        self.stride = block.stride
        self.projection = _fused(*block.shortcut_layer) if block.shortcut_layer is not None else None

    def forward(self, x: Tensor) -> Tensor:
        """See `Bottleneck`."""
        shortcut = x[:, :, :: self.stride, :: self.stride] if self.projection is None else self.projection(x)
        y = self.residual(x)
        if self.excite is None:
            return y + shortcut
        return torch.addcmul(shortcut, y, self.excite.gate(y.mean(dim=(2, 3), keepdim=True)))


class QuickHead(nn.Module):
    """A `StyleHead`: convolutions of features with their channels last, then matrix products.

    Args:
        head: the weights.
        tiles: whether the first convolution is a `StridedConv`.

    """

    def __init__(self, head: StyleHead, tiles: bool) -> None:
        super().__init__()
        convolutions = [layer for layer in head.convs if isinstance(layer, nn.Conv2d)]
        few = FEW.bit_length() - 1
        large = [deepcopy(layer).to(memory_format=torch.channels_last) for layer in convolutions[tiles:-few]]
        self.large = nn.ModuleList([StridedConv(convolutions[0]), *large] if tiles else large)
        small = [(layer.weight.flatten(1), layer.bias) for layer in convolutions[-few:] if layer.bias is not None]
        self.weights = nn.ParameterList(nn.Parameter(weight.detach()) for weight, _ in small)
        self.biases = nn.ParameterList(nn.Parameter(bias.detach()) for _, bias in small)
        self.linear = deepcopy(head.linear)

    def forward(self, x: Tensor) -> Tensor:
        """See `StyleHead`."""
        for layer in self.large:
            x = F.leaky_relu_(layer(x), SLOPE)
        for weight, bias in zip(self.weights, self.biases):
            patches = F.unfold(x, 3, padding=1, stride=2).transpose(1, 2)  # (B, pixels, C 9)
            side = x.shape[-1] // 2
            x = F.leaky_relu_(F.linear(patches, weight, bias), SLOPE)
            x = x.transpose(1, 2).reshape(len(x), -1, side, side)
        return self.linear(x.flatten(1))


def _fused(convolution: nn.Module, norm: nn.Module) -> nn.Conv2d:
    return fuse_conv_bn_eval(cast(nn.Conv2d, convolution), cast(nn.BatchNorm2d, norm))
