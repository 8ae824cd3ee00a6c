"""Small drawings of what a lip-sync network sees and says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SIDE = 128
OUTLINES = ((*range(48, 60), 48), (*range(60, 68), 60), tuple(range(17)), tuple(range(27, 36)))
PAPER, INK, RED, GREY = (250, 250, 250), (30, 30, 30), (200, 40, 40), (190, 190, 190)


def mouth_picture(points: Tensor, gap: Tensor) -> Tensor:
    """Nose, jaw and lips of the frame with the largest `gap` (T,) of landmarks (T, 68, 2), above the curve of `gap`.

    Returns (3, SIDE, SIDE) in [-1, 1]; the curve has a mark at the frame that is drawn.
    """
    place = int(gap.nan_to_num(-torch.inf).argmax())
    face = points[place].cpu().numpy().astype(float)
    low, size = face.min(axis=0), float((face.max(axis=0) - face.min(axis=0)).max())
    face = (face - low) / (size or 1) * 0.7 * SIDE + [0.15 * SIDE, 4]
    picture, pen = _paper()
    for outline in OUTLINES:
        pen.line([tuple(face[number]) for number in outline], fill=INK)
    _curve(pen, gap, place)
    return _image(picture)


def distance_picture(distance: Tensor) -> Tensor:
    """Distance of lips and sound over shifts (S,), the middle one being none: (3, SIDE, SIDE) in [-1, 1].

    A line stands at no shift, a red one at the smallest distance; the axis goes from 0 to twice the middle value.
    """
    picture, pen = _paper()
    across = np.linspace(6, SIDE - 6, len(distance))
    values = distance.nan_to_num(0).cpu().numpy()
    heights = SIDE - 8 - (SIDE - 16) * np.clip(values / (2 * np.median(values) + 1e-9), 0, 1)
    for place, colour in ((len(across) // 2, GREY), (int(values.argmin()), RED)):
        pen.line([(across[place], 4), (across[place], SIDE - 4)], fill=colour)
    pen.line(list(zip(across, heights)), fill=INK, width=2)
    return _image(picture)


def _paper() -> tuple[Image, ImageDraw]:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (SIDE, SIDE), PAPER)
    return picture, ImageDraw.Draw(picture)


def _curve(pen: ImageDraw, values: Tensor, place: int) -> None:
    across = np.linspace(6, SIDE - 6, len(values))
    heights = values.nan_to_num(0).cpu().numpy()
    heights = SIDE - 6 - 0.2 * SIDE * (heights - heights.min()) / (np.ptp(heights) + 1e-9)
    pen.line([(across[place], 0.76 * SIDE), (across[place], SIDE - 4)], fill=RED)
    pen.line(list(zip(across, heights)), fill=INK)


def _image(picture: Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 127.5 - 1
