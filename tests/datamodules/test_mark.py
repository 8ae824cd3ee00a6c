"""The visible mark."""

import numpy as np
import pytest

from datamodules.mark import Mark


@pytest.mark.parametrize("size", [32, 64, 256, 1024])
def test_the_mark_is_in_the_corner_only(size: int) -> None:
    frame = np.full((size, size, 3), 200, np.uint8)
    marked = Mark(size).on(frame)
    changed = (marked != frame).any(axis=2)
    assert changed[-3:, -3:].all()
    assert not changed[: size // 2].any()
    assert 0.001 < changed.mean() < 0.3
    assert (frame == 200).all()


def test_letters_are_bright_on_any_picture() -> None:
    for grey in (0, 255):
        corner = Mark(256).on(np.full((256, 256, 3), grey, np.uint8))[-20:, -60:]
        assert corner.max() > 220
        assert np.median(corner) < 130
