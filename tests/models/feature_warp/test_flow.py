"""Flows and what they do to features, against loops over the pixels."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.feature_warp.flow import deformation, warped


def read_at(feature: np.ndarray, x: float, y: float) -> np.ndarray:
    """Bilinear between pixels (C, H, W); x and y in pixels, centres at whole numbers, zero outside."""
    total = np.zeros(feature.shape[0])
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < feature.shape[1] and 0 <= column < feature.shape[2]:
                total += feature[:, row, column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def loop(feature: Tensor, flow: Tensor) -> np.ndarray:
    """Place p + flow of size - 1 steps between -1 and 1, read where -1 and 1 are the edges: scaled about the middle."""
    values, moves = feature[0].double().numpy(), flow[0].double().numpy()
    height, width = values.shape[1:]
    found = np.zeros_like(values)
    for row in range(height):
        for column in range(width):
            x = (column + moves[0, row, column]) * width / (width - 1) - 0.5
            y = (row + moves[1, row, column]) * height / (height - 1) - 0.5
            found[:, row, column] = read_at(values, x, y)
    return found


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 7), st.integers(2, 7), st.floats(0, 3), st.integers(0, 9))
def test_warp_of_the_same_size(height: int, width: int, far: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    feature = torch.randn(1, 2, height, width, generator=random)
    flow = torch.randn(1, 2, height, width, generator=random) * far
    found = warped(feature, deformation(flow))[0]
    np.testing.assert_allclose(found.numpy(), loop(feature, flow), atol=1e-4)


def test_no_flow_enlarges_a_little() -> None:
    """The middle stays; a ramp becomes steeper by size / (size - 1)."""
    ramp = torch.linspace(-1, 1, 9).expand(1, 1, 9, 9)
    found = warped(ramp, deformation(torch.zeros(1, 2, 9, 9)))
    torch.testing.assert_close(found[0, 0, 4, 1:-1], ramp[0, 0, 4, 1:-1] * 9 / 8)


def test_the_deformation_is_resized_not_the_flow() -> None:
    """One pixel to the right of a grid of 4 is a third of the way from the middle to the edge, on any feature."""
    still, moving = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    moving[:, 0] = 1.0
    before, after = deformation(still), deformation(moving)
    torch.testing.assert_close((after - before)[..., 0], torch.full((1, 4, 4), 2 / 3))
    ramp = torch.linspace(-1, 1, 12).expand(1, 1, 12, 12)
    moved = warped(ramp, after) - warped(ramp, before)
    torch.testing.assert_close(moved[0, 0, 6, 2:6], torch.full((4,), 2 / 3 * 12 / 11))
