"""Adaptive discriminator augmentation, ADA (Karras et al., NeurIPS 2020).

Letters: B batch, S side of the pictures.
"""

import math
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The low-pass filter of the wavelet sym6. Its even shifts are orthonormal, which makes `halved` undo `doubled`.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
LAG = 0.5  # doubled pixels: a pixel comes to lie on one of its two, not between them
MARGIN = 3  # pixels that the filter reaches beyond the border


class AdaptiveAugment(nn.Module):
    """Changes pictures before the discriminator sees them, as often as keeps it from learning the real ones by heart.

    Flips and turns by 90 degrees, shifts, zooms, turns, colours: sec. 2 and appendix B, "bgc" of fig. 4, each with
    probability `p`, which starts at 0. Where the paper pads a picture before it is moved, what lies outside is
    reflected as often as needed.

    Args:
        target: mean sign of the logits of real pictures above which p rises, and under which it falls.
        length: real pictures in which p can go from 0 to 1.
        every: batches whose signs are looked at together.

    """

    p: Tensor
    signs: Tensor
    pictures: Tensor
    batches: Tensor

    def __init__(self, target: float = 0.6, length: int = 500_000, every: int = 4) -> None:
        super().__init__()
        self.target, self.length, self.every = target, length, every
        for name in ("p", "signs", "pictures", "batches"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self, image: Tensor, random: torch.Generator) -> Tensor:
        """Pictures (B, 3, S, S), about [-1, 1], changed; `random` lives where they do. Can be differentiated twice."""
        draws = Draws(self.p, len(image), random)
        with torch.autocast(image.device.type, enabled=False):
            moved = resampled(image.float(), geometry(draws, image.shape[-1]))
            return recoloured(moved, *colours(draws))

    @torch.no_grad()
    def learn(self, sign: Tensor, pictures: int) -> None:
        """Take in the mean sign of the logits of real pictures, and how many those were in all processes."""
        self.signs += sign * pictures
        self.pictures += pictures
        self.batches += 1
        due = self.batches >= self.every
        step = (self.signs / self.pictures - self.target).sign() * self.pictures / self.length
        self.p.add_(step * due).clamp_(0, 1)
        for heard in (self.signs, self.pictures, self.batches):
            heard.masked_fill_(due, 0)


@dataclass(frozen=True)
class Draws:
    """Numbers (B,) that are drawn for a picture with probability `p`, and 0 else: nothing happens to it.

    Of `axes`, (axes, B): all of a picture's or none.
    """

    p: Tensor
    count: int
    random: torch.Generator

    def normal(self, deviation: float, *axes: int) -> Tensor:
        """Normal numbers of mean 0."""
        drawn = torch.randn(*axes, self.count, generator=self.random, device=self.p.device) * deviation
        return self._kept(drawn, self.p)

    def uniform(self, reach: float, *axes: int, p: Tensor | None = None) -> Tensor:
        """Evenly from -reach to reach."""
        drawn = (2 * torch.rand(*axes, self.count, generator=self.random, device=self.p.device) - 1) * reach
        return self._kept(drawn, self.p if p is None else p)

    def whole(self, until: int) -> Tensor:
        """One of 0, 1, ..., until - 1."""
        drawn = torch.randint(until, (self.count,), generator=self.random, device=self.p.device)
        return self._kept(drawn.float(), self.p)

    def _kept(self, drawn: Tensor, p: Tensor) -> Tensor:
        return drawn * (torch.rand(self.count, generator=self.random, device=self.p.device) < p)


def geometry(draws: Draws, side: int) -> Tensor:
    """From positions in the changed picture to those in the picture, (B, 3, 3); x and y run from -1 to 1."""
    zoom, stretch = draws.normal(0.2), draws.normal(0.2)
    turn = 1 - (1 - draws.p).sqrt()  # there are two: any of them has probability p
    steps = [
        mirroring(draws.whole(2)),
        turning(math.pi / 2 * draws.whole(4)),
        shifting(*(draws.uniform(0.125, 2) * side).round() / side),
        scaling(zoom, zoom),
        turning(draws.uniform(math.pi, p=turn)),
        scaling(stretch, -stretch),
        turning(draws.uniform(math.pi, p=turn)),
        shifting(*draws.normal(0.125, 2)),
    ]
    return reduce(torch.matmul, steps)


def rows(*numbers: Tensor | float) -> Tensor:
    """Nine numbers, (B,) or the same for all, as matrices (B, 3, 3)."""
    count = next(number for number in numbers if isinstance(number, Tensor))
    return torch.stack([torch.zeros_like(count) + number for number in numbers], dim=1).view(-1, 3, 3)


def mirroring(chosen: Tensor) -> Tensor:
    """Left and right change places where chosen (B,) is 1."""
    return rows(1 - 2 * chosen, 0, 0, 0, 1, 0, 0, 0, 1)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """By factors 2 ^ x and 2 ^ y, (B,)."""
    return rows(x.exp2(), 0, 0, 0, y.exp2(), 0, 0, 0, 1)


def turning(angle: Tensor) -> Tensor:
    """By angles (B,)."""
    return rows(angle.cos(), -angle.sin(), 0, angle.sin(), angle.cos(), 0, 0, 0, 1)


def shifting(x: Tensor, y: Tensor) -> Tensor:
    """By parts (B,) of the side."""
    return rows(1, 0, 2 * x, 0, 1, 2 * y, 0, 0, 1)


def colours(draws: Draws) -> tuple[Tensor, Tensor]:
    """(A, b): a colour c becomes A (c + b); (B, 3, 3) and (B,)."""
    brightness = draws.normal(0.2)
    steps = [
        contrast(draws.normal(0.5)),
        luma_flip(draws.whole(2)),
        hue(draws.uniform(math.pi)),
        saturation(draws.normal(1.0)),
    ]
    return reduce(torch.matmul, reversed(steps)), brightness


def grey(device: torch.device) -> Tensor:
    """What projects a colour to the grey axis, (3, 3)."""
    return torch.full((3, 3), 1 / 3, device=device)


def contrast(power: Tensor) -> Tensor:
    """Times 2 ^ power (B,)."""
    return power.exp2()[:, None, None] * torch.eye(3, device=power.device)


def luma_flip(chosen: Tensor) -> Tensor:
    """Light becomes dark where chosen (B,) is 1; hue and saturation stay."""
    return torch.eye(3, device=chosen.device) - 2 * chosen[:, None, None] * grey(chosen.device)


def hue(angle: Tensor) -> Tensor:
    """Turned about the grey axis by angles (B,) (Rodrigues)."""
    across = rows(torch.zeros_like(angle), -1, 1, 1, 0, -1, -1, 1, 0) / math.sqrt(3)
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    one = torch.eye(3, device=angle.device)
    return one + sine * across + (1 - cosine) * (grey(angle.device) - one)


def saturation(power: Tensor) -> Tensor:
    """Distance from the grey axis times 2 ^ power (B,)."""
    one = torch.eye(3, device=power.device)
    return one + (power.exp2()[:, None, None] - 1) * (one - grey(power.device))


def recoloured(image: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """`colours` for pictures (B, 3, S, S)."""
    return torch.einsum("bij,bjhw->bihw", matrix, image + offset[:, None, None, None])


def resampled(image: Tensor, matrix: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) moved as `geometry` says, at twice their size (appendix B.2); untouched ones stay exact."""
    side = image.shape[-1]
    padded = F.pad(image, [MARGIN] * 4, mode="reflect")
    fine = doubled(padded)[..., 2 * MARGIN : -2 * MARGIN, 2 * MARGIN : -2 * MARGIN]
    offset = torch.full_like(matrix[:, 0, 0], LAG / 2 / side)
    outer = padded.shape[-1] / side
    theta = shifting(-offset, -offset) @ matrix @ shifting(offset, offset) * matrix.new_tensor([outer, outer, 1.0])
    grid = F.affine_grid(theta[:, :2], [len(image), 3, 2 * padded.shape[2], 2 * padded.shape[3]], align_corners=False)
    moved = halved(F.grid_sample(fine, grid, padding_mode="reflection", align_corners=False))
    changed = (matrix != torch.eye(3, device=matrix.device)).any(dim=2).any(dim=1)
    return torch.where(changed[:, None, None, None], moved[..., MARGIN:-MARGIN, MARGIN:-MARGIN], image)


def doubled(image: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 3, 2 H, 2 W) by the wavelet's filter."""
    rows, columns = filters(image)
    tall = F.conv_transpose2d(image, math.sqrt(2) * rows, stride=(2, 1), padding=(5, 0), groups=3)
    return F.conv_transpose2d(tall, math.sqrt(2) * columns, stride=(1, 2), padding=(0, 5), groups=3)


def halved(image: Tensor) -> Tensor:
    """(B, 3, 2 H, 2 W) -> (B, 3, H, W), the inverse of `doubled` but at the border."""
    rows, columns = filters(image)
    low = F.conv2d(image, rows / math.sqrt(2), stride=(2, 1), padding=(5, 0), groups=3)
    return F.conv2d(low, columns / math.sqrt(2), stride=(1, 2), padding=(0, 5), groups=3)


def filters(image: Tensor) -> tuple[Tensor, Tensor]:
    """`SYM6` along y, (3, 1, 12, 1), and along x, (3, 1, 1, 12)."""
    taps = image.new_tensor(SYM6).expand(3, 1, -1)
    return taps[..., None], taps[:, :, None]
