"""Where a video cuts from one shot to another."""

from collections import deque

import cv2
import numpy as np

GRID = 32  # pixels of the thumbnail on which frames are compared
LEVELS = 8  # histogram bins per colour channel
CERTAIN_CHANGE = 0.12  # no gesture reaches it, so it needs little contrast to what went before


class ShotDetector:
    """Sees frames one after another and says at which a new shot begins.

    A cut changes the colours of the picture (histogram distance) and the picture itself (mean difference of
    thumbnails), and much more than the frames before did. On the real test clips nothing within a shot exceeds
    0.055, 0.10 and 7 times the usual change; a cut between two MEAD speakers in the same studio has 0.043, 0.12 and 33.

    Args:
        least_change: mean difference of thumbnails in [0, 1] below which nothing is a cut.
        least_recolouring: histogram distance in [0, 1] below which nothing is a cut.
        contrast: how many times the median change of the last 25 frames a cut must be.
    """

    def __init__(self, least_change: float = 0.035, least_recolouring: float = 0.11, contrast: float = 8.0) -> None:
        self.least_change = least_change
        self.least_recolouring = least_recolouring
        self.contrast = contrast
        self._previous: tuple[np.ndarray, np.ndarray] | None = None
        self._recent: deque[float] = deque(maxlen=25)

    def is_cut(self, frame: np.ndarray) -> bool:
        """Whether this uint8 (H, W, 3) frame starts another shot than the frame given before it."""
        change, recolouring = self.measure(frame)
        usual = float(np.median(self._recent)) if self._recent else 0.0
        unusual = change > self.contrast * usual or (change > CERTAIN_CHANGE and change > 2 * usual)
        cut = unusual and change > self.least_change and recolouring > self.least_recolouring
        if cut:
            self._recent.clear()
        else:
            self._recent.append(change)
        return cut

    def measure(self, frame: np.ndarray) -> tuple[float, float]:
        """(change, recolouring) against the frame before, both in [0, 1]; zeros for the first frame."""
        thumbnail = cv2.resize(frame, (GRID, GRID), interpolation=cv2.INTER_AREA)
        bins = (thumbnail >> 5).astype(np.int64) @ np.array([LEVELS * LEVELS, LEVELS, 1])
        histogram = np.bincount(bins.ravel(), minlength=LEVELS**3) / bins.size
        previous, self._previous = self._previous, (thumbnail.astype(np.float32) / 255, histogram)
        if previous is None:
            return 0.0, 0.0
        change = float(np.abs(self._previous[0] - previous[0]).mean())
        return change, float(np.abs(histogram - previous[1]).sum() / 2)
