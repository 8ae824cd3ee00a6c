"""Coefficients of a whole clip from its landmarks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.landmark_fit.gaze import fit_gaze
from models.face3d.landmark_fit.points import FacePoints
from models.face3d.landmark_fit.problem import FitRules, Problem
from models.face3d.landmark_fit.projection import pixels
from models.face3d.landmark_fit.solver import minimise
from models.face3d.landmark_fit.start import first_pose

VERSION = "1"
DEFAULT = FitRules()
# Named movements of flesh between the landmarks. Free, they would serve to make an outline broader that an analyser
# sees elsewhere than the face model: fits of real clips had cheeks puffed all along.
UNSEEN = ("cheekPuff", "cheekSquint", "tongue")


@dataclass(frozen=True)
class Fit:
    """What was found.

    coefficients: (T, ...) float32; identity is the same in all frames, texture and lighting are zero;
    landmarks: (T, 68, 2) pixels of the fitted model; reprojection: (T, 68) pixels from those given, NaN
    where those are.
    """

    coefficients: Coefficients
    landmarks: Tensor
    reprojection: Tensor


@torch.no_grad()
def fit_clip(
    model: FaceModel,
    points: Tensor,
    camera: Camera,
    pupils: Tensor | None = None,
    scores: Tensor | None = None,
    rules: FitRules = DEFAULT,
    steps: int = 15,
) -> Fit:
    """Fits a face model to the landmarks of one person in consecutive frames.

    One identity, and for each frame expression within the model's limits, rotation, translation and gaze: the most
    probable ones under priors on all of them, on their accelerations, and robust errors of the landmarks (`FitRules`).
    Movements that landmarks do not show (puffed cheeks, tongue) stay at rest. All unknowns are solved for together by
    Levenberg-Marquardt in float64; the same input gives the same output.

    Args:
        model: any face model; one that is not linear is taken as its tangent.
        points: (T, 68, 2) pixels, iBUG order; frames with a NaN are bridged.
        camera: of the frames.
        pupils: (T, 2, 2) pixels, the one left in the image first, NaN where not seen; without them gaze is zero.
        scores: (T,) in [0, 1], weight of each frame; default: alike.
        rules: what is expected of what.
        steps: the most that are taken.

    Raises:
        UserError: no frame has landmarks, or shapes do not agree.
    """
    if points.ndim != 3 or points.shape[1:] != (68, 2):
        raise UserError(f"landmarks are (frames, 68, 2), not {tuple(points.shape)}")
    points = points.double()
    seen = points.isfinite().all(dim=(1, 2))
    if scores is not None:
        seen = seen & (scores > 0)
    if not seen.any():
        raise UserError("no frame has landmarks to fit a face to")
    weight = seen.double() if scores is None else torch.where(seen, scores.double(), 0.0)
    face = FacePoints.of(model, points)
    pose = first_pose(face, points, seen, camera)
    scale = camera.focal / camera.view(pose[:, 3:])[:, 2]
    filled = torch.where(seen[:, None, None], points, 0.0)
    unseen = torch.tensor([name.startswith(UNSEEN) for name in model.expression_names], device=points.device)
    low, high = (torch.where(unseen, 0.0, limit.to(points)) for limit in (model.expression_low, model.expression_high))
    loose = face.with_jaw_offsets(rules.jaw_offset * face.interocular)
    problem = Problem(loose, low, high, filled, weight, scale, camera, rules)
    frames = torch.cat([pose.new_zeros(len(pose), model.n_expression), pose], dim=1)
    identity, frames = minimise(problem, points.new_zeros(len(loose.identity)), problem.within(frames), steps, 3e-4)

    identity = identity[: model.n_identity]
    landmarks = pixels(face.head(identity, frames[:, :-6]), frames[:, -6:], camera)
    gaze = points.new_zeros(len(points), 4)
    if pupils is not None and face.arms is not None:
        shift = torch.where(seen[:, None, None], points - landmarks, 0.0)
        gaze = fit_gaze(face, identity, frames[:, -6:], pupils.to(points), shift, scale, camera)
    coefficients = Coefficients(
        identity.expand(len(points), -1),
        frames[:, :-6],
        points.new_zeros(len(points), model.n_texture),
        frames[:, -6:-3],
        frames[:, -3:],
        points.new_zeros(len(points), 27),
        gaze,
    )
    return Fit(coefficients.map(Tensor.float), landmarks.float(), (landmarks - points).norm(dim=-1).float())
