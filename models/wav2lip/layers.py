"""Blocks that the networks of Wav2Lip are made of. The attribute names are those of the authors' checkpoints.

Letters: N pictures or windows of sound, C channels, H height, W width.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError

Size = int | tuple[int, int]


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU: (N, C, H, W) -> (N, C', H', W'). `residual` adds the input before ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int = 3,
        stride: Size = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding)
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(channels_out))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.conv_block(x)
        return F.relu(y + x if self.residual else y, inplace=True)


class UpBlock(nn.Module):
    """Transposed 3x3 convolution, batch norm, ReLU.

    (N, C, H, W) -> (N, C', 2 H, 2 W); with `first` a code (N, C, 1, 1) becomes (N, C', 3, 3).
    """

    def __init__(self, channels_in: int, channels_out: int, first: bool = False) -> None:
        super().__init__()
        stride, padding, more = (1, 0, 0) if first else (2, 1, 1)
        convolution = nn.ConvTranspose2d(channels_in, channels_out, 3, stride, padding, more)
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.relu(self.conv_block(x), inplace=True)


class PlainBlock(nn.Module):
    """Convolution and leaky ReLU (0.01), no norm: (N, C, H, W) -> (N, C', H', W')."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, stride: Size = 1, padding: int | None = None
    ) -> None:
        super().__init__()
        padding = kernel_size // 2 if padding is None else padding
        self.conv_block = nn.Sequential(nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.leaky_relu(self.conv_block(x), 0.01, inplace=True)


def residuals(channels: int, count: int) -> list[nn.Module]:
    """`count` residual blocks that keep size and channels."""
    return [ConvBlock(channels, channels, residual=True) for _ in range(count)]


def expect(what: str, x: Tensor, shape: Sequence[int]) -> None:
    """`UserError` unless the last axes of `x` are `shape`."""
    if tuple(x.shape[-len(shape) :]) != tuple(shape):
        raise UserError(f"{what} must be of shape (..., {', '.join(map(str, shape))}), got {tuple(x.shape)}")
