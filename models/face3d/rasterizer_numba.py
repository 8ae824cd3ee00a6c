"""The rasterizer's loops for processors, compiled by numba at their first call.

The functions are plain Python until then, so that this module imports without numba. They work in float64 and in the
same order of operations as `rasterizer_torch`, so that both find the same triangles to the last pixel: keep them alike.
"""

import functools
import importlib.util
from collections.abc import Callable
from math import ceil, floor, isfinite
from typing import Any

import numpy as np


@functools.cache
def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def compiled(function: Callable[..., None]) -> Callable[..., None]:
    """`function` as machine code, kept on disk between processes where some folder for it can be written."""
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # numpy: 1 / 0 is infinite, as in torch
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder for its cache: neither here nor in the user's
        return numba.njit(**options)(function)


def nearest(
    points: np.ndarray,
    triangles: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    thinnest: float,
    found: np.ndarray,
) -> None:
    """Write the nearest triangle of each pixel into `found`.

    Args:
        points: (B, N, 3) float64, camera coordinates.
        triangles: (F, 3) int64.
        focal: pixels.
        centre_x: pixels.
        centre_y: pixels.
        thinnest: triangles that are not thicker than this many pixels are left out.
        found: (B, H, W) int64, filled with -1.
    """
    height, width = found.shape[1:]
    corners = np.empty((points.shape[1], 3))  # column, row and 1 / depth of each point; 0 where it cannot be drawn
    closest = np.empty((height, width))
    for image in range(points.shape[0]):
        for n in range(points.shape[1]):
            z = points[image, n, 2]
            corners[n, 2] = 0.0
            if z > 0.0:
                corners[n, 0] = centre_x + focal * points[image, n, 0] / z
                corners[n, 1] = centre_y - focal * points[image, n, 1] / z
                if isfinite(corners[n, 0]) and isfinite(corners[n, 1]):
                    corners[n, 2] = 1.0 / z
        closest[:] = 0.0
        for face in range(triangles.shape[0]):
            a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
            near_a, near_b, near_c = corners[a, 2], corners[b, 2], corners[c, 2]
            if not (near_a > 0.0 and near_b > 0.0 and near_c > 0.0):
                continue
            xa, xb, xc = corners[a, 0], corners[b, 0], corners[c, 0]
            left, right = min(xa, xb, xc), max(xa, xb, xc)
            first_x, last_x = ceil(max(left - 0.5, 0.0)), floor(min(right - 0.5, width - 1.0))
            if first_x > last_x:
                continue
            ya, yb, yc = corners[a, 1], corners[b, 1], corners[c, 1]
            top, bottom = min(ya, yb, yc), max(ya, yb, yc)
            first_y, last_y = ceil(max(top - 0.5, 0.0)), floor(min(bottom - 0.5, height - 1.0))
            if first_y > last_y:
                continue
            area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
            if not abs(area) > thinnest * ((right - left) + (bottom - top)):
                continue
            side = 1.0 if area > 0.0 else -1.0
            step_a, step_b, step_c = side * (yb - yc), side * (yc - ya), side * (ya - yb)
            down_a, down_b, down_c = side * (xc - xb), side * (xa - xc), side * (xb - xa)
            start_a, start_b, start_c = (
                side * (xb * yc - xc * yb),
                side * (xc * ya - xa * yc),
                side * (xa * yb - xb * ya),
            )
            for row in range(first_y, last_y + 1):
                y = row + 0.5
                row_a, row_b, row_c = down_a * y + start_a, down_b * y + start_b, down_c * y + start_c
                entered = False
                for column in range(first_x, last_x + 1):
                    x = column + 0.5
                    edge_a, edge_b, edge_c = step_a * x + row_a, step_b * x + row_b, step_c * x + row_c
                    if edge_a >= 0.0 and edge_b >= 0.0 and edge_c >= 0.0:
                        entered = True
                        near = (edge_a * near_a + edge_b * near_b + edge_c * near_c) / (edge_a + edge_b + edge_c)
                        if near > closest[row, column]:
                            closest[row, column] = near
                            found[image, row, column] = face
                    elif entered:
                        break  # a row crosses a triangle in one piece, in rounded arithmetic too


def barycentric(
    points: np.ndarray,
    triangles: np.ndarray,
    focal: float,
    centre_x: float,
    centre_y: float,
    found: np.ndarray,
    weights: np.ndarray,
    depth: np.ndarray,
) -> None:
    """Write barycentrics and depth at the pixels that `nearest` found into `weights` (B, H, W, 3) and `depth`.

    The other arguments are those of `nearest`; `weights` and `depth` are float32, filled with zeros.
    """
    for image in range(found.shape[0]):
        for row in range(found.shape[1]):
            ray_y = (centre_y - (row + 0.5)) / focal
            for column in range(found.shape[2]):
                face = found[image, row, column]
                if face < 0:
                    continue
                ray_x = (column + 0.5 - centre_x) / focal
                a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
                za, zb, zc = points[image, a, 2], points[image, b, 2], points[image, c, 2]
                xa, ya = points[image, a, 0] - ray_x * za, points[image, a, 1] - ray_y * za
                xb, yb = points[image, b, 0] - ray_x * zb, points[image, b, 1] - ray_y * zb
                xc, yc = points[image, c, 0] - ray_x * zc, points[image, c, 1] - ray_y * zc
                part_a, part_b, part_c = xb * yc - xc * yb, xc * ya - xa * yc, xa * yb - xb * ya
                scale = 1.0 / (part_a + part_b + part_c)
                part_a, part_b, part_c = part_a * scale, part_b * scale, part_c * scale
                weights[image, row, column, 0] = part_a
                weights[image, row, column, 1] = part_b
                weights[image, row, column, 2] = part_c
                depth[image, row, column] = part_a * za + part_b * zb + part_c * zc


def interpolate(
    found: np.ndarray, weights: np.ndarray, triangles: np.ndarray, attributes: np.ndarray, picture: np.ndarray
) -> None:
    """Write attributes (B, N, C) of the triangles' corners, mixed by `weights`, into a `picture` (B, H, W, C) of 0."""
    for image in range(found.shape[0]):
        for row in range(found.shape[1]):
            for column in range(found.shape[2]):
                face = found[image, row, column]
                if face < 0:
                    continue
                a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
                part_a = weights[image, row, column, 0]
                part_b = weights[image, row, column, 1]
                part_c = weights[image, row, column, 2]
                for channel in range(attributes.shape[2]):
                    picture[image, row, column, channel] = (
                        part_a * attributes[image, a, channel]
                        + part_b * attributes[image, b, channel]
                        + part_c * attributes[image, c, channel]
                    )
