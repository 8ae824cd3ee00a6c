"""What every face analyser returns, and the one interface that they share."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

# iBUG-68: "left" and "right" are those of the image, not of the person.
JAW = slice(0, 17)
LEFT_BROW = slice(17, 22)
RIGHT_BROW = slice(22, 27)
NOSE = slice(27, 36)
LEFT_EYE = slice(36, 42)
RIGHT_EYE = slice(42, 48)
MOUTH = slice(48, 68)
LEFT_MOUTH_CORNER = 48
RIGHT_MOUTH_CORNER = 54


@dataclass(frozen=True, eq=False)
class Face:
    """One face in one frame, in pixels of that frame (x right, y down, pixel centres at +0.5).

    box: (4,) float32 x0, y0, x1, y1 around brows, jaw and ears; score: the detector's, in [0, 1];
    points: (68, 2) float32 in iBUG order; pupils: (2, 2) float32, the one that is left in the image first, or None.
    """

    box: np.ndarray
    score: float
    points: np.ndarray
    pupils: np.ndarray | None = None

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))

    @property
    def size(self) -> float:
        """The box's longer side in pixels: what is meant by the size of a face."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


@runtime_checkable
class Analyser(Protocol):
    """Finds faces and their landmarks in uint8 RGB frames (H, W, 3).

    name and version are stored with every sample; licence is that of the networks behind it.
    """

    name: str
    version: str
    licence: str

    def faces(self, frame: np.ndarray) -> list[Face]:
        """All faces of the frame, the largest first; an empty list where there is none."""
        ...

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """The face near where it was in the frame before, or None when it is there no more.

        It costs much less than `faces`, and it cannot find a face that has jumped.
        """
        ...

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """A float32 vector for who this is, to be compared by Euclidean distance; None without such a network."""
        ...
