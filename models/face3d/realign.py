"""The same head as another alignment of the same frame shows it."""

import torch
from torch import Tensor

from models.face3d.alignment import SIDE, to_aligned, to_frame
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.rotation import place, rotation_angles, rotation_matrix


def realign(model: FaceModel, coefficients: Coefficients, old: Tensor, new: Tensor) -> Coefficients:
    """Coefficients that hold in alignment `new` from those that hold in `old`; both (B, 5).

    Cutting another square out of a frame moves the head off the axis of the camera or onto it. So it turns by the angle
    between the two lines of sight, which keeps what is seen of it, and its place follows from its 68 landmarks by least
    squares. A change of scale becomes one of distance; that perspective changes with it stays (under a pixel of 224 in
    alignments by landmarks). Light stays as it is.
    """
    camera = Camera.deep3d(SIDE)
    points = model.landmarks68(model.shape(coefficients.identity, coefficients.expression))
    seen = camera.project(camera.view(place(points, coefficients.rotation, coefficients.translation)))
    goal = to_aligned(to_frame(seen, old), new)
    turn = _turn(_sight(seen.mean(dim=1), camera), _sight(goal.mean(dim=1), camera))
    rotation = rotation_angles(turn @ rotation_matrix(coefficients.rotation))
    turned = place(points, rotation, torch.zeros_like(rotation))
    parts = {**coefficients.to_arrays(), "rotation": rotation, "translation": locate(turned, goal, camera)}
    return Coefficients(**parts)


def locate(points: Tensor, pixels: Tensor, camera: Camera) -> Tensor:
    """The translation (B, 3) that brings turned points (B, K, 3) closest to pixels (B, K, 2); linear least squares.

    It weighs errors by depth, which is nearly the same for all points of a face.
    """
    shift = pixels.double() - pixels.new_tensor([camera.centre_x, camera.centre_y]).double()
    shift = shift * shift.new_tensor([1.0, -1.0]) / camera.focal
    x, y, z = points.double().unbind(-1)
    depth = camera.distance - z
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    rows = [torch.stack([one, zero, shift[..., 0]], dim=-1), torch.stack([zero, one, shift[..., 1]], dim=-1)]
    design = torch.cat(rows, dim=1)
    wanted = torch.cat([shift[..., 0] * depth - x, shift[..., 1] * depth - y], dim=1)
    square = design.transpose(1, 2) @ design
    return torch.linalg.solve(square, design.transpose(1, 2) @ wanted[..., None])[..., 0].to(points.dtype)


def _sight(pixel: Tensor, camera: Camera) -> Tensor:
    """Unit vectors (B, 3) of the world along which the camera sees pixels (B, 2)."""
    across, down = ((pixel - pixel.new_tensor([camera.centre_x, camera.centre_y])) / camera.focal).unbind(-1)
    return torch.nn.functional.normalize(torch.stack([across, -down, -torch.ones_like(down)], dim=-1), dim=-1)


def _turn(first: Tensor, second: Tensor) -> Tensor:
    """The smallest rotations (B, 3, 3) that bring unit vectors (B, 3) onto others less than half a turn away."""
    axis = torch.linalg.cross(first, second)
    x, y, z = axis.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(-1, 3, 3)
    cosine = (first * second).sum(dim=-1)[:, None, None]
    return torch.eye(3, dtype=x.dtype, device=x.device) + skew + skew @ skew / (1 + cosine)
