import numpy as np
import pytest

from datamodules.synthetic.canvas import Atlas, Paint, slope
from datamodules.synthetic.curves import inside, look_up, near, ramp, rounded


@pytest.fixture
def plane() -> Atlas:
    """A square of 2 dm in front of the eye, x to the right, y up, one part."""
    axis = (np.arange(64) + 0.5) / 32 - 1
    x, y = np.meshgrid(axis, -axis)
    position = np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float32)
    shape = position.shape[:2]
    return Atlas(position, np.zeros(shape, int), np.ones(shape, bool), np.zeros((68, 3), np.float32), ("skin",))


def test_slope_is_the_gradient_in_space(plane: Atlas) -> None:
    x, y, _ = plane.axes
    found = slope(0.3 * x - 0.2 * y, plane)[1:-1, 1:-1]
    np.testing.assert_allclose(found, np.broadcast_to([0.3, -0.2, 0], found.shape), atol=1e-4)


def test_blank_paint_changes_nothing(plane: Atlas) -> None:
    texels = Paint.blank(64).texels(plane)
    assert (np.abs(texels[..., :3].astype(int) * 2 - 255) <= 1).all()
    assert (texels[..., 3:8] == 0).all()
    assert (texels[..., 8:11] == 128).all()


def test_cover_hides_and_tint_multiplies(plane: Atlas) -> None:
    paint, half = Paint.blank(64), np.zeros((64, 64), np.float32)
    half[:, :32] = 1
    paint.tint(half, np.array([0.5, 1.0, 1.0]))
    np.testing.assert_allclose(paint.multiply[5, 5], [0.5, 1, 1])
    np.testing.assert_allclose(paint.multiply[5, 40], 1)
    paint.cover(half, np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(paint.multiply[5, 5], 0)
    np.testing.assert_allclose(paint.add[5, 5], [0.1, 0.2, 0.3], rtol=1e-6)
    paint.tint(half * 0, np.array([0.0, 0.0, 0.0]))
    np.testing.assert_allclose(paint.add[5, 40], 0)


def test_near_tells_side_and_way_along(plane: Atlas) -> None:
    line = near(plane, np.ones((64, 64), bool), np.array([[-0.5, 0.1], [0.0, 0.1], [0.5, 0.1]]), 0.2)
    x, y = plane.axes[0][line.rows, line.columns], plane.axes[1][line.rows, line.columns]
    middle = np.abs(x) < 0.45
    np.testing.assert_allclose(line.side[middle], (y - 0.1)[middle], atol=1e-5)
    np.testing.assert_allclose(line.along[middle], (x + 0.5)[middle], atol=1e-5)
    assert np.abs(line.side).max() < 0.2


def test_inside_is_one_within_and_zero_without(plane: Atlas) -> None:
    circle = rounded(0.5 * np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]]), 60, closed=True)
    share = inside(plane, np.ones((64, 64), bool), circle, 0.01)
    distance = np.hypot(plane.axes[0], plane.axes[1])
    assert (share[distance < 0.4] > 0.99).all()
    assert (share[distance > 0.6] < 0.01).all()


def test_look_up_is_linear_for_many_points() -> None:
    picture = np.arange(12, dtype=np.float32).reshape(3, 4)
    x, y = np.linspace(0, 3, 40_000), np.linspace(0, 2, 40_000)
    np.testing.assert_allclose(look_up(picture, x, y), x + 4 * y, atol=0.15)  # OpenCV counts in 1/32 of a texel


def test_ramp_runs_both_ways() -> None:
    at = np.linspace(-1, 2, 31)
    np.testing.assert_allclose(ramp(0, 1, at), 1 - ramp(1, 0, at), atol=1e-12)
    assert ramp(0, 1, at)[[0, -1]].tolist() == [0, 1]
