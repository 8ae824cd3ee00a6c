"""Antialiased sampling of a square of an image, with pixel centres at +0.5 on both sides."""

import math

import cv2
import numpy as np


def similarity(centre: np.ndarray, side: float, angle: float = 0.0) -> np.ndarray:
    """The (2, 3) float64 matrix from image pixels to the unit square that covers a square of the image.

    centre: (2,) px; side: px, > 0; angle: radians, that by which the square is turned clockwise as seen on the screen.
    """
    cosine, sine = math.cos(angle) / side, math.sin(angle) / side
    linear = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, 0.5 - linear @ np.asarray(centre, dtype=np.float64)])


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of an affine (2, 3) matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 2) through an affine (2, 3) matrix, in the points' float type."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(points.dtype, copy=False)


def sample(image: np.ndarray, matrix: np.ndarray, size: int, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """The part of an image (H, W, C) that `matrix` sends to the unit square, as (size, size, C) of the same type.

    Where the image is shrunk by s, every output pixel is the mean of ceil(s) x ceil(s) interpolated samples, which
    keeps aliasing out in every direction of a turned square; a plain warp would take one sample and drop the rest.
    Outside the image its border pixels are repeated, or what `border` (an OpenCV constant) says; a constant is black.
    """
    shrink = 1.0 / (size * math.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    fine = max(1, math.ceil(shrink - 1e-3))
    to_fine = matrix * (size * fine)
    # OpenCV counts from the centre of the first pixel.
    to_fine[:, 2] += to_fine[:, :2] @ (0.5, 0.5) - 0.5
    interpolation = cv2.INTER_CUBIC if fine <= 2 else cv2.INTER_LINEAR
    warped = cv2.warpAffine(image, to_fine, (size * fine, size * fine), flags=interpolation, borderMode=border)
    if fine > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return warped
