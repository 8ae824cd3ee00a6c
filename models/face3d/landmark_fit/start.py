"""Where a fit begins: the pose of the mean face in each frame by weak perspective."""

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.landmark_fit.points import FacePoints
from models.face3d.rotation import rotation_angles

_STEADY = [*range(27, 48), 48, 54]  # nose, eyes, corners of the mouth
_NEAREST, _FARTHEST = 0.5, 20.0  # of the camera's distance, for points that are no face


def first_pose(face: FacePoints, points: Tensor, seen: Tensor, camera: Camera) -> Tensor:
    """Pose (T, 6) from landmarks (T, 68, 2); frames that are not `seen` (T,) get one between their neighbours'.

    Least squares for the 2x3 camera of the mean face, whose rows are then made orthonormal: their mean length is the
    scale, which tells the distance.
    """
    head = face.mean[_STEADY]
    middle = head.mean(dim=0)
    picture = points[seen][:, _STEADY]
    centre = picture.mean(dim=1)
    rows = (picture - centre[:, None]).transpose(1, 2) @ torch.linalg.pinv(head - middle).T
    rows = rows * rows.new_tensor([1.0, -1.0])[:, None]  # y down to y up
    u, lengths, v = torch.linalg.svd(rows, full_matrices=False)
    rows = u @ v
    matrix = torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], dim=1)
    depth = (camera.focal / lengths.mean(dim=1)).clamp(_NEAREST * camera.distance, _FARTHEST * camera.distance)
    offset = (centre - centre.new_tensor([camera.centre_x, camera.centre_y])) * (depth / camera.focal)[:, None]
    place = torch.stack([offset[:, 0], -offset[:, 1], camera.distance - depth], dim=1)
    pose = torch.cat([rotation_angles(matrix), place - matrix @ middle], dim=1)
    return _fill(pose, seen)


def _fill(track: Tensor, seen: Tensor) -> Tensor:
    """Rows of the seen frames (S, n) spread to all (T, n), straight lines between them, even at the ends."""
    at = seen.nonzero()[:, 0]
    frames = torch.arange(len(seen), device=track.device)
    after = torch.searchsorted(at, frames).clamp(max=len(at) - 1)
    before = torch.where(at[after] > frames, (after - 1).clamp_min(0), after)
    gap = (at[after] - at[before]).clamp_min(1)
    part = ((frames - at[before]).clamp_min(0) / gap).to(track).clamp(max=1)[:, None]
    return track[before] * (1 - part) + track[after] * part
