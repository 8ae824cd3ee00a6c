"""Where points of a head fall in a picture."""

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.rotation import place


def project_landmarks(model: FaceModel, faces: Coefficients, camera: Camera) -> Tensor:
    """The 68 landmarks, then the two pupils (B, 70, 2) in pixels, y down."""
    shape = model.shape(faces.identity, faces.expression, faces.gaze)
    return _seen(torch.cat([model.landmarks68(shape), model.pupils(shape)], dim=1), faces, camera)


def project_vertices(model: FaceModel, faces: Coefficients, camera: Camera) -> Tensor:
    """Every vertex (B, N, 2), hidden ones too."""
    return _seen(model.shape(faces.identity, faces.expression, faces.gaze), faces, camera)


def _seen(points: Tensor, faces: Coefficients, camera: Camera) -> Tensor:
    return camera.project(camera.view(place(points, faces.rotation, faces.translation)))
