"""The generator of StyleGAN3 (Karras et al., NeurIPS 2021), configurations T and R, of any size.

T moves its pictures with its input, R turns them too. Letters: B batch, N codes, W numbers of a code, C channels,
H, W' size of a feature.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.stylegan.bands import Band, bands
from models.stylegan.filtered_lrelu import filtered_lrelu, rates
from models.stylegan.filters import low_pass, radial_low_pass, separable_parts
from models.stylegan.fourier_features import FourierFeatures
from models.stylegan.generator import Generator, Noise
from models.stylegan.layers import EqualLinear
from models.stylegan.mapping import Mapping
from models.stylegan.synthesis import NOTHING, Access, State, Synthesised


class StyledLayer(nn.Module):
    """What the layers share: a style for what comes in, and its mean square, by whose root it is divided.

    Args:
        before: channels that come in.
        channels: that go out.
        side: of the kernel.
        w_dim: W.
        decay: of the mean square, in each call in training mode.

    """

    magnitude: Tensor

    def __init__(self, before: int, channels: int, side: int, w_dim: int, decay: float) -> None:
        super().__init__()
        self.affine = EqualLinear(w_dim, before, bias=1.0)
        self.weight = nn.Parameter(torch.randn(channels, before, side, side))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("magnitude", torch.ones(()))
        self.decay = decay

    def gain(self, x: Tensor) -> Tensor:
        """What brings x to a mean square of about 1; follows it in training mode."""
        if self.training:
            with torch.no_grad():
                self.magnitude.lerp_(x.detach().to(self.magnitude).square().mean(), 1 - self.decay)
        return self.magnitude.rsqrt()

    def convolved(self, x: Tensor, before: Tensor, after: Tensor | None = None) -> Tensor:
        """(B, C, H, W') with room for the whole kernel around it; factors of channels (B, C) before and after, bias."""
        padding = self.weight.shape[-1] - 1
        if len(x) == 1:
            weight = self.weight * before[0, :, None, None]
            weight = weight if after is None else weight * after[0, :, None, None, None]
            return F.conv2d(x, weight, self.bias, padding=padding)
        x = x * before[:, :, None, None].to(x.dtype)
        if after is None:
            return F.conv2d(x, self.weight, self.bias, padding=padding)
        y = F.conv2d(x, self.weight, padding=padding)
        return torch.addcmul(self.bias[:, None, None].to(y.dtype), y, after[:, :, None, None].to(y.dtype))


class Layer(StyledLayer):
    """Modulated convolution and filtered leaky ReLU: (B, C, H, W') -> (B, C', size, size).

    Args:
        before: band of what comes in.
        band: of what goes out.
        w_dim: W.
        side: of the kernel.
        filter_size: taps per sample of the lower rate.
        upsampling: rate of the leaky ReLU, relative.
        radial: whether the downsampling filter is round.
        clamp: see `StyleGAN3`.
        decay: see there.

    """

    up_filter: Tensor
    down_filter: Tensor
    down_columns: Tensor
    down_rows: Tensor

    def __init__(
        self,
        before: Band,
        band: Band,
        w_dim: int,
        side: int,
        filter_size: int,
        upsampling: int,
        radial: bool,
        clamp: float | None,
        decay: float,
    ) -> None:
        super().__init__(before.channels, band.channels, side, w_dim, decay)
        between = max(before.rate, band.rate) * upsampling
        up, down = between // before.rate, between // band.rate
        design = radial_low_pass if radial else low_pass
        taps = filter_size * up, filter_size * down
        self.register_buffer("up_filter", low_pass(taps[0], before.cutoff, 2 * before.half_width, between))
        self.register_buffer("down_filter", design(taps[1], band.cutoff, 2 * band.half_width, between))
        self.register_buffer("down_columns", None, persistent=False)
        self.register_buffer("down_rows", None, persistent=False)
        self.split_filter()
        self.register_load_state_dict_post_hook(Layer.split_filter)  # type: ignore[no-untyped-call]
        self.rates = rates(before.size + side - 1, band.size, up, down, *taps)
        self.clamp = clamp

    def split_filter(self, _: object = None) -> None:
        """Find the separable parts of the filter that stands there now."""
        if not self.down_filter.is_meta:
            self.down_columns, self.down_rows = separable_parts(self.down_filter)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """Feature and code (B, W)."""
        gain, style = self.gain(x), self.affine(code)
        style = style * style.square().mean(dim=1, keepdim=True).rsqrt()  # cancels below; keeps numbers near 1
        norm = (style.square() @ self.weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
        y = self.convolved(x, style * gain, norm)
        return filtered_lrelu(y, self.up_filter, (self.down_columns, self.down_rows), self.rates, self.clamp)


class ToRGB(StyledLayer):
    """Feature (B, C, H, W') and code (B, W) -> picture (B, 3, H, W'); see `Layer`."""

    def __init__(self, before: int, w_dim: int, clamp: float | None, decay: float) -> None:
        super().__init__(before, 3, 1, w_dim, decay)
        self.clamp = clamp

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """See the class."""
        y = self.convolved(x, self.affine(code) * self.gain(x) / math.sqrt(x.shape[1]))
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class Synthesis(nn.Module):
    """Codes (B, N, W) -> picture: Fourier features, layers L0, L1, ..., colours. Arguments as `StyleGAN3`'s."""

    def __init__(
        self,
        bands: list[Band],
        w_dim: int,
        num_critical: int,
        conv_kernel: int,
        filter_size: int,
        lrelu_upsampling: int,
        use_radial_filters: bool,
        conv_clamp: float | None,
        output_scale: float,
        magnitude_ema_beta: float,
    ) -> None:
        super().__init__()
        self.input = FourierFeatures(w_dim, bands[0])
        self.layers = nn.ModuleDict()
        layers = len(bands) - 1
        for number, (before, band) in enumerate(zip([bands[0], *bands], bands[:-1])):
            self.layers[f"L{number}"] = Layer(
                before,
                band,
                w_dim,
                conv_kernel,
                filter_size,
                lrelu_upsampling,
                use_radial_filters and number < layers - num_critical,
                conv_clamp,
                magnitude_ema_beta,
            )
        self.to_rgb = ToRGB(bands[-2].channels, w_dim, conv_clamp, magnitude_ema_beta)
        self.output_scale = output_scale

    def forward(self, codes: Tensor, access: Access = NOTHING, transform: Tensor | None = None) -> Synthesised:
        """The picture, and what `access` asks for."""
        first = access.first(list(self.layers))
        x = access.start[1].feature if access.start else self.input(codes[:, 0], transform)
        states = {}
        for number, (name, layer) in list(enumerate(self.layers.items(), start=1))[first:]:
            x = layer(x, codes[:, number])
            if name in access.edits:
                x = access.edits[name](x)
            if name in access.keep:
                states[name] = State(x)
        return Synthesised(self.to_rgb(x, codes[:, -1]) * self.output_scale, states)


class StyleGAN3(Generator):
    """See `Generator`; N = num_layers + 2: a code for the Fourier features, for L0, L1, ..., for the layer to RGB.

    The defaults are T at 1024 pixels. R is conv_kernel=1, use_radial_filters=true, and channel_base and channel_max
    doubled. Names and values of the arguments are those of NVIDIA's code.

    Args:
        size: of the picture: 16, 32, ...
        z_dim: numbers of z.
        w_dim: numbers of a code of W.
        mapping_layers: of the mapping network.
        channel_base: channels of a layer are min(channel_base / (2 f_c), channel_max), f_c its cutoff frequency.
        channel_max: see there.
        channels: of L0, L1, ..., in place of that rule.
        num_layers: but for the Fourier features and the one to RGB.
        num_critical: layers at the end that let everything through up to half their sampling rate.
        first_cutoff: f_c of the first layer, in waves per image width; those between grow geometrically.
        first_stopband: where its filter should suppress what is above.
        last_stopband_rel: the same of the last layer, relative to its cutoff, size / 2.
        margin: samples around the picture, in every layer.
        conv_kernel: side of the kernels.
        filter_size: taps of the filters per sample of the lower rate.
        lrelu_upsampling: rate of the leaky ReLU, relative to the higher one of its layer.
        use_radial_filters: downsampling filters are round, but for the critical layers.
        conv_clamp: limit of the leaky ReLU and of the colours, against overflow in 16 bits; None: no limit.
        output_scale: factor of the picture.
        magnitude_ema_beta: decay of the mean square of what a layer is given, per call in training mode; NVIDIA: half
            in 20,000 pictures.

    Raises:
        UserError: a size that the layers do not reach.

    """

    def __init__(
        self,
        size: int = 1024,
        z_dim: int = 512,
        w_dim: int = 512,
        mapping_layers: int = 2,
        channel_base: int = 32768,
        channel_max: int = 512,
        channels: Sequence[int] | None = None,
        num_layers: int = 14,
        num_critical: int = 2,
        first_cutoff: float = 2.0,
        first_stopband: float = 2**2.1,
        last_stopband_rel: float = 2**0.3,
        margin: int = 10,
        conv_kernel: int = 3,
        filter_size: int = 6,
        lrelu_upsampling: int = 2,
        use_radial_filters: bool = False,
        conv_clamp: float | None = 256.0,
        output_scale: float = 0.25,
        magnitude_ema_beta: float = 0.999,
    ) -> None:
        super().__init__()
        if size < 16 or size & (size - 1):
            raise UserError(f"StyleGAN3 makes pictures of a power of two, at least 16; not of {size}")
        if not 0 <= num_critical < num_layers:
            raise UserError(f"num_critical={num_critical} of num_layers={num_layers} layers leaves none before them")
        self.size, self.z_dim, self.w_dim, self.codes = size, z_dim, w_dim, num_layers + 2
        self.mapping = Mapping(z_dim, w_dim, mapping_layers)
        self.bands = bands(
            size,
            num_layers,
            num_critical,
            first_cutoff,
            first_stopband,
            last_stopband_rel,
            margin,
            channel_base,
            channel_max,
            channels,
        )
        self.synthesis: Synthesis = Synthesis(
            self.bands,
            w_dim,
            num_critical,
            conv_kernel,
            filter_size,
            lrelu_upsampling,
            use_radial_filters,
            conv_clamp,
            output_scale,
            magnitude_ema_beta,
        )

    @property
    def names(self) -> list[str]:
        """See `Generator`."""
        return list(self.synthesis.layers)

    def forward(
        self, codes: Tensor, noise: Noise = "fixed", access: Access = NOTHING, transform: Tensor | None = None
    ) -> Synthesised:
        """See `Generator`; there is no noise in StyleGAN3, whatever `noise` says.

        `transform`, (3, 3) or (B, 3, 3), maps places of the picture that is wanted to places of the one that the codes
        describe, in image widths from the centre, y downwards; `placement` makes one. It acts on the Fourier features:
        a pass that starts behind a layer has it in that layer's feature already.
        """
        return self.synthesis(self.spread(codes), access, transform)
