"""How SadTalker cuts a face out of a picture before everything else: FFHQ's square about it, without its rotation.

What is odd here is the authors': the networks were trained on pictures that are cut so.
Letters: N faces.
"""

from dataclasses import dataclass

import numpy as np

from models.errors import UserError

SIDE = 512  # a face of more than twice as many pixels is made smaller by a whole number first


@dataclass(frozen=True)
class PortraitCrop:
    """Where N faces are cut out, each in a picture of its own.

    resized: (N, 2) int64, width and height that the picture is first resized to; often as it is.
    surroundings: (N, 4) int64 x0, y0, x1, y1 in the resized picture: the face and what is around it.
    box: (N, 4) float64 x0, y0, x1, y1 within the surroundings; its numbers are truncated, and it may reach beyond.
    """

    resized: np.ndarray
    surroundings: np.ndarray
    box: np.ndarray

    @property
    def face(self) -> np.ndarray:
        """(N, 4) int64 x0, y0, x1, y1 in the resized picture: the part of `box` that lies in the surroundings."""
        corner = np.tile(self.surroundings[:, :2], 2)
        end = np.tile(self.surroundings[:, 2:], 2)
        return np.minimum(corner + self.box.astype(np.int64), end)

    def cut(self, picture: np.ndarray, with_surroundings: bool = False) -> np.ndarray:
        """The first face of a picture (H, W, 3) uint8: (h, w, 3), not yet resized to what the networks see.

        Raises:
            UserError: this is no picture, or the face lies outside of it.
        """
        import cv2

        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise UserError(f"a picture is (height, width, 3) of uint8, this is {picture.shape} of {picture.dtype}")
        left, top, right, bottom = (self.surroundings if with_surroundings else self.face)[0].tolist()
        if not (0 <= left < right and 0 <= top < bottom):
            raise UserError("the face lies outside of the picture: these are landmarks of another one")
        width, height = self.resized[0].tolist()
        same = picture.shape[:2] == (height, width)
        resized = picture if same else cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
        return resized[top:bottom, left:right]


def portrait_crop(landmarks: np.ndarray, sizes: np.ndarray) -> PortraitCrop:
    """Where to cut faces out.

    Args:
        landmarks: (N, 68, 2) in pixels, x right, y down, iBUG order.
        sizes: (N, 2) width and height of each picture in pixels.

    Raises:
        UserError: wrong shapes, or landmarks that are no face.
    """
    if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2) or sizes.shape != (len(landmarks), 2):
        raise UserError(f"landmarks {landmarks.shape} and sizes {sizes.shape}: expected (N, 68, 2) and (N, 2)")
    points = landmarks.astype(np.float64)
    left, right = points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1)
    eyes, across = (left + right) * 0.5, right - left
    down = (points[:, 48] + points[:, 54]) * 0.5 - eyes
    half = across + np.stack([down[:, 1], -down[:, 0]], axis=1)  # half of a side, along the face's x axis
    length = np.hypot(*half.T)
    if not np.isfinite(points).all() or not (length > 0).all():
        raise UserError("the landmarks of this face have no width: it cannot be cut out")
    half = half / length[:, None] * np.maximum(np.hypot(*across.T) * 2.0, np.hypot(*down.T) * 1.8)[:, None]
    along = np.stack([-half[:, 1], half[:, 0]], axis=1)
    centre = eyes + down * 0.1
    quad = np.stack(
        [centre - half - along, centre - half + along, centre + half + along, centre + half - along], axis=1
    )
    side = np.hypot(*half.T) * 2

    smaller = np.maximum(np.floor(side / SIDE * 0.5), 1)
    resized = np.rint(sizes.astype(np.float64) / smaller[:, None]).astype(np.int64)
    quad, side = quad / smaller[:, None, None], side / smaller

    margin = np.maximum(np.rint(side * 0.1).astype(np.int64), 3)[:, None]
    low = np.maximum(np.floor(quad.min(axis=1)).astype(np.int64) - margin, 0)
    high = np.minimum(np.ceil(quad.max(axis=1)).astype(np.int64) + margin, resized)
    inside = ((high - low) < resized).any(axis=1)
    quad = quad - np.where(inside[:, None], low, 0)[:, None] + 0.5

    # Of the corners (upper left, lower left, lower right, upper right) two are looked at for each side of the box,
    # and below it ends at the WIDTH of the picture.
    width = resized[:, 0]
    box = [
        np.maximum(quad[:, :2, 0].min(axis=1), 0),
        np.maximum(quad[:, [0, 3], 1].min(axis=1), 0),
        np.minimum(quad[:, 2:, 0].max(axis=1), width),
        np.minimum(quad[:, 1:3, 1].max(axis=1), width),
    ]
    return PortraitCrop(resized, np.concatenate([low, high], axis=1), np.stack(box, axis=1))
