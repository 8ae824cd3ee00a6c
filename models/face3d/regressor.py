"""A network that sees coefficients of any face model in aligned pictures: the small embedded one, or a ResNet-50."""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.face3d.alignment import SIDE
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.resnet import ResNet
from models.weights import load_strictly, read_weights

GEOMETRY = ("identity", "expression", "rotation", "translation")
_SPREAD = 8.0  # pixels of 224 by which landmarks of aligned faces differ


class Regressor(nn.Module):
    """Aligned pictures (B, 3, size, size) in [-1, 1] -> coefficients in the frame of `Camera.deep3d(224)`.

    One linear layer per part, zero at first: training starts at the mean face. Nothing bounds the outputs. A small
    network that has few people to learn from may be told the landmarks too, which were needed for the alignment anyway:
    then it reads `GEOMETRY` off them alone (beside a picture, it would know the people of its training by heart).

    Args:
        face_model: tells the sizes of identity, expression and texture; the network keeps nothing else of it.
        backbone: pictures to features.
        size: of the pictures.
        landmarks: features that two layers make of the 68 landmarks; 0 sees the picture alone.
        start: a `.safetensors` file of weights of such a network that training starts from, whatever head they were
            made for; None starts from random ones.
    """

    def __init__(
        self,
        face_model: FaceModel,
        backbone: ResNet,
        size: int = 224,
        landmarks: int = 0,
        start: str | None = None,
    ) -> None:
        super().__init__()
        self.size, self.landmarks = size, landmarks
        self.backbone = backbone
        if landmarks:
            self.usual: Tensor
            self.register_buffer("usual", _neutral_pixels(face_model), persistent=False)
            first, second = nn.Linear(2 * len(self.usual), landmarks), nn.Linear(landmarks, landmarks)
            self.point_layers = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
        parts = {
            "identity": face_model.n_identity,
            "expression": face_model.n_expression,
            "texture": face_model.n_texture,
            "rotation": 3,
            "translation": 3,
            "lighting": 27,
            "gaze": 4,
        }
        self.heads = nn.ModuleDict({name: nn.Linear(self.inputs(name), count) for name, count in parts.items()})
        for parameter in self.heads.parameters():
            nn.init.zeros_(parameter)
        if start is not None:
            stored = read_weights(Path(start))
            load_strictly(self, {k: v.float() if v.is_floating_point() else v for k, v in stored.items()})

    def inputs(self, part: str) -> int:
        """Features that the layer of a part of the coefficients looks at."""
        return self.landmarks if self.landmarks and part in GEOMETRY else self.backbone.features + self.landmarks

    def forward(self, image: Tensor, points: Tensor | None = None) -> Coefficients:
        """All parts (B, ...); points: landmarks (B, 68, 2) in pixels of 224, for a network that is told them."""
        feature = self.backbone(image)
        if self.landmarks:
            if points is None:
                raise TypeError("this network needs the landmarks beside the picture")
            shift = (points.to(feature.dtype) - self.usual) / _SPREAD
            told = self.point_layers(shift.flatten(1))
            both = torch.cat([feature, told], dim=1)
            return Coefficients(**{n: head(told if n in GEOMETRY else both) for n, head in self.heads.items()})
        return Coefficients(**{name: head(feature) for name, head in self.heads.items()})


def _neutral_pixels(model: FaceModel) -> Tensor:
    """The landmarks (68, 2) of the mean face looking ahead, in the aligned picture of 224 pixels."""
    camera = Camera.deep3d(SIDE)
    shape = model.shape(torch.zeros(1, model.n_identity), torch.zeros(1, model.n_expression))
    return camera.project(camera.view(model.landmarks68(shape)))[0]
