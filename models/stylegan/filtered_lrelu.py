"""Leaky ReLU between an upsampling and a downsampling filter (Karras et al., NeurIPS 2021, sec. 3.2 and appendix C.3).

Letters: B batch, C channels, H size, R parts of the downsampling filter.
"""

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from models.stylegan.layers import GAIN, SLOPE
from models.stylegan.resample import (
    MOST,
    Blocks,
    Sampling,
    blocks_of,
    cost,
    cut,
    framed,
    matrix,
    products,
    resample,
)

STRIP = 4_000_000  # bytes of a strip between the filters
BLOCKS = (16, 20, 24, 28, 32)  # samples between the filters come in such blocks


@dataclass(frozen=True)
class Rates:
    """The two samplings of a layer, for rows and columns alike.

    Attributes:
        up: from the size that comes in to the size between.
        down: from there to the size that goes out.
    """

    up: Sampling
    down: Sampling


def rates(before: int, after: int, up: int, down: int, up_taps: int, down_taps: int) -> Rates:
    """Samplings whose middles agree, as the authors place them.

    Args:
        before: height and width that come in.
        after: that go out.
        up: factor.
        down: factor.
        up_taps: length of the filter.
        down_taps: length of the filter.

    """
    between = (after - 1) * down + down_taps  # what the second filter needs
    padding = between - before * up + up_taps - 1  # zeros at both ends of what is upsampled, or less than none: cropped
    shift = up_taps - 1 - (padding + up) // 2
    between = min(-(-between // block) * block for block in BLOCKS)  # more than it needs, but whole blocks
    return Rates(
        Sampling(up, 1, shift, up_taps, before, between), Sampling(1, down, down_taps - 1, down_taps, between, after)
    )


def filtered_lrelu(
    x: Tensor, up_taps: Tensor, down_taps: tuple[Tensor, Tensor], rates: Rates, clamp: float | None = None
) -> Tensor:
    """(B, C, H, H) -> (B, C, H', H'): upsampled, leaky ReLU times sqrt 2, limited to +-clamp, downsampled.

    Args:
        x: already with its bias; zeros lie around it.
        up_taps: of sum 1.
        down_taps: columns (R, taps) and rows (R, taps), whose products add up to the filter.
        rates: sizes.
        clamp: None: no limit.

    """
    taps = up_taps * rates.up.up
    x = x.permute(0, 2, 3, 1)
    if x.is_cpu and not (torch.is_grad_enabled() and x.requires_grad):
        return in_strips(x, taps, down_taps, rates, clamp).permute(0, 3, 1, 2)
    y = F.leaky_relu_(resample(x, taps[None], taps[None] * GAIN, rates.up), SLOPE)
    y = y if clamp is None else y.clamp(-clamp, clamp)
    return resample(y, *down_taps, rates.down).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Strips:
    """How `in_strips` cuts: rows between the filters hold whole blocks, more samples than the second filter needs.

    Attributes:
        up: upsampling.
        row: downsampling of a row.
        row_blocks: its cut.
        width: samples of a row between the filters.
    """

    up: Blocks
    row: Sampling
    row_blocks: Blocks
    width: int


@cache
def strips(rates: Rates) -> Strips:
    """The cheapest cut of both samplings that fit."""
    needed = replace(rates.up, after=(rates.down.after - 1) * rates.down.down + rates.down.taps)
    found = []
    for up in (blocks_of(needed, steps) for steps in range(1, MOST + 1)):
        row = replace(rates.down, before=up.count * up.results)
        rows = [blocks for blocks in (blocks_of(row, steps) for steps in range(1, MOST + 1)) if not blocks.framed]
        for blocks in rows:
            found.append((cost(needed, up) + cost(row, blocks), Strips(up, row, blocks, row.before)))
    return min(found, key=lambda pair: pair[0])[1]


def in_strips(
    x: Tensor, up_taps: Tensor, down_taps: tuple[Tensor, Tensor], rates: Rates, clamp: float | None
) -> Tensor:
    """The same without gradients, (B, H, H, C) -> (B, H', H', C): a few rows at a time, which stay in the cache.

    Every strip is upsampled, bent and downsampled along rows. What that gives waits, with the last rows of the strip
    before, for being downsampled along columns.
    """
    plan, (factor, channels) = strips(rates), (rates.down.down, x.shape[3])
    x = framed(x, plan.up)
    count = max(1, STRIP // (plan.up.results * plan.width * channels * x.element_size()))  # blocks of a strip
    while count * plan.up.results % factor:
        count += 1
    rows = count * plan.up.results
    keep = rates.down.taps - factor  # rows that the next strip needs too
    column = replace(rates.down, before=keep + rows, after=rows // factor)
    column_blocks = cut(column)
    upward, upward_gain = (matrix(taps, rates.up, plan.up, x) for taps in (up_taps, up_taps * GAIN))
    parts = [(matrix(c, column, column_blocks, x), matrix(r, plan.row, plan.row_blocks, x)) for c, r in zip(*down_taps)]
    tall = x.new_empty(rows, x.shape[2], channels)
    whole = x.new_empty(rows, plan.width, channels)
    waiting = x.new_zeros(len(parts), keep + rows, plan.row_blocks.count * plan.row_blocks.results, channels)
    given = x.new_empty(-(-column.after // column_blocks.results) * column_blocks.results, *waiting.shape[2:])
    result = x.new_empty(len(x), rates.down.after, *waiting.shape[2:])
    for picture, total in zip(x, result):
        for strip in range(-(-(total.shape[0] * factor + keep) // rows)):
            products(picture[strip * count * plan.up.step :].flatten(1), upward, plan.up, tall)
            products(tall.view(-1, channels), upward_gain, plan.up, whole)
            F.leaky_relu_(whole, SLOPE)
            if clamp is not None:
                whole.clamp_(-clamp, clamp)
            start = strip * column.after - keep // factor  # of its results; those before 0 are of no rows
            target = total[max(0, start) : start + column.after]
            for number, (down, across) in enumerate(parts):
                products(whole.view(-1, channels), across, plan.row_blocks, waiting[number, keep:])
                products(waiting[number].flatten(1), down, column_blocks, given)
                chosen = given[max(0, -start) :][: len(target)]
                target.copy_(chosen) if number == 0 else target.add_(chosen)
                waiting[number, :keep] = waiting[number, rows:].clone()
    return result[:, :, : rates.down.after]
