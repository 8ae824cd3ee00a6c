"""From a picture to a distribution of z, for a generator that starts as the decoder of a variational autoencoder."""

from itertools import pairwise

from torch import Tensor, nn

from models.stylegan.channels import channels_by_size
from models.stylegan.discriminator import ResidualBlock
from models.stylegan.layers import BiasedLeakyReLU, EqualConv2d, EqualLinear


class VariationalEncoder(nn.Module):
    """Pictures (B, 3, size, size) in [-1, 1] -> mean and log variance of z, (B, z_dim) each.

    Args:
        size: a power of two.
        z_dim: numbers of z.
        channel_base: channels are min(channel_base / size, channel_max).
        channel_max: see there.

    """

    def __init__(self, size: int, z_dim: int, channel_base: int, channel_max: int) -> None:
        super().__init__()
        channels = list(channels_by_size(size, channel_base, channel_max).values())[::-1]
        blocks = [ResidualBlock(before, after) for before, after in pairwise(channels)]
        self.layers = nn.Sequential(
            EqualConv2d(3, channels[0], 1, bias=False), BiasedLeakyReLU(channels[0]), *blocks, nn.Flatten()
        )
        self.out = EqualLinear(channels[-1] * 16, 2 * z_dim)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        mean, log_variance = self.out(self.layers(image)).chunk(2, dim=1)
        return mean, log_variance
