"""Resampling of pictures by rational factors, rows and columns alike, as products with small banded matrices.

Along each axis

    y[t] = sum over s of taps[down * t - up * s + shift] * x[s]

where taps and x are 0 outside their ends: zeros between the samples, a filter and dropped samples in one, none of them
computed. The matrix of this sum repeats itself after every `up` results, so that blocks of results are products of one
small matrix with overlapping windows of x. The adjoint is such a sum again, which is how gradients of any order come
about.

Letters: B batch, S samples before, T after, C channels (last), R parts of a filter, K samples in a window, M numbers of
a sample.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MOST = 48  # steps of `up` results in a block
FIXED = 8  # what a product costs beside its numbers, in rows and columns
COPY = 32  # what a copy costs, per sample


@dataclass(frozen=True)
class Sampling:
    """The sum above but for its numbers.

    Attributes:
        up: see there.
        down: see there.
        shift: see there.
        taps: how many there are.
        before: S.
        after: T.
    """

    up: int
    down: int
    shift: int
    taps: int
    before: int
    after: int

    @property
    def adjoint(self) -> "Sampling":
        """The transposed matrix, for taps in reversed order."""
        return Sampling(self.down, self.up, self.taps - 1 - self.shift, self.taps, self.after, self.before)


@dataclass(frozen=True)
class Blocks:
    """How a `Sampling` is cut: block b gives results b * results ... from samples b * step + first ... of x.

    Attributes:
        results: of a block.
        step: samples between two windows.
        first: where the first window starts; less than 0: in zeros before x.
        window: K.
        count: blocks.
        framed: whether x must be copied into zeros, of count * step samples.
    """

    results: int
    step: int
    first: int
    window: int
    count: int
    framed: bool


@cache
def cut(sampling: Sampling) -> Blocks:
    """The cheapest cut."""
    return min((blocks_of(sampling, steps) for steps in range(1, MOST + 1)), key=lambda blocks: cost(sampling, blocks))


def blocks_of(sampling: Sampling, steps: int) -> Blocks:
    """A cut into blocks of `steps * up` results."""
    s = sampling
    results, step = steps * s.up, steps * s.down
    first = -((s.taps - 1 - s.shift) // s.up)
    last = (s.down * (results - 1) + s.shift) // s.up
    end = (s.down * (s.after - 1) + s.shift) // s.up + 1  # behind the last sample that counts
    window, count = last - first + 1, -(-s.after // results)
    if first >= 0 and end <= s.before and s.before % step == 0 and s.before // step >= count:
        return Blocks(results, step, first, window, s.before // step, framed=False)
    left = max(0, -first)  # zeros before x, which are also those behind the item before
    samples = left + max(0, min(s.before, end)) + max(0, end - s.before - left)
    return Blocks(results, step, first, window, max(count, -(-samples // step)), framed=True)


def cost(sampling: Sampling, blocks: Blocks) -> int:
    """Time that a cut takes, about."""
    copies = blocks.framed * sampling.before + (blocks.count * blocks.results != sampling.after) * sampling.after
    return blocks.count * (blocks.results + FIXED) * (blocks.window + FIXED) + COPY * copies


@cache
def _tap_numbers(sampling: Sampling, blocks: Blocks, device: torch.device) -> Tensor:
    """Which tap stands where in the matrix (results, K); `sampling.taps` where none does."""
    results, samples = torch.arange(blocks.results)[:, None], torch.arange(blocks.window) + blocks.first
    number = sampling.down * results - sampling.up * samples + sampling.shift
    return number.where((number >= 0) & (number < sampling.taps), sampling.taps).to(device)


def matrix(taps: Tensor, sampling: Sampling, blocks: Blocks, like: Tensor) -> Tensor:
    """Of a block (results, K), in the type of `like`."""
    return F.pad(taps, (0, 1))[_tap_numbers(sampling, blocks, taps.device)].to(like.dtype)


def resample(x: Tensor, columns: Tensor, rows: Tensor, sampling: Sampling) -> Tensor:
    """(B, S, S, C) -> (B, T, T, C).

    Args:
        x: pictures, channels last.
        columns: taps (R, taps) that run along columns.
        rows: taps (R, taps) that run along rows; the filter is the sum of the R products. Taps get no gradient.
        sampling: of both axes.

    """
    return _Resample.apply(x, columns, rows, sampling)


class _Resample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, columns: Tensor, rows: Tensor, sampling: Sampling) -> Tensor:
        ctx.save_for_backward(columns, rows)
        ctx.sampling = sampling
        return resampled(x, columns, rows, sampling)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        columns, rows = (taps.flip(1) for taps in ctx.saved_tensors)
        return resample(gradients[0], columns, rows, ctx.sampling.adjoint), None, None, None


def resampled(x: Tensor, columns: Tensor, rows: Tensor, sampling: Sampling) -> Tensor:
    """`resample` without its gradient."""
    blocks = cut(sampling)
    x = framed(x, blocks)
    total = None
    for column, row in zip(columns, rows):
        y = along_columns(x, matrix(column, sampling, blocks, x), blocks)
        y = along_rows(y, matrix(row, sampling, blocks, x), blocks)
        total = y if total is None else total.add_(y)
    assert total is not None
    whole = total.shape[1] == sampling.after
    return total if whole else total[:, : sampling.after, : sampling.after].contiguous()  # a view could not be changed


def framed(x: Tensor, blocks: Blocks) -> Tensor:
    """(B, S, S, C) with zeros around it, where the blocks ask for them, in one piece of memory."""
    if not blocks.framed:
        return x.contiguous()
    left, size = max(0, -blocks.first), blocks.count * blocks.step
    right = size - left - x.shape[1]
    return F.pad(x, (0, 0, left, right, left, right))  # right may be less than 0: cropped


def along_columns(x: Tensor, matrix: Tensor, blocks: Blocks) -> Tensor:
    """(B, S, W, C) -> (B, count * results, W, C)."""
    items, _, width, channels = x.shape
    y = x.new_empty(items, blocks.count * blocks.results, width, channels)
    products(x.view(-1, width * channels), matrix, blocks, y)
    return y


def along_rows(x: Tensor, matrix: Tensor, blocks: Blocks) -> Tensor:
    """(B, H, S, C) -> (B, H, count * results, C)."""
    items, height, _, channels = x.shape
    y = x.new_empty(items, height, blocks.count * blocks.results, channels)
    products(x.view(-1, channels), matrix, blocks, y)
    return y


def products(x: Tensor, matrix: Tensor, blocks: Blocks, results: Tensor) -> None:
    """Fill `results` with the products of the matrix with windows of x (S, M), one step apart.

    x is one item behind another. An item's last windows may end in the next one, where their numbers meet zeros of the
    matrix, or the zeros that stand before that item.
    """
    samples, width = x.shape
    first, step = max(0, blocks.first), blocks.step
    blockwise = results.view(-1, len(matrix), width)
    whole = min(len(blockwise), max(0, samples - first - blocks.window + step) // step)  # windows that end in x
    windows = x.as_strided((whole, blocks.window, width), (step * width, width, 1), first * width + x.storage_offset())
    torch.bmm(matrix.expand(whole, -1, -1), windows, out=blockwise[:whole])
    for number in range(whole, len(blockwise)):
        rest = x[number * step + first :]
        torch.mm(matrix[:, : len(rest)], rest, out=blockwise[number])
