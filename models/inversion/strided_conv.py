"""Many 3x3 convolutions of stride 2 of one feature, by fewer multiplications (Winograd's F(2, 2) on even and odd rows).

Of five neighbouring rows d0 ... d4 of the padded feature, two rows come out:

    y0 = w0 d0 + w1 d1 + w2 d2 = (w0 (d0 - d2) + w1 d1) + (w0 + w2) d2
    y1 = w0 d2 + w1 d3 + w2 d4 = (w2 (d4 - d2) + w1 d3) + (w0 + w2) d2

that is five products instead of six, in columns the same: 25 instead of 36. What is done to the feature is the same for
all convolutions. Letters: B batch, C channels, H, W size, a multiple of 4.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KINDS = (0, 1, 2)
Products = list[list[Tensor]]  # by rows and by columns: what is for y0 alone, for both, for y1 alone


class Tiles(nn.Module):
    """A feature (B, C, H, W) -> what each `StridedConv` multiplies: nine of (B, C to 4 C, H / 4, W / 4)."""

    def forward(self, x: Tensor) -> Products:
        """See the class."""
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 0, 1, 0))  # zeros above and to the left; channels last
        rows = [[_of_pixels(piece, 2) for piece in pieces] for pieces in _of_pixels(padded, 1)]
        return [
            [
                torch.cat([part for piece in row for part in piece[column]], dim=3).permute(0, 3, 1, 2)
                for column in KINDS
            ]
            for row in rows
        ]


class StridedConv(nn.Module):
    """A 3x3 convolution of stride 2 and padding 1, of the `Tiles` of a feature: -> (B, C', H / 2, W / 2)."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        assert convolution.bias is not None
        self.bias = convolution.bias
        rows = [[_of_weights(piece, 2) for piece in pieces] for pieces in _of_weights(convolution.weight.detach(), 2)]
        self.weights = nn.ParameterList(
            nn.Parameter(_joined(row, column, dim=1)[:, :, None, None]) for row in rows for column in KINDS
        )

    def forward(self, tiles: Products) -> Tensor:
        """See the class."""
        weights = iter(self.weights)
        rows = [_both([F.conv2d(part, next(weights)).permute(0, 2, 3, 1) for part in row], 2) for row in tiles]
        return (_both(rows, 1) + self.bias).permute(0, 3, 1, 2)


def _of_pixels(x: Tensor, dim: int) -> list[list[Tensor]]:
    """Of 4 n + 1 rows or columns."""
    every_fourth = [x[(slice(None),) * dim + (slice(first, None, 4),)] for first in range(5)]
    d0, d1, d2, d3, d4 = (rows.narrow(dim, 0, x.shape[dim] // 4) for rows in every_fourth)
    return [[d0 - d2, d1], [d2], [d4 - d2, d3]]


def _of_weights(weight: Tensor, dim: int) -> list[list[Tensor]]:
    w0, w1, w2 = weight.unbind(dim)
    return [[w0, w1], [w0 + w2], [w2, w1]]


def _joined(row: list[list[list[Tensor]]], column: int, dim: int) -> Tensor:
    """The channels of what a row has for one kind of column."""
    return torch.cat([part for piece in row for part in piece[column]], dim=dim)


def _both(products: list[Tensor], dim: int) -> Tensor:
    """y0 and y1 in turn."""
    first, shared, second = products
    return torch.stack([first + shared, second + shared], dim=dim + 1).flatten(dim, dim + 1)
