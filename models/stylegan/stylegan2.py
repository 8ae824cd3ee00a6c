"""The generator of StyleGAN2, config F (Karras et al., CVPR 2020), of any power of two from 8 to 1024.

Letters: B batch, N = 2 log2(size) - 2 codes, C channels, H, W size of a feature.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan.channels import channels_by_size
from models.stylegan.generator import Generator, Noise
from models.stylegan.layers import GAIN, SLOPE, Blur, EqualLinear
from models.stylegan.mapping import Mapping
from models.stylegan.modulated_conv import modulated_colours, modulated_conv
from models.stylegan.synthesis import NOTHING, Access, State, Synthesised
from models.winograd import helps


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU times sqrt 2: (B, C, H, W) -> (B, C', H, W) or twice the size.

    Args:
        before: channels of what comes in.
        channels: of what is given.
        w_dim: numbers of a code.
        size: height and width of what is given.
        up: double the size: transposed convolution, then a blur.

    """

    noise: Tensor

    def __init__(self, before: int, channels: int, w_dim: int, size: int, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, before, 3, 3))
        self.scale = 1 / math.sqrt(before * 9)
        self.affine = EqualLinear(w_dim, before, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(size, size))
        self.blur = Blur((1, 1), gain=4.0) if up else None

    def forward(self, x: Tensor, code: Tensor, noise: Noise = "fixed") -> Tensor:
        """Feature and code (B, w_dim)."""
        bias, style = self.bias * GAIN, self.affine(code) * self.scale
        if self.blur is None:
            y = modulated_conv(x, self.weight, style, GAIN, bias=bias)
        else:
            y = self.blur(modulated_conv(x, self.weight, style, GAIN, up=True), bias)
        if noise != "none":
            y.add_(self.drawn(y, noise) * (self.noise_strength * GAIN))
        return F.leaky_relu_(y, SLOPE)  # of sqrt 2 y is sqrt 2 times that of y

    def drawn(self, y: Tensor, noise: Noise) -> Tensor:
        """Noise for a feature: (H, W), or (B, 1, H, W) where it is random."""
        if noise == "fixed":
            return self.noise
        if noise != "random" and not isinstance(noise, torch.Generator):
            raise ValueError(f"noise={noise!r}: fixed, random, none or a torch.Generator")
        source = None if noise == "random" else noise
        return torch.randn(len(y), 1, *y.shape[2:], generator=source, device=y.device, dtype=y.dtype)


class ToRGB(nn.Module):
    """Feature (B, C, H, W) and code -> what it adds to the picture (B, 3, H, W)."""

    def __init__(self, before: int, w_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, before, 1, 1))
        self.scale = 1 / math.sqrt(before)
        self.affine = EqualLinear(w_dim, before, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """See the class."""
        return modulated_colours(x, self.weight * self.scale, self.affine(code), self.bias)


class Synthesis(nn.Module):
    """Codes (B, N, w_dim) -> picture. A layer and the ToRGB before it share a code.

    Args:
        size: of the picture.
        w_dim: numbers of a code.
        channels: of the features of 4, 8, ..., `size` pixels.

    """

    def __init__(self, size: int, w_dim: int, channels: dict[int, int]) -> None:
        super().__init__()
        self.narrowest = min(channels.values())
        self.const = nn.Parameter(torch.randn(channels[4], 4, 4))
        self.layers = nn.ModuleDict({"conv4": StyledConv(channels[4], channels[4], w_dim, 4)})
        self.to_rgb = nn.ModuleDict({"4": ToRGB(channels[4], w_dim)})
        for side in list(channels)[1:]:
            self.layers[f"up{side}"] = StyledConv(channels[side // 2], channels[side], w_dim, side, up=True)
            self.layers[f"conv{side}"] = StyledConv(channels[side], channels[side], w_dim, side)
            self.to_rgb[f"{side}"] = ToRGB(channels[side], w_dim)

    def forward(self, codes: Tensor, noise: Noise = "fixed", access: Access = NOTHING) -> Synthesised:
        """The picture, and what `access` asks for."""
        first = access.first(list(self.layers))
        state = access.start[1] if access.start else State(self.const[None].expand(len(codes), -1, -1, -1))
        x, image, states = self.arranged(state.feature), state.image, {}
        for number, (name, layer) in list(enumerate(self.layers.items()))[first:]:
            x = layer(x, codes[:, number], noise)
            if name in access.edits:
                x = access.edits[name](x)
            if name.startswith("conv"):
                colours = self.to_rgb[name.removeprefix("conv")](x, codes[:, number + 1])
                image = colours if image is None else colours + doubled(image)
            if name in access.keep:
                states[name] = State(x, image)
        assert image is not None
        return Synthesised(image, states)

    def arranged(self, x: Tensor) -> Tensor:
        """A feature as convolutions of one picture are quickest on a CPU: channels last in memory, and so ever after.

        Not for few channels: there it does not pay, and torch 2.14 corrupts memory where there are four. Not for
        Winograd's way.
        """
        wanted = x.is_cpu and len(x) == 1 and self.narrowest >= 32 and not helps(x)
        return x.contiguous(memory_format=torch.channels_last) if wanted else x


def doubled(image: Tensor) -> Tensor:
    """Zeros between the pixels, then the 4 x 4 binomial filter of sum 4: (B, 3, H, W) -> (B, 3, 2 H, 2 W).

    That is bilinear interpolation of a picture with a border of zeros.
    """
    framed = F.pad(image, (1, 1, 1, 1))
    return F.interpolate(framed, scale_factor=2, mode="bilinear", align_corners=False)[..., 2:-2, 2:-2]


class StyleGAN2(Generator):
    """See `Generator`; N = 2 log2(size) - 2. Layers are conv4, up8, conv8, up16, conv16, ...

    Args:
        size: of the picture: 8, 16, ..., 1024.
        z_dim: numbers of z.
        w_dim: numbers of a code of W.
        mapping_layers: of the mapping network.
        channel_base: channels of a feature are min(channel_base / its size, channel_max); 32768 is config F.
        channel_max: see there.
        channels: of the features of 4, 8, ..., `size` pixels, where these do not follow that rule.

    """

    def __init__(
        self,
        size: int = 1024,
        z_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 8,
        channel_base: int = 32768,
        channel_max: int = 512,
        channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.size, self.z_dim, self.w_dim = size, z_dim, w_dim
        self.mapping = Mapping(z_dim, w_dim, mapping_layers)
        by_size = channels_by_size(size, channel_base, channel_max, channels)
        self.synthesis: Synthesis = Synthesis(size, w_dim, by_size)
        self.codes = 2 * (size.bit_length() - 1) - 2  # N

    @property
    def names(self) -> list[str]:
        """See `Generator`."""
        return list(self.synthesis.layers)

    def forward(self, codes: Tensor, noise: Noise = "fixed", access: Access = NOTHING) -> Synthesised:
        """See `Generator`."""
        return self.synthesis(self.spread(codes), noise, access)
