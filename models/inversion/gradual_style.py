"""pSp's encoder (Richardson et al., CVPR 2021, sec. 3): a picture becomes one code per layer of StyleGAN.

A trunk gives features of three sizes, a pyramid joins them, and a small convolutional head per code ("map2style")
reads the one of its level: the first codes the coarsest. Letters: B batch, N codes, W numbers of a code, S side of the
picture, C channels.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.recognition.ir_se import UNITS, WIDTHS, blocks, stages_of, stem
from models.stylegan.layers import EqualLinear
from models.weights import Weights, load_strictly

COARSE, MIDDLE = 3, 7  # pSp sec. 3: codes 0-2 are coarse, 3-6 medium, the others fine


class StyleHead(nn.Module):
    """Strided convolutions until one pixel is left, then a linear layer: (B, before, side, side) -> (B, W).

    Args:
        before: channels of the feature.
        width: of the convolutions.
        style_dim: W.
        side: of the feature, a power of two; there are log2(side) convolutions.

    """

    def __init__(self, before: int, width: int, style_dim: int, side: int) -> None:
        super().__init__()
        self.convs = nn.Sequential()
        for number in range(side.bit_length() - 1):
            self.convs += nn.Sequential(nn.Conv2d(before if number == 0 else width, width, 3, 2, 1), nn.LeakyReLU())
        self.linear = EqualLinear(width, style_dim)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.linear(self.convs(x).flatten(1))


class GradualStyleEncoder(nn.Module):
    """Pictures (B, input_channels, S, S) in [-1, 1] -> codes (B, N, W).

    The sizes that are the default are those of pSp's and e4e's files for a StyleGAN2 of 1024 pixels.

    Args:
        codes: N.
        style_dim: W.
        input_channels: 6 where two pictures are given one behind the other.
        size: S; a power of two, at least 32.
        units: blocks of the four stages of the trunk; the features are those behind the second, third and fourth.
        widths: channels of these stages; the pyramid has those of the last.
        head_width: channels inside of the heads.
        coarse: how many codes read the coarsest feature.
        middle: which code is the first to read the finest.
        align_corners: how the pyramid is enlarged; False in StyleHEAT's copy of e4e.

    `latent_avg` (N, W) is added to the codes; zero until a file or a training gives it: the mean of W.
    """

    latent_avg: Tensor

    def __init__(
        self,
        codes: int = 18,
        style_dim: int = 512,
        input_channels: int = 3,
        size: int = 256,
        units: Sequence[int] = UNITS,
        widths: Sequence[int] = WIDTHS,
        head_width: int = 512,
        coarse: int = COARSE,
        middle: int = MIDDLE,
        align_corners: bool = True,
    ) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {
            "codes": codes,
            "style_dim": style_dim,
            "input_channels": input_channels,
            "size": size,
            "units": list(units),
            "widths": list(widths),
            "head_width": head_width,
            "coarse": coarse,
            "middle": middle,
            "align_corners": align_corners,
        }  # what makes another network of these sizes
        if size < 32 or size & (size - 1):
            raise UserError(f"the encoder takes pictures of a power of two, at least 32; not of {size}")
        self.codes, self.size, self.align_corners = codes, size, align_corners
        self.taps = [sum(units[: stage + 1]) for stage in (1, 2, 3)]  # blocks before each feature
        self.levels = [0 if code < coarse else 1 if code < middle else 2 for code in range(codes)]
        self.input_layer = stem(input_channels, widths[0])
        self.body = blocks(units, widths)
        self.styles = nn.ModuleList(
            StyleHead(widths[-1], head_width, style_dim, size // 16 * 2**level) for level in self.levels
        )
        self.given = nn.ModuleList(nn.Identity() for _ in range(3))  # what heads get of each feature, see `folded`
        self.latlayer1 = nn.Conv2d(widths[2], widths[-1], 1)
        self.latlayer2 = nn.Conv2d(widths[1], widths[-1], 1)
        self.register_buffer("latent_avg", torch.zeros(codes, style_dim))

    def forward(self, image: Tensor) -> Tensor:
        """See the class; `UserError` for a picture of another size."""
        pyramid = self.pyramid(image)
        codes = [head(pyramid[level]) for head, level in zip(self.styles, self.levels)]
        return torch.stack(codes, dim=1) + self.latent_avg

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """Features (B, C, S / 16, S / 16), (B, C, S / 8, S / 8) and (B, C, S / 4, S / 4)."""
        channels = self.input_layer[0].in_channels
        if image.shape[1:] != (channels, self.size, self.size):
            raise UserError(
                f"the encoder takes pictures (B, {channels}, {self.size}, {self.size}), not {tuple(image.shape)}"
            )
        x, found = self.input_layer(image), []
        for first, last in zip((0, *self.taps), self.taps):
            x = self.body[first:last](x)
            found.append(x)
        fine, middle, coarse = found
        middle = self.joined(coarse, self.latlayer1(middle))
        features = [coarse, middle, self.joined(middle, self.latlayer2(fine))]
        return [given(feature) for given, feature in zip(self.given, features)]

    def joined(self, small: Tensor, large: Tensor) -> Tensor:
        """The small feature, enlarged, and the large one."""
        return large + F.interpolate(small, large.shape[2:], mode="bilinear", align_corners=self.align_corners)


def sizes_of(weights: Weights) -> dict[str, Any]:
    """Arguments of `GradualStyleEncoder` for weights in the authors' layout.

    Raises:
        UserError: it is another network's file.
    """
    units, widths = stages_of(weights)
    codes = weights.count("styles.{}.linear.weight")
    style_dim, head_width = weights.shape("styles.0.linear.weight")
    convolutions = Counter(
        key.split(".")[1] for key in weights if re.fullmatch(r"styles\.\d+\.convs\.\d+\.weight", key)
    )
    depths = [convolutions[str(code)] for code in range(codes)]
    return {
        "codes": codes,
        "style_dim": style_dim,
        "input_channels": weights.shape("input_layer.0.weight")[1],
        "size": 16 * 2 ** depths[0],
        "units": units,
        "widths": widths,
        "head_width": head_width,
        "coarse": depths.count(depths[0]),
        "middle": sum(depth <= depths[0] + 1 for depth in depths),
    }


Network = TypeVar("Network", bound=GradualStyleEncoder)
Settings = Mapping[str, Any]  # arguments of `GradualStyleEncoder` by name


def load_encoder(
    kind: type[Network], weights: Weights, latent_avg: Tensor | None = None, settings: Settings | None = None
) -> Network:
    """An encoder in eval mode, which takes the tensors of `weights` for its own.

    Args:
        kind: the network's class: `GradualStyleEncoder` or `Encoder4Editing`, whose layouts are the same.
        weights: by the authors' names, without a prefix.
        latent_avg: (N, W) or (W,), which stands elsewhere in the authors' files; None: the weights' own or zero.
        settings: arguments of the class; None: as the shapes of the weights tell.

    Raises:
        UserError: it is another network's file.
    """
    with torch.device("meta"):
        network = kind(**(sizes_of(weights) if settings is None else settings))
    shape = network.latent_avg.shape
    mean = weights.get("latent_avg", torch.zeros(())) if latent_avg is None else latent_avg
    try:
        mean = mean.expand(shape).clone()
    except RuntimeError as error:
        raise UserError(f"latent_avg is {tuple(mean.shape)}, but the codes are {tuple(shape)}") from error
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
    load_strictly(network, {**tensors, "latent_avg": mean.float()}, assign=True)
    return network.eval()
