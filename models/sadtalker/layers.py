"""Blocks that several face-vid2vid networks are made of.

The attribute names are those of the authors' checkpoints.
Letters: B batch, C channels, K keypoints, D depth, H height, W width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.repeated_convolution import convolve_repeated

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def unit_range(image: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1]: the authors' networks see images in [0, 1], and their zero padding is black."""
    return image * 0.5 + 0.5


def check_images(image: Tensor, multiple: int) -> None:
    """`UserError` unless these are images (B, 3, H, W) whose sides are multiples of `multiple` pixels."""
    if image.ndim != 4 or image.shape[1] != 3:
        raise UserError(f"images must be of shape (batch, 3, height, width), got {tuple(image.shape)}")
    height, width = image.shape[2:]
    if height % multiple or width % multiple:
        raise UserError(
            f"this network needs images whose sides are multiples of {multiple} pixels, got {width}x{height};"
            " change the image size, or train a network with fewer blocks"
        )


def channels_at(level: int, block_expansion: int, max_features: int) -> int:
    """Channels after `level` halvings of the resolution: doubled by each, up to `max_features`."""
    return min(max_features, block_expansion * 2**level)


class ConvBlock(nn.Module):
    """Convolution (size kept), batch norm, (leaky) ReLU, in 2 or 3 dimensions."""

    def __init__(
        self, channels_in: int, channels_out: int, dims: int, kernel_size: int = 3, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.conv = CONVOLUTION[dims](channels_in, channels_out, kernel_size, padding=kernel_size // 2)
        self.norm = BATCH_NORM[dims](channels_out)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, [D,] H, W), size kept."""
        return F.leaky_relu(self.norm(self.conv(x)), self.slope, inplace=True)


class DownBlock(ConvBlock):
    """A `ConvBlock`, then height and width are halved by averaging; depth stays."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, [D,] H, W) -> (B, C', [D,] H / 2, W / 2)."""
        x = super().forward(x)
        return F.avg_pool2d(x, 2) if x.ndim == 4 else F.avg_pool3d(x, (1, 2, 2))


class UpBlock(ConvBlock):
    """Height and width are doubled by repetition, then a `ConvBlock`; depth stays."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, [D,] H, W) -> (B, C', [D,] 2 H, 2 W)."""
        x = convolve_repeated(x, self.conv.weight, self.conv.bias, scale=2)
        return F.leaky_relu(self.norm(x), self.slope, inplace=True)


class ResBlock3d(nn.Module):
    """Pre-activation residual block on a feature volume (B, C, D, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(channels)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Size and channels kept."""
        y = self.conv1(F.relu(self.norm1(x), inplace=True))
        return x + self.conv2(F.relu(self.norm2(y), inplace=True))


class AntiAliasedDownsample(nn.Module):
    """Gaussian blur with zero padding, then every `factor`-th pixel from pixel 0 on (first-order motion model).

    The kernel is in the authors' keypoint checkpoints; elsewhere `persistent=False` keeps it out of the state dict.
    """

    weight: Tensor

    def __init__(self, channels: int, factor: int, persistent: bool = True) -> None:
        super().__init__()
        sigma = (factor - 1) / 2
        radius = round(sigma * 4)
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
        line = torch.exp(-(offsets**2) / (2 * sigma**2)) if sigma else torch.ones(1)
        kernel = torch.outer(line, line) / line.sum() ** 2
        self.register_buffer("weight", kernel.repeat(channels, 1, 1, 1), persistent)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H / factor, W / factor), rounded up."""
        radius = self.weight.shape[-1] // 2
        return F.conv2d(x, self.weight, stride=self.factor, padding=radius, groups=len(self.weight))


class SpectralConv2d(nn.Module):
    """Convolution whose weight is divided by its largest singular value (spectral normalisation, Miyato et al. 2018).

    The value is estimated as u . (W v). In training one power iteration per call renews u and v; in evaluation the
    stored u and v are used as they are, so that the authors' weights give the authors' numbers.
    `torch.nn.utils.spectral_norm` has the same keys, but keeps a derived tensor that cannot be deep-copied (EMA).
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.empty(channels_out, channels_in, kernel_size, kernel_size))
        fan_in = channels_in * kernel_size**2
        nn.init.kaiming_uniform_(self.weight_orig, a=math.sqrt(5))
        self.bias = nn.Parameter(torch.empty(channels_out).uniform_(-1, 1) / math.sqrt(fan_in)) if bias else None
        self.register_buffer("weight_u", F.normalize(torch.randn(channels_out), dim=0))
        self.register_buffer("weight_v", F.normalize(torch.randn(fan_in), dim=0))
        for _ in range(5):  # a fresh layer starts near its true norm
            self._power_iteration()
        self.padding = padding

    @torch.no_grad()
    def _power_iteration(self) -> None:
        matrix = self.weight_orig.flatten(1)
        self.weight_v.copy_(F.normalize(matrix.mT @ self.weight_u, dim=0, eps=1e-12))
        self.weight_u.copy_(F.normalize(matrix @ self.weight_v, dim=0, eps=1e-12))

    def normalised_weight(self) -> Tensor:
        """The weight that the convolution uses, (out, in, k, k); in training this renews u and v."""
        with torch.autocast(self.weight_orig.device.type, enabled=False):
            if self.training:
                self._power_iteration()
            # Clones: a second call before the backward pass renews the buffers in place.
            u, v = self.weight_u.clone(), self.weight_v.clone()
            return self.weight_orig / torch.dot(u, self.weight_orig.flatten(1) @ v)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), as an ordinary convolution."""
        return F.conv2d(x, self.normalised_weight(), self.bias, padding=self.padding)
