"""Landmarks drawn as pictures of lines or dots."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.pixel_boxes import PixelBoxes

Part = Literal["jaw", "brows", "nose", "eyes", "lips", "pupils"]

# Lines through the 68 iBUG points; eyes and lips are closed. 68 and 69 are the pupils, each a dot.
LINES: dict[Part, tuple[tuple[int, ...], ...]] = {
    "jaw": (tuple(range(17)),),
    "brows": (tuple(range(17, 22)), tuple(range(22, 27))),
    "nose": (tuple(range(27, 31)), tuple(range(31, 36))),
    "eyes": ((*range(36, 42), 36), (*range(42, 48), 42)),
    "lips": ((*range(48, 60), 48), (*range(60, 68), 60)),
    "pupils": ((68,), (69,)),
}


def landmark_image(
    points: Tensor,
    height: int,
    width: int,
    parts: Sequence[Part] | None = None,
    style: Literal["lines", "dots"] = "lines",
    radius: float = 1.0,
) -> Tensor:
    """White lines or dots (B, 1, H, W) on black, in [-1, 1], with smooth edges.

    Memory goes with the pixels near the lines, not with points times pixels. Points that are not finite are left out,
    with the lines to them. The picture has gradients to the points.

    Args:
        points: (B, 68, 2) or, with pupils, (B, 70, 2): pixels, x right, y down, pixel centres at +0.5.
        height: of the picture.
        width: of the picture.
        parts: what is drawn; default: everything that there are points for.
        style: "lines" through the points and dots for the pupils, or "dots" alone, as OpenPose draws faces (the
            landmark images of Choe's thesis, with 70 points).
        radius: of the dots and half thickness of the lines in pixels; pupils are twice as large among lines.

    Raises:
        UserError: pupils asked for without points for them.
    """
    if points.shape[1] not in (68, 70):
        raise UserError(f"landmark images take 68 points, or 70 with pupils; these are {points.shape[1]}")
    if parts is None:
        parts = [part for part in LINES if part != "pupils" or points.shape[1] == 70]
    elif "pupils" in parts and points.shape[1] == 68:
        raise UserError("68 points have no pupils: leave pupils out of the parts, or add their two points")
    strokes = _dots(parts) if style == "dots" else _segments(parts)
    ends = points[:, torch.tensor(strokes, dtype=torch.long, device=points.device).view(-1, 2)]  # (B, S, end, xy)
    thick = points.new_tensor([radius * (2 if style == "lines" and first >= 68 else 1) for first, _ in strokes])
    return _draw(ends.float(), thick.float(), height, width) * 2 - 1


def _segments(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """Both ends of each stroke; a dot ends where it starts."""
    lines = [line if len(line) > 1 else line * 2 for part in parts for line in LINES[part]]
    return [pair for line in lines for pair in pairwise(line)]


def _dots(parts: Sequence[Part]) -> list[tuple[int, int]]:
    return [(index, index) for index in sorted({i for part in parts for line in LINES[part] for i in line})]


def _draw(ends: Tensor, radius: Tensor, height: int, width: int) -> Tensor:
    """Coverage (B, 1, H, W) in [0, 1] of strokes (B, S, 2, 2) of half thickness (S,)."""
    batch, count = ends.shape[:2]
    strokes, radius = ends.flatten(0, 1), radius.repeat(batch)
    with torch.no_grad():
        reach = radius[:, None] + 0.5
        finite = strokes.isfinite().all(2).all(1)
        least, most = strokes.amin(1) - reach, strokes.amax(1) + reach
        boxes = PixelBoxes.around(least, most, finite, height, width)
    picture = strokes.new_zeros(batch * height * width)
    for stroke, row, column in boxes.pairs():
        pixel = (stroke // count * height + row) * width + column
        distance = _distance(torch.stack([column, row], dim=1) + 0.5, strokes.index_select(0, stroke))
        picture = picture.scatter_reduce(0, pixel, (radius[stroke] + 0.5 - distance).clamp(0, 1), "amax")
    return picture.view(batch, 1, height, width)


def _distance(place: Tensor, strokes: Tensor) -> Tensor:
    """From (P, 2) to the nearest point of strokes (P, 2, 2)."""
    start, end = strokes.unbind(1)
    along, beside = end - start, place - start
    share = ((beside * along).sum(1) / along.square().sum(1).clamp(min=1e-12)).clamp(0, 1)
    return (beside - share[:, None] * along).square().sum(1).clamp(min=1e-12).sqrt()
