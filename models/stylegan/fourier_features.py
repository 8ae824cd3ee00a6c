"""Where the pictures of StyleGAN3 begin: waves that a code turns and shifts (Karras et al., NeurIPS 2021, sec. 3.1).

Letters: B batch, W numbers of a code, C channels.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.stylegan.bands import Band
from models.stylegan.layers import EqualLinear


class FourierFeatures(nn.Module):
    """Codes (B, W) -> sines over a plane (B, C, size, size), mixed by a matrix.

    Args:
        w_dim: W.
        band: of the plane; frequencies are drawn from the disc that it lets through.

    """

    frequencies: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, band: Band) -> None:
        super().__init__()
        self.band = band
        frequencies = torch.randn(band.channels, 2)
        radius = frequencies.norm(dim=1, keepdim=True)
        frequencies *= band.cutoff / radius * (-radius.square() / 4).exp()  # NVIDIA's draw: most near the edge
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("phases", torch.rand(band.channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))  # for calls without one
        self.weight = nn.Parameter(torch.randn(band.channels, band.channels))
        self.affine = EqualLinear(w_dim, 4)
        with torch.no_grad():
            self.affine.weight.zero_()
            self.affine.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))

    def forward(self, code: Tensor, transform: Tensor | None = None) -> Tensor:
        """See the class; `transform` as in `StyleGAN3.forward`."""
        given = self.transform if transform is None else transform
        matrix = self.of_code(code) @ given.to(self.frequencies)
        phases = self.phases + (self.frequencies @ matrix[:, :2, 2:]).squeeze(2)  # (B, C)
        frequencies = self.frequencies @ matrix[:, :2, :2]  # (B, C, 2)
        excess = (frequencies.norm(dim=2) - self.band.cutoff) / (self.band.rate / 2 - self.band.cutoff)
        amplitudes = (1 - excess).clamp(0, 1)  # what a zoom drives out of the band fades
        size, rate = self.band.size, self.band.rate
        place = (torch.arange(size, device=code.device, dtype=frequencies.dtype) + 0.5 - size / 2) / rate
        along_x = frequencies[:, None, None, :, 0] * place[:, None]
        along_y = frequencies[:, None, None, :, 1] * place[:, None, None]
        waves = (2 * math.pi * (along_y + along_x + phases[:, None, None])).sin() * amplitudes[:, None, None]
        return (waves @ (self.weight.T / math.sqrt(self.band.channels))).permute(0, 3, 1, 2)

    def of_code(self, code: Tensor) -> Tensor:
        """The code's own inverse transform (B, 3, 3): a rotation behind a translation."""
        cosine, sine, x, y = self.affine(code).to(self.frequencies).unbind(dim=1)
        length = torch.hypot(cosine, sine)
        return _turned_and_shifted(cosine / length, sine / length, x / length, y / length)


def placement(x: float | Tensor = 0.0, y: float | Tensor = 0.0, degrees: float | Tensor = 0.0) -> Tensor:
    """The `transform` of a picture that is turned about its centre, then moved: (3, 3), or (B, 3, 3) of numbers (B,).

    It is an inverse transform, from places of the picture that is wanted to places of the one without it.

    Args:
        x: to the right, in image widths.
        y: downwards, in image widths.
        degrees: counter-clockwise.

    """
    right, down, angle = (torch.as_tensor(value, dtype=torch.float32) for value in (x, y, degrees))
    zero = torch.zeros_like(right + down + angle)
    return _turned_and_shifted(angle.deg2rad().cos() + zero, angle.deg2rad().sin() + zero, right + zero, down + zero)


def _turned_and_shifted(cosine: Tensor, sine: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The inverse of a rotation followed by a translation, of numbers (...): (..., 3, 3)."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rotation = _matrix([[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]])
    return rotation @ _matrix([[one, zero, -x], [zero, one, -y], [zero, zero, one]])


def _matrix(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Numbers (...) by row and column -> (..., 3, 3)."""
    return torch.stack([torch.stack(list(row), dim=-1) for row in rows], dim=-2)
