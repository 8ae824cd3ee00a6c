"""The painter's canvas: the uv atlas of the embedded head with the rest position of every texel."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch

from models.face3d.camera import Camera
from models.face3d.face_model import LinearFaceModel
from models.face3d.rasterizer import interpolate, rasterize

SIZE = 768
_BUMP = 0.98  # of the range that a texel can hold


@dataclass(frozen=True)
class Atlas:
    """position (S, S, 3): the mean head's point at each texel, spread over the gaps between charts; part (S, S): index
    into the face model's part names; chart (S, S): whether any triangle lies there; landmarks (68, 3) of the mean head.
    """

    position: np.ndarray
    part: np.ndarray
    chart: np.ndarray
    landmarks: np.ndarray
    part_names: tuple[str, ...]

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y and z (S, S) of the position."""
        x, y, z = (np.ascontiguousarray(self.position[..., k]) for k in range(3))
        return x, y, z

    @cached_property
    def front(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows (M,), columns (M,) and x, y (M, 2) of the texels with z > 0, from the lowest to the highest."""
        rows, columns = np.nonzero(self.axes[2] > 0)
        point = self.position[rows, columns, :2]
        order = np.argsort(point[:, 1], kind="stable")
        return rows[order], columns[order], np.ascontiguousarray(point[order])

    def within(self, *parts: str) -> np.ndarray:
        """Texels (S, S) bool of these parts."""
        return np.isin(self.part, [index for index, name in enumerate(self.part_names) if name in parts])


def unfold(model: LinearFaceModel, triangles: torch.Tensor, uv: torch.Tensor, size: int = SIZE) -> Atlas:
    """The atlas of those triangles (F, 3) of a head whose vertices have texture coordinates (N, 2) in [0, 1]."""
    camera = Camera(size, size, float(size), 0.0, 0.0)
    flat = torch.cat([uv[:, :1], -uv[:, 1:], torch.ones(len(uv), 1)], dim=1)[None]
    fragments = rasterize(flat, triangles, camera)
    position = interpolate(fragments, triangles, model.mean[None])[0].numpy()
    triangle = fragments.triangle[0].numpy()
    parts = model.vertex_part[triangles].mode(dim=1).values.numpy()
    chart = triangle >= 0
    # texels just outside a chart are read by its border pixels: they continue the nearest texel inside
    _, label = cv2.distanceTransformWithLabels(
        (~chart).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(chart)
    nearest = np.zeros(label.max() + 1, dtype=np.int64)
    nearest[label[rows, columns]] = np.arange(len(rows))
    source = nearest[label]
    rows, columns = rows[source], columns[source]
    landmarks = model.landmarks68(model.mean[None])[0].numpy()
    return Atlas(position[rows, columns], parts[triangle[rows, columns]], chart, landmarks, tuple(model.part_names))


@dataclass
class Paint:
    """What is painted over the model's own albedo, per texel.

    multiply, add (S, S, 3): albedo becomes albedo * multiply + add; gloss (S, S): strength of highlights;
    sharpness (S, S): 0 broad, 1 small; height (S, S): relief in decimetres.
    """

    multiply: np.ndarray
    add: np.ndarray
    gloss: np.ndarray
    sharpness: np.ndarray
    height: np.ndarray

    @classmethod
    def blank(cls, size: int = SIZE) -> "Paint":
        """Nothing painted yet."""
        colour, plane = (size, size, 3), (size, size)
        return cls(
            np.ones(colour, np.float32), np.zeros(colour, np.float32), np.zeros(plane, np.float32),
            np.zeros(plane, np.float32), np.zeros(plane, np.float32),
        )  # fmt: skip

    def tint(self, share: np.ndarray, factor: np.ndarray) -> None:
        """Multiply the colour by `factor` (3,) or (S, S, 3) where `share` (S, S) is 1."""
        box = _box(share)
        factor = factor[box] if factor.ndim == 3 else factor
        change = (1 + share[box][..., None] * (factor - 1)).astype(np.float32)
        self.multiply[box] *= change
        self.add[box] *= change

    def cover(self, share: np.ndarray, colour: np.ndarray) -> None:
        """Opaque colour (3,) or (S, S, 3) where `share` (S, S) is 1."""
        box = _box(share)
        share = share[box][..., None].astype(np.float32)
        self.multiply[box] *= 1 - share
        self.add[box] += share * ((colour[box] if colour.ndim == 3 else colour) - self.add[box])

    def polish(self, share: np.ndarray, gloss: float, sharpness: float) -> None:
        """Set the highlights where `share` (S, S) is 1."""
        self.gloss += share * (gloss - self.gloss)
        self.sharpness += share * (sharpness - self.sharpness)

    def texels(self, atlas: Atlas) -> np.ndarray:
        """(S, S, 12) uint8 for `shading.shade_frame`."""
        size = len(self.height)
        texels = np.zeros((size, size, 12), np.uint8)
        texels[..., 0:3] = np.clip(self.multiply * 127.5 + 0.5, 0, 255)
        texels[..., 3:6] = np.clip(self.add * 255 + 0.5, 0, 255)
        texels[..., 6] = np.clip(self.gloss * 255 + 0.5, 0, 255)
        texels[..., 7] = np.clip(self.sharpness * 255 + 0.5, 0, 255)
        texels[..., 8:11] = np.clip(128 - np.clip(slope(self.height, atlas), -_BUMP, _BUMP) * 127.5, 0, 255)
        return texels


def _box(share: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns outside of which a picture (S, S) is zero."""
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def slope(height: np.ndarray, atlas: Atlas) -> np.ndarray:
    """Gradient (S, S, 3) along the surface, in rest coordinates, of a height (S, S) in decimetres."""
    down, right = np.gradient(atlas.position, axis=0), np.gradient(atlas.position, axis=1)
    rise_down, rise_right = np.gradient(height)
    e, f, g = (right * right).sum(-1), (right * down).sum(-1), (down * down).sum(-1)
    area = e * g - f * f
    one = (g * rise_right - f * rise_down)[..., None] * right
    two = (e * rise_down - f * rise_right)[..., None] * down
    safe = (area > 1e-12) & atlas.chart
    return np.where(safe[..., None], (one + two) / np.where(safe, area, 1)[..., None], 0).astype(np.float32)
