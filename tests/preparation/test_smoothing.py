import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.smoothing import smooth


def test_noise_shrinks_and_a_peak_stays_where_it_is() -> None:
    frames = np.arange(100)
    clean = np.sin(frames / 8)[:, None, None] * np.ones((100, 68, 2))
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape)
    smoothed = smooth(noisy, sigma=1.5)
    assert np.abs(smoothed - clean).mean() < 0.6 * np.abs(noisy - clean).mean()
    lags = [np.corrcoef(smoothed[10 + lag : 80 + lag, 0, 0], clean[10:80, 0, 0])[0, 1] for lag in range(-3, 4)]
    assert int(np.argmax(lags)) == 3


@given(st.integers(1, 40), st.floats(0.2, 6), st.floats(-5, 5))
def test_even_motion_passes_unchanged(length: int, sigma: float, speed: float) -> None:
    track = (np.arange(length) * speed)[:, None] + np.array([3.0, -7.0])
    np.testing.assert_allclose(smooth(track, sigma), track, atol=1e-6)


def test_gaps_stay_and_part_the_track() -> None:
    track = np.random.default_rng(1).normal(size=(40, 68, 2)).astype(np.float32)
    track[15:20] = np.nan
    smoothed = smooth(track, 2.0)
    assert smoothed.dtype == np.float32
    assert np.isnan(smoothed[15:20]).all()
    np.testing.assert_array_equal(smoothed[:15], smooth(track[:15], 2.0))
    np.testing.assert_array_equal(smoothed[20:], smooth(track[20:], 2.0))


@pytest.mark.parametrize("length", [0, 1])
def test_short_tracks(length: int) -> None:
    track = np.ones((length, 4), dtype=np.float32)
    np.testing.assert_array_equal(smooth(track), track)


def test_agrees_with_a_weighted_fit_by_numpy() -> None:
    track = np.random.default_rng(2).normal(size=(30, 1))
    distance = np.arange(9) - 2.0
    slope_and_value = np.polyfit(distance, track[:9, 0], 1, w=np.exp(-0.25 * (distance / 1.5) ** 2))
    assert smooth(track, 1.5)[2, 0] == pytest.approx(slope_and_value[1], abs=1e-9)
