"""Crops of a track: one fixed square for all its frames, so that the crop itself never moves."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.errors import UserError
from preparation.faces import LEFT_EYE, LEFT_MOUTH_CORNER, RIGHT_EYE, RIGHT_MOUTH_CORNER, Face
from preparation.warp import invert, sample, similarity, transform


@dataclass(frozen=True, eq=False)
class Crop:
    """A square of a frame, possibly turned.

    kind: the rule that made it; matrix: (2, 3) float64 from pixels of the frame to the unit square, so one crop serves
    every output size. Outside the frame its border pixels are repeated: a mirror would show parts of a second face.
    """

    kind: str
    matrix: np.ndarray

    @property
    def side(self) -> float:
        """The square's side in px of the frame."""
        return float(1.0 / np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    @property
    def corners(self) -> np.ndarray:
        """(4, 2) px of the frame: upper left, lower left, lower right, upper right of the output."""
        return transform(invert(self.matrix), np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]))

    def apply(self, frame: np.ndarray, size: int) -> np.ndarray:
        """The crop of a frame (H, W, 3) uint8 as (size, size, 3) uint8, without aliasing."""
        return sample(frame, self.matrix, size)

    def points(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points (..., 2) of the frame in px of the crop at this size."""
        return transform(self.matrix * size, points)

    def frame_points(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points (..., 2) of the crop at this size in px of the frame: the inverse of `points`."""
        return transform(invert(self.matrix * size), points)

    def face(self, face: Face, size: int) -> Face:
        """A face of the frame in px of the crop; its box becomes the upright box around the moved one."""
        corners = self.points(face.box[[[0, 1], [0, 3], [2, 3], [2, 1]]], size)
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        pupils = None if face.pupils is None else self.points(face.pupils, size)
        return Face(box, face.score, self.points(face.points, size), pupils)

    def outside(self, frame_size: tuple[int, int]) -> float:
        """How far the square reaches over the border of a frame (width, height), as a fraction of its side, >= 0."""
        beyond = np.maximum(-self.corners, self.corners - np.array(frame_size, dtype=np.float64))
        return float(max(0.0, beyond.max()) / self.side)

    def to_json(self) -> dict[str, Any]:
        """Plain values from which `from_json` makes the same crop."""
        return {"kind": self.kind, "matrix": self.matrix.tolist()}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Crop":
        """The crop that `to_json` wrote."""
        return Crop(str(values["kind"]), np.array(values["matrix"], dtype=np.float64))


class CropRule(Protocol):
    """Makes one crop for a track from what was found in its frames."""

    kind: str

    def fit(
        self, points: np.ndarray, boxes: np.ndarray, frame_size: tuple[int, int], annotated: np.ndarray | None = None
    ) -> Crop:
        """The crop of a track: points (T, 68, 2) and boxes (T, 4) in px, rows of NaN where the face was not seen.

        frame_size: (width, height); annotated: (4,) x0, y0, x1, y1 px, the data set's own box for this clip.

        Raises:
            UserError: the rule cannot make a crop of this.
        """
        ...


class FommCrop:
    """The square around the union of all face boxes, with a margin, as the VoxCeleb preparation of FOMM cuts it.

    Siarohin et al., 2019 (video-preprocessing, crop_bbox_from_frames): the longer side of the union, widened on both
    sides by `margin` of it; the shorter one to the same length about its own middle. There a clip whose square leaves
    the frame is dropped. Here the square is first shifted back by at most the margin, so that it still holds every
    box (videos that come already cropped need it); `Crop.outside` tells what is left, and the caller decides.
    The margin there is 0.1 around VoxCeleb's own boxes, which are wider than ours: published VoxCeleb crops are 1.37
    and 1.65 times the face box that the mesh finds in one of their frames, and 0.2 gives 1.4 for a still head.
    """

    kind = "fomm"

    def __init__(self, margin: float = 0.2) -> None:
        if margin < 0:
            raise UserError(f"crop.margin={margin}: it must not be negative")
        self.margin = margin

    def fit(
        self, points: np.ndarray, boxes: np.ndarray, frame_size: tuple[int, int], annotated: np.ndarray | None = None
    ) -> Crop:
        """See `CropRule`."""
        seen = _seen(boxes)
        low, high = seen[:, :2].min(axis=0), seen[:, 2:].max(axis=0)
        longer = float((high - low).max())
        side, centre = (1.0 + 2.0 * self.margin) * longer, (low + high) / 2
        frame = np.array(frame_size, dtype=np.float64)
        nearest_inside = np.where(side <= frame, np.clip(centre, side / 2, frame - side / 2), frame / 2)
        most = self.margin * longer
        return Crop(self.kind, similarity(centre + np.clip(nearest_inside - centre, -most, most), side))


class FfhqCrop:
    """The square of FFHQ and CelebA-HQ, turned with the eyes (Karras et al., 2018, appendix C; FFHQ's own script).

    It is laid by the medians of eye and mouth positions over the track: heads move inside it, it does not move.
    Where the square leaves the frame FFHQ mirrors and blurs; here border pixels are repeated.
    """

    kind = "ffhq"

    def fit(
        self, points: np.ndarray, boxes: np.ndarray, frame_size: tuple[int, int], annotated: np.ndarray | None = None
    ) -> Crop:
        """See `CropRule`."""
        seen = _seen(points)
        parts = [seen[:, LEFT_EYE].mean(axis=1), seen[:, RIGHT_EYE].mean(axis=1)]
        parts.append((seen[:, LEFT_MOUTH_CORNER] + seen[:, RIGHT_MOUTH_CORNER]) / 2)
        left, right, mouth = (np.median(part, axis=0) for part in parts)
        eyes = (left + right) / 2
        across, down = right - left, mouth - eyes
        # Half of the square's side, along the mean of the eye line and the line at right angles to eyes and mouth.
        half = across + np.array([down[1], -down[0]])
        if np.hypot(*half) < 1e-6:
            raise UserError("the landmarks of this face have no width: it cannot be aligned")
        half *= max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*half)
        centre = eyes + 0.1 * down
        return Crop(self.kind, similarity(centre, 2.0 * float(np.hypot(*half)), float(np.arctan2(half[1], half[0]))))


class HdtfCrop:
    """The box that the annotation list of HDTF gives for a clip, made square about its middle."""

    kind = "hdtf"

    def fit(
        self, points: np.ndarray, boxes: np.ndarray, frame_size: tuple[int, int], annotated: np.ndarray | None = None
    ) -> Crop:
        """See `CropRule`; it needs `annotated`."""
        if annotated is None:
            raise UserError("crop=hdtf needs the data set's crop boxes (*_crop_wh.txt); use crop=fomm without them")
        box = np.asarray(annotated, dtype=np.float64)
        if not (box[2:] > box[:2]).all():
            raise UserError(f"the annotated crop box {box.tolist()} is empty")
        # The lists are made for one download resolution (HDTF issue 2): a video of another one is cut wrongly.
        if (box[:2] < -1).any() or (box[2:] > np.array(frame_size) + 1).any():
            width, height = frame_size
            raise UserError(
                f"the annotated crop box {box.tolist()} leaves the {width}x{height} frame: the list was made for "
                "another resolution of this video"
            )
        return Crop(self.kind, similarity((box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())))


def _seen(track: np.ndarray) -> np.ndarray:
    """The frames (N, ...) float64 of a track that have no NaN."""
    values = np.asarray(track, dtype=np.float64)
    seen = values[np.isfinite(values).reshape(len(values), -1).all(axis=1)]
    if len(seen) == 0:
        raise UserError("no frame of this track shows a face")
    return seen
