"""Landmarks over time: less jitter without lag."""

import math

import numpy as np


def smooth(track: np.ndarray, sigma: float = 1.0) -> np.ndarray:
    """A track (T, ...) smoothed over its frames by a Gaussian of `sigma` frames; the same shape and float type.

    The weights are symmetric, so nothing lags. Each value is that of a straight line fitted to its neighbours, so an
    even motion passes unchanged, at the ends as well. Frames with a NaN are gaps: they stay as they are and give
    nothing to the frames around them; nothing is smoothed across a gap.
    """
    smoothed = track.copy()
    if sigma <= 0 or len(track) == 0:
        return smoothed
    present = np.isfinite(track.reshape(len(track), -1)).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        smoothed[start:stop] = _fit_lines(track[start:stop].reshape(stop - start, -1), sigma).reshape(
            -1, *track.shape[1:]
        )
    return smoothed


def _fit_lines(values: np.ndarray, sigma: float) -> np.ndarray:
    """For each of the rows (T, D) the value of the line that fits its weighted neighbours best."""
    radius = math.ceil(4 * sigma)
    distance = np.arange(-radius, radius + 1, dtype=np.float64)
    weight = np.exp(-0.5 * (distance / sigma) ** 2)
    # Weighted sums of 1, d, d^2, x and d x over each row's neighbours, nothing being beyond the ends.
    moments = np.stack([weight, weight * distance, weight * distance**2])
    total, first, second = moments @ _windows(np.ones((len(values), 1)), radius)[:, 0].T
    sums, slopes = np.einsum("tdw,mw->mtd", _windows(values.astype(np.float64), radius), moments[:2])
    determinant = total * second - first**2
    lone = determinant < 1e-9
    fitted = (second[:, None] * sums - first[:, None] * slopes) / np.where(lone, 1.0, determinant)[:, None]
    return np.where(lone[:, None], sums / total[:, None], fitted)


def _windows(values: np.ndarray, radius: int) -> np.ndarray:
    """(T, D) as (T, D, 2 radius + 1): each row with its neighbours, zeros beyond the ends."""
    padded = np.pad(values, ((radius, radius), (0, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
