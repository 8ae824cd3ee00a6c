"""Resampling of one axis by a rational factor, as products with a small banded matrix.

    y[t] = sum over s of taps[down * t - up * s + shift] * x[s]

where taps and x are 0 outside their ends: zeros between the samples, a filter and dropped samples in one, none of them
computed. The matrix of this sum repeats itself after every `up` results, so that blocks of results are products of one
small matrix with overlapping windows of x. The adjoint is such a sum again, which is how gradients of any order come
about.

Letters: B batch, S samples, T results, M numbers of a sample, K samples in a window.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MOST = 48  # results of a block
SPARE = 128  # samples of zeros behind a buffer, so that windows of the next product end inside
FIXED = 8  # what a product costs beside its numbers, in rows and columns


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
        first: where the first window starts, often before x.
        window: K.
        count: blocks.
    """

    results: int
    step: int
    first: int
    window: int
    count: int


@cache
def cut(sampling: Sampling) -> Blocks:
    """The cut with the least to multiply."""
    s = sampling
    cuts = []
    for steps in range(1, MOST // min(s.up, s.down) + 1):
        results, step = steps * s.up, steps * s.down
        first = -((s.taps - 1 - s.shift) // s.up)
        last = (s.down * (results - 1) + s.shift) // s.up
        cuts.append(Blocks(results, step, first, last - first + 1, -(-s.after // results)))
    return min(cuts, key=lambda c: c.count * (c.results + FIXED) * (c.window + FIXED))


@cache
def tap_numbers(sampling: Sampling, device: torch.device) -> Tensor:
    """Which tap stands where in the matrix (results, K); `sampling.taps` where none does."""
    blocks = cut(sampling)
    results, samples = torch.arange(blocks.results)[:, None], torch.arange(blocks.window) + blocks.first
    number = sampling.down * results - sampling.up * samples + sampling.shift
    return number.where((number >= 0) & (number < sampling.taps), sampling.taps).to(device)


def resample(x: Tensor, taps: Tensor, sampling: Sampling) -> Tensor:
    """(B, S, M) -> (B, T, M); see the module. No gradient goes to the taps."""
    return _Resample.apply(x, taps, sampling)


class _Resample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, sampling: Sampling) -> Tensor:
        ctx.save_for_backward(taps)
        ctx.sampling = sampling
        return products(x, taps, sampling)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (taps,) = ctx.saved_tensors
        return resample(gradients[0], taps.flip(0), ctx.sampling.adjoint), None, None


def products(x: Tensor, taps: Tensor, sampling: Sampling) -> Tensor:
    """`resample` without its gradient. What is given is the start of every item of a longer buffer."""
    blocks = cut(sampling)
    matrix = F.pad(taps, (0, 1))[tap_numbers(sampling, x.device)].to(x.dtype)
    windows, each = windowed(x, sampling, blocks)
    batch, _, width = windows.shape
    results = batch // each * each * blocks.results
    buffer = x.new_empty((results + SPARE) * width)
    buffer[results * width :] = 0
    torch.bmm(matrix.expand(batch, -1, -1), windows, out=buffer[: results * width].view(batch, blocks.results, width))
    return buffer.as_strided((len(x), sampling.after, width), (each * blocks.results * width, width, 1))


def windowed(x: Tensor, sampling: Sampling, blocks: Blocks) -> tuple[Tensor, int]:
    """Overlapping windows (B * n, K, M) of x, and n: as many as there are blocks, or more.

    Windows lie one step apart through the whole batch, so that items must begin at whole steps; an item's last windows
    may end in the next item, where their numbers meet zeros of the matrix, or the zeros that stand before that item.
    """
    start = max(0, blocks.first)
    end = (sampling.down * (sampling.after - 1) + sampling.shift) // sampling.up + 1  # of what results are made of
    left, right = start - blocks.first, max(0, end - sampling.before)
    x = x[:, start:end]
    items, samples, width = x.shape
    pitch = x.stride(0) // width
    uniform = x.stride()[1:] == (width, 1) and x.stride(0) % (blocks.step * width) == 0
    each = pitch // blocks.step
    needed = ((items * each - 1) * blocks.step + blocks.window) * width
    offset = int(x.storage_offset())
    if (
        left
        or right
        or not uniform
        or each < blocks.count
        or offset + needed > x.untyped_storage().size() // x.element_size()
    ):
        each = max(blocks.count, -(-(left + samples + max(0, right - left)) // blocks.step))
        buffer = x.new_zeros((items * each * blocks.step + blocks.window) * width)
        size, strides = (items, samples, width), (each * blocks.step * width, width, 1)
        x = buffer.as_strided(size, strides, left * width).copy_(x)
        offset = 0
    shape, strides = (items * each, blocks.window, width), (blocks.step * width, width, 1)
    return x.as_strided(shape, strides, offset), each
