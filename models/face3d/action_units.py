"""Facial action units from landmarks: a rough stand-in for a trained detector."""

import torch
from torch import Tensor

from models.face3d.eye_ratio import eye_ratio

# Name in the facial action coding system -> what it is. Columns of `action_units`, in this order.
ACTION_UNITS = {
    "AU1": "inner brows up",
    "AU2": "outer brows up",
    "AU4": "brows down",
    "AU12": "corners of the mouth apart",
    "AU15": "corners of the mouth down",
    "AU18": "lips puckered",
    "AU25": "lips apart",
    "AU26": "jaw down",
    "AU45": "eyes closed",
}


def action_units(landmarks: Tensor) -> Tensor:
    """Which of `ACTION_UNITS` are present, 0 or 1 `(..., 9)`, by 68 iBUG points `(..., 68, 2)`, x right, y down.

    Lengths are in distances of the outer eye corners, along and across the line between them, so size, place and roll
    do not matter; turning and nodding do. Thresholds are set on the embedded head, where the truth is known (4,000
    people turned by up to 30 degrees and nodding by up to 18, movements above .5 against those below .1). Mean of the
    rates at which presence and absence are seen there: AU26 and AU45 .99, AU12 and AU18 .84, AU2 .80, AU15 .78, AU1
    .76, AU4 .72: brows say more of the person than of the movement (an angry real face shows no AU4). NaN where a
    landmark is not finite.
    """
    x, y = _upright(landmarks).unbind(-1)
    brow_inner = (y[..., [39, 42]] - y[..., [21, 22]]).mean(-1)
    brow_outer = -y[..., [17, 18, 25, 26]].mean(-1)
    width = x[..., 54] - x[..., 48]
    corners = y[..., [51, 57]].mean(-1) - y[..., [48, 54]].mean(-1)  # how far above the middle of the lips
    gap = (y[..., [67, 66, 65]] - y[..., [61, 62, 63]]).mean(-1)
    eyes = eye_ratio(landmarks)
    present = [
        brow_inner > 0.32,
        brow_outer > 0.27,
        brow_inner < 0.26,
        width > 0.63,
        corners < -0.025,
        width < 0.49,
        gap > 0.05,
        gap > 0.13,
        (eyes.right + eyes.left) / 2 < 0.18,
    ]
    known = landmarks.isfinite().all(-1).all(-1, keepdim=True)
    return torch.where(known, torch.stack(present, dim=-1).to(landmarks.dtype), torch.nan)


def _upright(landmarks: Tensor) -> Tensor:
    """The points with the outer eye corners level, one apart, and their middle at the origin."""
    first, second = landmarks[..., 36, :], landmarks[..., 45, :]
    along = second - first
    size = along.square().sum(-1, keepdim=True)
    across = torch.stack([-along[..., 1], along[..., 0]], dim=-1)
    axes = torch.stack([along, across], dim=-1) / size[..., None]
    return (landmarks - (first + second)[..., None, :] / 2) @ axes
