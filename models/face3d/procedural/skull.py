"""The head and neck without features: a smooth surface over (angle, label of the section)."""

import numpy as np

from models.face3d.procedural.anatomy import ANGLES, AXIS, SECTIONS
from models.face3d.procedural.curves import spline_weights

_LABELS = np.array([label for label, _, _ in SECTIONS])[::-1]
_HEIGHTS = np.array([heights for _, heights, _ in SECTIONS])[::-1]
_RADII = np.array([radii for _, _, radii in SECTIONS])[::-1]
_ROUND = np.concatenate([-ANGLES[:0:-1], ANGLES, 2 * np.pi - ANGLES[-2::-1]])  # the half, mirrored at both ends


def surface(angle: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Points (M, 3) at angles (M,) in [0, pi] from straight ahead to the subject's left, and section labels (M,)."""
    around = spline_weights(_ROUND, angle)
    along = spline_weights(_LABELS, label)
    mirrored = [np.concatenate([t[:, :0:-1], t, t[:, -2::-1]], axis=1) for t in (_HEIGHTS, _RADII)]
    y, radius = (np.einsum("ml,la,ma->m", along, table, around) for table in mirrored)
    return np.stack([radius * np.sin(angle), y, AXIS + radius * np.cos(angle)], axis=1)


def locate(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angle and label of the points of the face (in front of the ears) whose frontal view is at (x, y), all (M,)."""
    angle, label = np.arcsin(np.clip(x / 0.9, -0.99, 0.99)), y.copy()
    for _ in range(6):  # Newton with differences; the map is nearly the identity
        here = surface(np.abs(angle), label)[:, :2]
        by_angle = (surface(np.abs(angle) + 1e-4, label)[:, :2] - here) / 1e-4
        by_label = (surface(np.abs(angle), label + 1e-4)[:, :2] - here) / 1e-4
        gap = np.stack([x, y], axis=1) - here
        det = by_angle[:, 0] * by_label[:, 1] - by_angle[:, 1] * by_label[:, 0]
        angle = angle + np.clip((gap[:, 0] * by_label[:, 1] - gap[:, 1] * by_label[:, 0]) / det, -0.2, 0.2)
        label = label + np.clip((gap[:, 1] * by_angle[:, 0] - gap[:, 0] * by_angle[:, 1]) / det, -0.2, 0.2)
        angle = np.clip(np.abs(angle), 0, 1.5)
    return angle, label


def depth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Depth z (M,) of the smooth face at (x, y)."""
    return surface(*locate(x, y))[:, 2]
