"""Masks of eyes and mouth with soft borders, from landmarks: polygons and boxes, (B, 1, H, W) in [0, 1].

Landmarks are the 68 iBUG points (B, 68, 2) in pixels, x right, y down, pixel centres at +0.5. `grow` and `soft` are in
units of the distance between the outer corners of the eyes (in profile: as much as the nose is long for it), so that
they mean the same at every size: the border is moved outwards by `grow`, and the mask falls from 1 to 0 over a width of
`soft` around it. Every mask is differentiable
to the landmarks where it is soft.
"""

import torch
from torch import Tensor

EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
MOUTH = tuple(range(48, 60))  # the outer edge of the lips


def eye_mask(landmarks: Tensor, height: int, width: int, grow: float = 0.05, soft: float = 0.05) -> Tensor:
    """Both eyes between their lids."""
    return torch.maximum(*(_polygon_mask(landmarks, eye, height, width, grow, soft) for eye in EYES))


def mouth_mask(landmarks: Tensor, height: int, width: int, grow: float = 0.05, soft: float = 0.05) -> Tensor:
    """Lips and what is between them."""
    return _polygon_mask(landmarks, MOUTH, height, width, grow, soft)


def eye_boxes(landmarks: Tensor, height: int, width: int, grow: float = 0.1, soft: float = 0.1) -> Tensor:
    """An upright box around each eye."""
    return torch.maximum(*(_box_mask(landmarks, eye, height, width, grow, soft) for eye in EYES))


def mouth_box(landmarks: Tensor, height: int, width: int, grow: float = 0.2, soft: float = 0.2) -> Tensor:
    """An upright box around the lips."""
    return _box_mask(landmarks, MOUTH, height, width, grow, soft)


def polygon_distance(polygon: Tensor, height: int, width: int) -> Tensor:
    """Signed distance in pixels (B, H, W) of each pixel's centre to the border of (B, K, 2), positive inside.

    Inside is by the even-odd rule. Edges are taken one after another, so that memory does not grow with K.
    """
    row = torch.arange(height, device=polygon.device, dtype=polygon.dtype)[:, None] + 0.5
    column = torch.arange(width, device=polygon.device, dtype=polygon.dtype) + 0.5
    squared = polygon.new_full((len(polygon), height, width), torch.inf)
    inside = torch.zeros(squared.shape, dtype=torch.bool, device=polygon.device)
    for start, end in zip(polygon.unbind(1), polygon.roll(-1, 1).unbind(1)):
        (x, y), (along_x, along_y) = start[:, :, None, None].unbind(1), (end - start)[:, :, None, None].unbind(1)
        right, down = column - x, row - y
        length = (along_x.square() + along_y.square()).clamp(min=1e-12)
        share = ((right * along_x + down * along_y) / length).clamp(0, 1)
        squared = torch.minimum(squared, (right - share * along_x).square() + (down - share * along_y).square())
        crosses = (y <= row) != (y + along_y <= row)
        inside ^= crosses & ((right * along_y < down * along_x) == (along_y > 0))
    distance = squared.clamp(min=1e-12).sqrt()
    return torch.where(inside, distance, -distance)


def _polygon_mask(
    landmarks: Tensor, corners: tuple[int, ...], height: int, width: int, grow: float, soft: float
) -> Tensor:
    distance = polygon_distance(landmarks[:, corners].float(), height, width)[:, None]
    return _ramp(distance, _unit(landmarks)[:, None, None, None], grow, soft)


def _box_mask(landmarks: Tensor, corners: tuple[int, ...], height: int, width: int, grow: float, soft: float) -> Tensor:
    points = landmarks[:, corners].float()
    least, most = points.amin(1), points.amax(1)
    unit = _unit(landmarks)[:, None]
    sides = []
    for axis, size in ((1, height), (0, width)):
        place = torch.arange(size, device=points.device) + 0.5
        sides.append(_ramp(torch.minimum(place - least[:, axis, None], most[:, axis, None] - place), unit, grow, soft))
    return (sides[0][:, :, None] * sides[1][:, None])[:, None]


def _unit(landmarks: Tensor) -> Tensor:
    across = landmarks[:, 45] - landmarks[:, 36]
    down = 1.8 * (landmarks[:, 33] - landmarks[:, 27])  # as long as the other on most faces seen from the front
    return torch.stack([across, down]).float().square().sum(-1).amax(0).clamp(min=1e-12).sqrt()


def _ramp(distance: Tensor, unit: Tensor, grow: float, soft: float) -> Tensor:
    """1 well inside and 0 well outside of the border; at least one pixel wide, which smooths a hard border's steps."""
    return (0.5 + (distance + grow * unit) / (soft * unit).clamp(min=1)).clamp(0, 1)
