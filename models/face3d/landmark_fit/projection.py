"""Landmarks in the picture and how they move with everything that is fitted."""

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.rotation import place, rotation_matrix


def pixels(head: Tensor, pose: Tensor, camera: Camera) -> Tensor:
    """Points (T, L, 3) of the unturned head in pixels (T, L, 2); pose (T, 6) is rotation and translation."""
    return camera.project(camera.view(place(head, pose[:, :3], pose[:, 3:])))


def pixel_slopes(world: Tensor, camera: Camera) -> Tensor:
    """(T, L, 2, 3): how pixels move with world points (T, L, 3)."""
    x, y, z = camera.view(world).unbind(-1)
    near, zero = camera.focal / z, torch.zeros_like(z)
    rows = [[near, zero, near * x / z], [zero, -near, -near * y / z]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def pose_slopes(head: Tensor, pose: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """How pixels move with points of the head (T, L, 2, 3) and with the pose (T, L, 2, 6)."""
    matrix = rotation_matrix(pose[:, :3])
    turned = head @ matrix.transpose(1, 2)
    slopes = pixel_slopes(turned + pose[:, None, 3:], camera)
    # An angle turns the points about an axis: pitch about the turned x, yaw about y after the roll, roll about z.
    sin, cos = pose[:, 2].sin(), pose[:, 2].cos()
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    axes = torch.stack(
        [matrix[:, :, 0], torch.stack([-sin, cos, zero], dim=1), torch.stack([zero, zero, one], dim=1)], dim=1
    )
    by_angle = torch.linalg.cross(axes[:, None], turned[:, :, None].expand(-1, -1, 3, -1), dim=-1)  # (T, L, 3, 3)
    return slopes @ matrix[:, None], torch.cat([slopes @ by_angle.transpose(-1, -2), slopes], dim=-1)
