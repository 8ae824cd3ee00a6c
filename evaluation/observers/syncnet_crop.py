"""Face crops as SyncNet's published pipeline makes them (syncnet_python, run_pipeline.py)."""

import cv2
import numpy as np
import torch
from torch import Tensor

from models.recognition.syncnet import SIDE

PAD = 0.40  # its crop_scale
GREY = 110  # what it puts beyond the frame
MISSES = 25  # frames without a face that it bridges
FOREHEAD = 0.5  # of the height from brows to chin: hairline, brows, base of the nose and chin lie at equal distances


class FaceCrops:
    """Crops of one video's frames, given in order; that of a frame is made when the next frame is there.

    Around the centre of a face's box, whose longer side is 2 s, from s above it to 1.8 s below it and 1.4 s to either
    side, grey beyond the frame, bilinear to 224 pixels, BGR. What differs from the published pipeline:

    - The box is that of 68 landmarks, raised by the height of a forehead, in place of the detector S3FD's.
    - Centre and s are medians of 3 frames, not of 13, because only one frame is looked ahead.
    - Where a face is lost for up to 25 frames its box stays; there it moves evenly to where the face is found again.
    - Crops are not written as video and read again.
    """

    def __init__(self) -> None:
        self._frames: list[np.ndarray] = []  # the last one, which waits for the next
        self._boxes: list[np.ndarray] = []  # of the frame before the first of these, and of these
        self._found = np.full(3, np.nan)
        self._misses = 0

    def __call__(self, frames: np.ndarray, landmarks: np.ndarray) -> tuple[Tensor, Tensor]:
        """Add frames (n, S, S, 3) RGB and their landmarks (n, 68, 2), NaN without a face.

        Returns:
            crops (m, 3, 224, 224) uint8 of the frames from the one that waited to the last but one, and which of them
            have a face (m,).

        """
        boxes = [self._bridged(box) for box in face_boxes(landmarks)]
        self._frames.extend(frames)
        self._boxes.extend(boxes if self._boxes else boxes[:1] + boxes)
        crops = np.zeros((max(0, len(self._frames) - 1), SIDE, SIDE, 3), np.uint8)
        seen = np.zeros(len(crops), bool)
        for number, frame in enumerate(self._frames[:-1]):
            around = np.stack(self._boxes[number : number + 3])
            seen[number] = np.isfinite(around[1]).all()
            if seen[number]:
                crops[number] = crop(frame, *np.nanmedian(around, axis=0))
        self._frames, self._boxes = self._frames[-1:], self._boxes[-2:]
        return torch.from_numpy(crops).permute(0, 3, 1, 2), torch.from_numpy(seen)

    def _bridged(self, box: np.ndarray) -> np.ndarray:
        """The box, or the last one that was found if that is not too long ago."""
        self._misses = 0 if np.isfinite(box).all() else self._misses + 1
        if not self._misses:
            self._found = box
        return self._found if self._misses <= MISSES else box


def face_boxes(landmarks: np.ndarray) -> np.ndarray:
    """68 landmarks (n, 68, 2) -> (n, 3): centre x and y and half the longer side of a box from hairline to chin."""
    low, high = landmarks.min(axis=1), landmarks.max(axis=1)
    low[:, 1] -= FOREHEAD * (high[:, 1] - low[:, 1])
    return np.column_stack([(low + high) / 2, (high - low).max(axis=1) / 2])


def crop(frame: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """The crop (224, 224, 3) BGR of a frame (H, W, 3) RGB around a box."""
    x, y, half = np.clip(x, 0, frame.shape[1]), np.clip(y, 0, frame.shape[0]), max(half, 1.0)
    margin = int(half * (1 + 2 * PAD))
    padded = np.pad(frame, ((margin, margin), (margin, margin), (0, 0)), constant_values=GREY)
    x, y = x + margin, y + margin
    rows = slice(int(y - half), int(y + half * (1 + 2 * PAD)))
    columns = slice(int(x - half * (1 + PAD)), int(x + half * (1 + PAD)))
    return cv2.resize(padded[rows, columns], (SIDE, SIDE))[..., ::-1]
