"""Where the eyes look, from the pupils in the picture, once the head is fitted."""

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.landmark_fit.points import FacePoints
from models.face3d.landmark_fit.projection import pixels
from models.face3d.rotation import rotation_matrix

_CORNERS = ((36, 39), (42, 45))
_MOST = 0.7  # radians: no eye turns farther
_SPREAD = 0.3  # radians, standard deviation of gaze
_NOISE = 0.01  # interocular distances, of a pupil
_STEPS = 6


def fit_gaze(
    face: FacePoints,
    identity: Tensor,
    pose: Tensor,
    pupils: Tensor,
    shift: Tensor,
    scale: Tensor,
    camera: Camera,
) -> Tensor:
    """Gaze (T, 4): pitch and yaw of the eye left in the image, then of the other; zero where no pupil was seen.

    A millimetre between the fitted eye and that in the picture would be five degrees of gaze, so the pupil is held
    against the corners of its eye: `shift` (T, 68, 2) is what the fit is off by.

    Args:
        face: with `arms`.
        identity: (n_identity,).
        pose: (T, 6).
        pupils: (T, 2, 2) pixels, NaN where they were not seen.
        shift: measured minus fitted landmarks in pixels.
        scale: (T,) pixels per decimetre.
        camera: of the frames.
    """
    arms = face.arms
    assert arms is not None
    rest = face.pupils + torch.einsum("k,kec->ec", identity, face.pupil_identity)
    centres = rest - arms
    target = pupils - torch.stack([shift[:, list(pair)].mean(dim=1) for pair in _CORNERS], dim=1)
    seen = target.isfinite().all(dim=-1)
    target = torch.where(seen[..., None], target, 0.0)
    sharpness = (seen / (_NOISE * face.interocular * scale)[:, None])[..., None]
    gaze = pose.new_zeros(len(pose), 2, 2)
    spread = torch.eye(2).to(pose) / _SPREAD**2

    def place(angles: Tensor) -> Tensor:
        turn = rotation_matrix(torch.cat([angles, torch.zeros_like(angles[..., :1])], dim=-1))
        return pixels(centres + (turn @ arms[..., None])[..., 0], pose, camera)

    tiny = 1e-4
    for _ in range(_STEPS):
        here = place(gaze)
        slopes = torch.stack([(place(gaze + tiny * axis) - here) / tiny for axis in torch.eye(2).to(pose)], dim=-1)
        slopes, errors = slopes * sharpness[..., None], (here - target) * sharpness
        matrix = slopes.transpose(-1, -2) @ slopes + spread
        slope = (slopes.transpose(-1, -2) @ errors[..., None])[..., 0] + gaze / _SPREAD**2
        gaze = (gaze - torch.linalg.solve(matrix, slope)).clamp(-_MOST, _MOST)
    return gaze.flatten(1)
