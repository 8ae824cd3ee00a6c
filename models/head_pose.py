"""Head pose from landmarks by a rough mean head. Points are `(N, 68, 2)` iBUG landmarks in pixels, x right, y down."""

import torch
from torch import Tensor

# A rough adult head, our own: x right, y down, z away from the viewer, in outer-eye-corner distances.
_RIGID = [36, 39, 42, 45, 27, 30, 33, 48, 54, 8]
_HEAD = [
    [-0.50, 0.00, 0.00],  # outer corner of the eye left in the image
    [-0.18, 0.02, -0.06],
    [0.18, 0.02, -0.06],
    [0.50, 0.00, 0.00],
    [0.00, -0.02, -0.20],  # root of the nose
    [0.00, 0.40, -0.48],  # tip
    [0.00, 0.52, -0.30],  # base
    [-0.29, 0.80, -0.10],  # corners of the mouth
    [0.29, 0.80, -0.10],
    [0.00, 1.36, -0.06],  # chin
]


def head_rotation(points: Tensor) -> Tensor:
    """Rotation matrices `(N, 3, 3)` of the head by a weak-perspective fit of a rough head to ten rigid landmarks.

    Least squares for the 2x3 camera, whose rows are then made orthonormal. Good to a few degrees; the error is a
    constant of the person, so differences over time are better than absolute angles. NaN where a landmark is not
    finite.
    """
    head = torch.tensor(_HEAD, dtype=torch.float64, device=points.device)
    head = head - head.mean(dim=0)
    seen = points[:, _RIGID].double()
    seen = seen - seen.mean(dim=1, keepdim=True)
    camera = seen.transpose(1, 2) @ torch.linalg.pinv(head).T  # (N, 2, 3)
    valid = camera.isfinite().all(dim=(1, 2))
    camera = torch.where(valid[:, None, None], camera, torch.eye(3, dtype=camera.dtype, device=camera.device)[:2])
    u, _, v = torch.linalg.svd(camera, full_matrices=False)
    rows = u @ v
    rotation = torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], dim=1)
    return torch.where(valid[:, None, None], rotation, torch.nan).to(points.dtype)


def euler_angles(rotation: Tensor) -> Tensor:
    """(N, 3) yaw, pitch, roll in radians with rotation = Rx(pitch) Ry(yaw) Rz(roll), from matrices (N, 3, 3)."""
    yaw = torch.asin(rotation[:, 0, 2].clamp(-1, 1))
    pitch = torch.atan2(-rotation[:, 1, 2], rotation[:, 2, 2])
    roll = torch.atan2(-rotation[:, 0, 1], rotation[:, 0, 0])
    return torch.stack([yaw, pitch, roll], dim=1)
