"""Colours for ICT's head, which has no albedo of its own: painted by part, landmark and texture coordinate."""

import numpy as np
import torch
from torch import Tensor

Arrays = dict[str, np.ndarray]
# Linear enough for photometric fitting; RGB in [0, 1], read off by eye from drawings under plain white light.
COLOURS = {
    "skin": (0.72, 0.53, 0.44),
    "lips": (0.66, 0.36, 0.34),
    "brows": (0.32, 0.23, 0.18),
    "gums_and_tongue": (0.62, 0.30, 0.30),
    "mouth_socket": (0.30, 0.12, 0.11),
    "teeth": (0.86, 0.83, 0.76),
    "white": (0.86, 0.84, 0.82),
    "rim": (0.18, 0.13, 0.11),
    "iris": (0.34, 0.24, 0.16),
    "pupil": (0.03, 0.03, 0.03),
}
# One standard deviation of each texture number: which areas it changes, and by how much.
DIRECTIONS = (
    (("skin", "lips"), (0.12, 0.13, 0.13)),  # lightness
    (("skin", "lips"), (0.02, -0.005, -0.02)),  # warmth
    (("lips",), (0.03, -0.04, -0.02)),  # redness of the lips
    (("brows",), (0.10, 0.08, 0.06)),  # lightness of the brows
    (("iris",), (-0.08, 0.03, 0.12)),  # brown to blue
)
# Radius in the eye's texture, whose centre is the pupil's.
RINGS = (("pupil", 0.045), ("iris", 0.116), ("rim", 0.125), ("white", np.inf))
LIP_EDGE, BROW_EDGE, BROW_WIDTH = 0.12, 0.12, 0.28  # cm


def paint(arrays: Arrays) -> tuple[Tensor, Tensor]:
    """Mean texture (N, 3) and basis (5, N, 3): lightness and warmth of the skin, red of the lips, brows, iris."""
    shares = _shares(arrays)
    mean = np.stack(list(shares.values()), 1) @ np.array([COLOURS[name] for name in shares])
    basis = [np.sum([shares[name] for name in areas], 0)[:, None] * np.array(change) for areas, change in DIRECTIONS]
    return torch.from_numpy(mean).float(), torch.from_numpy(np.stack(basis)).float()


def _shares(arrays: Arrays) -> dict[str, np.ndarray]:
    """How much of each colour every vertex has: name -> (N,), adding up to one."""
    parts = np.array([str(name) for name in arrays["part_names"]])[arrays["vertex_part"]]
    points = arrays["vertices"][arrays["landmarks68"]]
    shares = {name: (parts == name).astype(float) for name in COLOURS}
    eyeballs = np.char.startswith(parts, "eyeball")
    radius = _eye_radius(arrays)
    inner = -np.inf
    for name, outer in RINGS:
        shares[name] = (eyeballs & (radius > inner) & (radius <= outer)).astype(float)
        inner = outer
    shares["white"][eyeballs & np.isnan(radius)] = 1  # the inner shells, which are not drawn
    face = (parts == "face") & (arrays["vertices"][:, 2] > points[:, 2].mean())
    shares["lips"] = face * _soft(_outside(arrays["vertices"][:, :2], points[48:60, :2]), LIP_EDGE)
    brows = np.minimum(*(_to_line(arrays["vertices"], points[part]) for part in (slice(17, 22), slice(22, 27))))
    shares["brows"] = (parts == "face") * _soft(brows - BROW_WIDTH, BROW_EDGE)
    shares["skin"] = 1 - np.sum([share for name, share in shares.items() if name != "skin"], 0)
    return shares


def _soft(distance: np.ndarray, width: float) -> np.ndarray:
    """One well inside (negative distances), zero well outside, over a border of `width`."""
    return np.clip(0.5 - distance / width, 0, 1)


def _eye_radius(arrays: Arrays) -> np.ndarray:
    """(N,) distance from the pupil in texture coordinates on the outer shells, nan elsewhere."""
    radius = np.full(len(arrays["vertices"]), np.nan)
    names = np.array([str(name) for name in arrays["material_names"]])
    shells = np.char.startswith(names, "M_Sclera")[arrays["triangle_material"]]
    corners, places = arrays["triangles"][shells].ravel(), arrays["triangles_uv"][shells].ravel()
    radius[corners] = np.linalg.norm(arrays["uv"][places] - 0.5, axis=1)
    return radius


def _to_segments(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distances (N, S) of points (N, D) to segments (S, D)."""
    along = end - start
    share = ((points[:, None] - start) * along).sum(-1) / (along**2).sum(-1)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    return np.linalg.norm(points[:, None] - nearest, axis=-1)


def _to_line(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    return _to_segments(points, corners[:-1], corners[1:]).min(1)


def _outside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Distance (N,) of points (N, 2) to a polygon (S, 2), negative inside."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, None, 0], points[:, None, 1]
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    slope = np.where(end[:, 1] == start[:, 1], 1, end[:, 1] - start[:, 1])
    right = x < start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / slope
    inside = (crosses & right).sum(1) % 2 == 1
    return _to_segments(points, start, end).min(1) * np.where(inside, -1, 1)
