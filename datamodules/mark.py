"""The visible mark of synthetic pictures."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TEXT = "synthetic"


class Mark:
    """The word `synthetic` in the lower right corner, small, white on a darkened field.

    Args:
        width: of the frames that are to be marked, in pixels; the mark takes about a quarter of it.

    """

    def __init__(self, width: int) -> None:
        font = ImageFont.load_default(size=max(7, round(width / 22)))
        left, top, right, bottom = (round(value) for value in font.getbbox(TEXT))
        pad = max(1, width // 128)
        field = Image.new("L", (right - left + 2 * pad, bottom - top + 2 * pad), 0)
        ImageDraw.Draw(field).text((pad - left, pad - top), TEXT, fill=255, font=font)
        self._letters = np.asarray(field, np.float32)[..., None] / 255

    def on(self, frame: np.ndarray) -> np.ndarray:
        """A marked copy of a uint8 RGB frame `(H, W, 3)`."""
        marked = frame.copy()
        height, width = (min(a, b) for a, b in zip(self._letters.shape[:2], frame.shape[:2]))
        letters = self._letters[:height, :width]
        corner = marked[-height:, -width:]
        corner[:] = (0.45 * corner * (1 - letters) + 245 * letters).round().astype(np.uint8)
        return marked
