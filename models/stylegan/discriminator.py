"""The discriminator of StyleGAN2 (Karras et al., CVPR 2020), residual, with the statistic over minibatches.

Letters: B batch, C channels, G size of a group.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan.channels import channels_by_size
from models.stylegan.layers import GAIN, BiasedLeakyReLU, Blur, EqualConv2d, EqualLinear

GROUP = 4  # pictures whose spread is one number


class ResidualBlock(nn.Module):
    """(B, C, H, W) -> (B, C', H / 2, W / 2); both branches blur before they drop pixels."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.conv1, self.act1 = EqualConv2d(before, before, 3, padding=1, bias=False), BiasedLeakyReLU(before)
        self.blur2, self.conv2 = Blur((2, 2)), EqualConv2d(before, channels, 3, stride=2, bias=False)
        self.act2 = BiasedLeakyReLU(channels)
        self.blur_skip, self.skip = Blur((1, 1)), EqualConv2d(before, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.blur2(self.conv1.activated(x, self.act1.bias))
        y = self.conv2.activated(y, self.act2.bias, GAIN / math.sqrt(2))
        kept = self.blur_skip(x, stride=2)  # no pixels but those that a stride of 2 keeps
        return y + F.conv2d(kept, self.skip.weight * (self.skip.scale / math.sqrt(2)))


class Discriminator(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] -> logits (B, 1), high for real ones.

    Args:
        size: S, a power of two.
        channel_base: channels are min(channel_base / size, channel_max); 32768 is config F.
        channel_max: see there.
        channels: of the features of 4, 8, ..., `size` pixels, where these do not follow that rule.

    With more than one picture B must be a multiple of min(B, 4): pictures i, i + B/4, i + 2 B/4, ... are a group.
    """

    def __init__(
        self,
        size: int = 1024,
        channel_base: int = 32768,
        channel_max: int = 512,
        channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        widths = list(channels_by_size(size, channel_base, channel_max, channels).values())[::-1]
        self.from_rgb, self.act = EqualConv2d(3, widths[0], 1, bias=False), BiasedLeakyReLU(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(a, b) for a, b in pairwise(widths)))
        last = widths[-1]
        self.last_conv = EqualConv2d(last + 1, last, 3, padding=1, bias=False)
        self.last_act = BiasedLeakyReLU(last)
        self.hidden = EqualLinear(last * 16, last, activate=True)
        self.logit = EqualLinear(last, 1)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = self.trunk(image)
        x = self.last_conv.activated(torch.cat([x, spread_over_group(x)], dim=1), self.last_act.bias)
        return self.logit(self.hidden(x.flatten(1)))

    def trunk(self, image: Tensor) -> Tensor:
        """Features (B, C, 4, 4) before the statistic."""
        return self.blocks(self.from_rgb.activated(image, self.act.bias))


def spread_over_group(x: Tensor) -> Tensor:
    """Minibatch statistic (Karras et al. 2018, sec. 3): (B, C, H, W) -> (B, 1, H, W), one number for each group.

    The standard deviation over the group, with the biased variance and 1e-8 under the root, averaged over channels and
    positions.
    """
    group = min(len(x), GROUP)
    grouped = x.view(group, -1, *x.shape[1:])  # (G, B / G, C, H, W)
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return deviation.repeat(group).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
