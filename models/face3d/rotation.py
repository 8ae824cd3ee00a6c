"""Rotations of the 3DMM: Euler angles in radians (pitch about x, yaw about y, roll about z), as in Deep3D."""

import torch
from torch import Tensor


def rotation_matrix(angles: Tensor) -> Tensor:
    """R = Rz(roll) Ry(yaw) Rx(pitch) as (..., 3, 3), to be applied to columns; from angles (..., 3)."""
    cos, sin = angles.cos().unbind(-1), angles.sin().unbind(-1)
    (cx, cy, cz), (sx, sy, sz) = cos, sin
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def rotation_angles(matrix: Tensor) -> Tensor:
    """Angles (..., 3) of `rotation_matrix`; yaw lies in [-pi/2, pi/2]."""
    pitch = torch.atan2(matrix[..., 2, 1], matrix[..., 2, 2])
    yaw = torch.asin(-matrix[..., 2, 0].clamp(-1, 1))
    roll = torch.atan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return torch.stack([pitch, yaw, roll], dim=-1)


def place(points: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """Points (B, N, 3) of the head turned by angles (B, 3) and moved by (B, 3): world coordinates."""
    return points @ rotation_matrix(rotation).transpose(-1, -2) + translation[..., None, :]
