"""Distances on the face, seen from the front: what lies near a line, and where along it."""

from dataclasses import dataclass

import cv2
import numpy as np

from datamodules.synthetic.canvas import Atlas


def rounded(corners: np.ndarray, count: int = 20, closed: bool = False) -> np.ndarray:
    """A Catmull-Rom curve (count, 2) through corners (K, 2)."""
    ends = (
        (corners[-1:], corners[:2]) if closed else (2 * corners[:1] - corners[1:2], 2 * corners[-1:] - corners[-2:-1])
    )
    points = np.concatenate([ends[0], corners, ends[1]])
    spans = len(corners) - (0 if closed else 1)
    at = np.linspace(0, spans, count, endpoint=not closed)
    cell = np.minimum(at.astype(int), spans - 1)
    t = (at - cell)[:, None]
    a, b, c, d = (points[cell + k] for k in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


@dataclass(frozen=True)
class Near:
    """Texels near a curve. rows, columns: which; side: distance in decimetres, positive on the left of the curve's
    direction; along: from 0 to 1.
    """

    rows: np.ndarray
    columns: np.ndarray
    side: np.ndarray
    along: np.ndarray

    def spread(self, values: np.ndarray, size: int) -> np.ndarray:
        """A picture (size, size) with these values at the texels and 0 elsewhere."""
        picture = np.zeros((size, size), np.float32)
        picture[self.rows, self.columns] = values
        return picture


def near(atlas: Atlas, texels: np.ndarray, curve: np.ndarray, reach: float) -> Near:
    """Those of `texels` (S, S) bool within `reach` of a curve (K, 2), seen from the front."""
    curve = curve.astype(np.float32)
    low, high = curve.min(0) - reach, curve.max(0) + reach
    rows, columns, point = atlas.front
    first, last = np.searchsorted(point[:, 1], [low[1], high[1]])
    rows, columns, point = rows[first:last], columns[first:last], point[first:last]
    kept = (point[:, 0] > low[0]) & (point[:, 0] < high[0]) & texels[rows, columns]
    rows, columns, point = rows[kept], columns[kept], point[kept]
    start, step = curve[:-1], np.diff(curve, axis=0)
    length = np.linalg.norm(step, axis=1)
    best = np.full(len(point), np.inf, np.float32)
    side, along = np.zeros_like(best), np.zeros_like(best)
    travelled = np.concatenate([[0], np.cumsum(length)])
    for k in range(len(step)):
        offset = point - start[k]
        share = np.clip(offset @ step[k] / length[k] ** 2, 0, 1)
        rest = offset - share[:, None] * step[k]
        distance = np.hypot(rest[:, 0], rest[:, 1])
        nearer = distance < best
        cross = step[k, 0] * offset[:, 1] - step[k, 1] * offset[:, 0]
        best = np.where(nearer, distance, best)
        side = np.where(nearer, np.sign(cross) * distance, side)
        along = np.where(nearer, (travelled[k] + share * length[k]) / travelled[-1], along)
    kept = best < reach
    return Near(rows[kept], columns[kept], side[kept], along[kept])


def inside(atlas: Atlas, texels: np.ndarray, outline: np.ndarray, softness: float) -> np.ndarray:
    """Share (S, S) by which texels lie in a closed outline (K, 2), soft over `softness` decimetres."""
    scale, margin = 400.0, 0.3
    low = (outline.min(0) - margin).astype(np.float32)
    width, height = np.ceil((outline.max(0) + margin - low) * scale).astype(int)
    stencil = np.zeros((height, width), np.uint8)
    cv2.fillPoly(stencil, [np.round((outline - low) * scale).astype(np.int32)], 255)
    soft = cv2.GaussianBlur(stencil, (0, 0), softness * scale)
    x, y, z = atlas.axes
    share = cv2.remap(soft, (x - low[0]) * np.float32(scale), (y - low[1]) * np.float32(scale), cv2.INTER_LINEAR)
    return np.where(texels & (z > 0), share / np.float32(255), 0).astype(np.float32)


def bell(x: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian of height 1."""
    return np.exp(-0.5 * (x / width) ** 2)


def ramp(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """From 0 at `low` to 1 at `high`, smooth; the other way round where high < low."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def look_up(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values (N,) of a picture (H, W) at columns x and rows y (N,), linear between texels, 0 outside."""
    count = len(x)
    width = 256  # OpenCV takes no more than 32,767 in a row
    columns, rows = (np.resize(a.astype(np.float32), (-(-count // width), width)) for a in (x, y))
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderValue=0).ravel()[:count]
