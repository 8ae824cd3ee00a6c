"""Geometry of the 68 iBUG landmarks that several metrics use. Points are `(N, 68, 2)` in pixels, x right, y down."""

import torch
from torch import Tensor

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # left in the image


def check_landmarks(prediction: Tensor, target: Tensor) -> None:
    """Raise `ValueError` unless both are `(N, 68, 2)` of one length. NaN is allowed: no face was found there."""
    for name, points in (("prediction", prediction), ("target", target)):
        if points.ndim != 3 or points.shape[1:] != (68, 2):
            raise ValueError(f"{name} must be landmarks (N, 68, 2), got {tuple(points.shape)}")
    if len(prediction) != len(target):
        raise ValueError(f"{len(prediction)} frames of landmarks are compared with {len(target)}")


def interocular(points: Tensor) -> Tensor:
    """Distance of the outer eye corners `(N,)` in pixels, the usual normaliser of 68-point errors (300-W)."""
    return (points[:, 36] - points[:, 45]).norm(dim=-1)


def opening(points: Tensor) -> Tensor:
    """How far mouth, left and right eye are open `(N, 3)`: height over width, so nearly free of identity and size.

    Mouth: mean of the three inner-lip heights over the width of the inner mouth; eyes: the eye aspect ratio
    (Soukupova and Cech 2016, eq. 1).
    """

    def gap(upper: list[int], lower: list[int], left: int, right: int) -> Tensor:
        height = (points[:, upper] - points[:, lower]).norm(dim=-1).mean(dim=1)
        return height / (points[:, left] - points[:, right]).norm(dim=-1)

    return torch.stack(
        [
            gap([61, 62, 63], [67, 66, 65], 60, 64),
            gap([37, 38], [41, 40], 36, 39),
            gap([43, 44], [47, 46], 42, 45),
        ],
        dim=1,
    )


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
    constant of the person, so differences over time are better than absolute angles.
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
