import numpy as np
import pytest

from preparation.analysers.blazeface import anchors, iou, merge


def test_anchors_of_the_two_networks() -> None:
    short = anchors(128, ((8, 2), (16, 6)))
    assert short.shape == (896, 2)
    np.testing.assert_allclose(short[0], 0.5 / 16)
    np.testing.assert_allclose(short[2], (1.5 / 16, 0.5 / 16))
    np.testing.assert_allclose(short[512], 0.5 / 8)
    assert anchors(192, ((4, 1),)).shape == (2304, 2)


def test_iou_of_known_boxes() -> None:
    others = np.array([(0, 0, 2, 2), (1, 0, 3, 2), (5, 5, 6, 6), (0, 0, 1, 1)], dtype=float)
    np.testing.assert_allclose(iou(others[0], others), [1, 1 / 3, 0, 1 / 4])


def test_merging_weighs_by_score_and_keeps_others_apart() -> None:
    values = np.zeros((3, 16))
    values[0, :4], values[1, :4], values[2, :4] = (0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60)
    (first, best), (second, other) = merge(values, np.array([0.9, 0.6, 0.7]))
    assert (best, other) == (0.9, 0.7)
    assert first[0] == pytest.approx(0.6 / 1.5)
    np.testing.assert_allclose(second, values[2])
    assert merge(np.zeros((0, 16)), np.zeros(0)) == []
