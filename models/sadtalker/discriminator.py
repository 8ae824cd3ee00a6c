"""Multi-scale patch discriminator of face-vid2vid (sec. 3.4, appendix A), in the layout of the authors' checkpoints.

Letters: B batch, C channels, H height, W width.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.layers import AntiAliasedDownsample, SpectralConv2d, channels_at, check_images, unit_range


class Judgement(NamedTuple):
    """What one scale says: `features` (B, C, h, w) of every block, to be matched; `score` (B, 1, h, w), no sigmoid."""

    features: list[Tensor]
    score: Tensor


class Discriminator(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> one `Judgement` per scale.

    `downscales`: [1] at 256 pixels, [1, 2] at 512 (face-vid2vid appendix A).
    """

    def __init__(
        self,
        downscales: Sequence[int] = (1,),
        block_expansion: int = 32,
        max_features: int = 512,
        num_blocks: int = 4,
    ) -> None:
        super().__init__()
        self.discs = nn.ModuleDict(
            {
                _scale_name(factor): _PatchDiscriminator(block_expansion, max_features, num_blocks)
                for factor in downscales
            }
        )
        # Backwards from 2x2 scores: a 4x4 convolution eats 3 pixels, pooling between the blocks halves.
        self.smallest_side = max(downscales) * (8 * 2 ** (num_blocks - 1) - 3)
        self.pyramid = nn.ModuleList(AntiAliasedDownsample(3, factor, persistent=False) for factor in downscales)

    def forward(self, image: Tensor) -> list[Judgement]:
        """Largest scale first, in the order of `downscales`."""
        check_images(image, multiple=1)
        if min(image.shape[2:]) < self.smallest_side:
            raise UserError(
                f"the discriminator needs images of at least {self.smallest_side} pixels, got {tuple(image.shape[2:])};"
                " use fewer num_blocks or a smaller downscale"
            )
        image = unit_range(image)
        return [disc(down(image)) for disc, down in zip(self.discs.values(), self.pyramid)]


def _scale_name(factor: int) -> str:
    """The authors' name of a scale: "1" for 1, "0-5" for half."""
    return f"{1 / factor:g}".replace(".", "-")


class _PatchDiscriminator(nn.Module):
    def __init__(self, block_expansion: int, max_features: int, num_blocks: int) -> None:
        super().__init__()
        widths = [3] + [channels_at(i + 1, block_expansion, max_features) for i in range(num_blocks)]
        self.down_blocks = nn.ModuleList(
            _Block(a, b, norm=i > 0, pool=i < num_blocks - 1) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.conv = SpectralConv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> Judgement:
        features = []
        for block in self.down_blocks:
            x = block(x)
            features.append(x)
        return Judgement(features, self.conv(x))


class _Block(nn.Module):
    """4x4 convolution without padding, instance norm, leaky ReLU, average pooling."""

    def __init__(self, channels_in: int, channels_out: int, norm: bool, pool: bool) -> None:
        super().__init__()
        self.conv = SpectralConv2d(channels_in, channels_out, 4)
        self.norm = nn.InstanceNorm2d(channels_out, affine=True) if norm else None
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        x = F.leaky_relu(x, 0.2, inplace=True)
        return F.avg_pool2d(x, 2) if self.pool else x
