import numpy as np
import pytest

from datamodules.synthetic.background import KINDS, Background, paint_background


@pytest.mark.parametrize("kind", KINDS)
def test_is_a_picture_and_the_same_twice(kind: str) -> None:
    place = Background(kind, 5, 0.02)
    picture = paint_background(place, 96)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.std() > 0.005
    np.testing.assert_array_equal(picture, paint_background(place, 96))
    assert np.abs(picture - paint_background(Background(kind, 6, 0.02), 96)).mean() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_shows_the_same_place_at_every_size(kind: str) -> None:
    place = Background(kind, 5, 0.03)
    small, large = paint_background(place, 64), paint_background(place, 128)
    averaged = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(averaged - small).mean() < 0.01
