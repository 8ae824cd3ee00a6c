"""Small curve tools of the sculptor: natural cubic splines and soft steps, in numpy."""

from functools import lru_cache

import numpy as np


def spline(knots: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The natural cubic spline through `values` (K, ...) at increasing `knots` (K,), evaluated at (M,): (M, ...)."""
    return np.tensordot(spline_weights(knots, at), values, axes=1)


def spline_weights(knots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(M, K) weights by which the natural cubic spline at `at` (M,) depends on the values at `knots` (K,).

    Beyond the ends it goes on with the values at the ends.
    """
    count, bend = len(knots), _bend(tuple(knots))
    at = np.clip(at, knots[0], knots[-1])
    cell = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, count - 2)
    width = np.diff(knots)[cell]
    right_part = (at - knots[cell]) / width
    left_part = 1 - right_part
    weights = np.zeros((len(at), count))
    rows = np.arange(len(at))
    weights[rows, cell] += left_part
    weights[rows, cell + 1] += right_part
    cubic = width**2 / 6
    weights += ((left_part**3 - left_part) * cubic)[:, None] * bend[cell]
    weights += ((right_part**3 - right_part) * cubic)[:, None] * bend[cell + 1]
    return weights


@lru_cache(maxsize=64)
def _bend(knots: tuple[float, ...]) -> np.ndarray:
    """(K, K) second derivatives at the knots by the values there; zero at both ends."""
    count, gaps = len(knots), np.diff(knots)
    system, right = np.eye(count), np.zeros((count, count))
    for i in range(1, count - 1):
        system[i, i - 1 : i + 2] = gaps[i - 1], 2 * (gaps[i - 1] + gaps[i]), gaps[i]
        right[i, i - 1 : i + 2] = 6 / gaps[i - 1], -6 / gaps[i - 1] - 6 / gaps[i], 6 / gaps[i]
    return np.linalg.solve(system, right)


def step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between (also with low > high: then falling)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    """A Gaussian of height 1."""
    return np.exp(-0.5 * ((x - centre) / width) ** 2)
