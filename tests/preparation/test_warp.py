import math

import cv2
import numpy as np
import pytest

from preparation.warp import invert, sample, similarity, transform


def test_a_turned_square_stands_where_it_should() -> None:
    matrix = similarity(np.array([10.0, 20.0]), 4.0, math.pi / 2)
    # Turned clockwise by 90 degrees: the square's own right is the image's down.
    np.testing.assert_allclose(
        transform(matrix, np.array([(10.0, 20.0), (10.0, 22.0)])), [(0.5, 0.5), (1.0, 0.5)], atol=1e-12
    )
    np.testing.assert_allclose(invert(invert(matrix)), matrix)


@pytest.mark.parametrize(("border", "expected"), [(cv2.BORDER_CONSTANT, 0), (cv2.BORDER_REPLICATE, 200)])
def test_borders(border: int, expected: int) -> None:
    image = np.full((10, 10, 3), 200, dtype=np.uint8)
    assert sample(image, similarity(np.array([0.0, 5.0]), 10), 10, border)[5, 0, 0] == expected


def test_enlarging_keeps_a_ramp() -> None:
    ramp = np.tile(np.arange(0, 250, 5, dtype=np.uint8)[None, :, None], (50, 1, 3))
    enlarged = sample(ramp, similarity(np.array([25.0, 25.0]), 30), 120)
    expected = 5 * (10 + (np.arange(120) + 0.5) / 4 - 0.5)
    assert np.abs(enlarged[60, :, 0] - expected).max() < 1
