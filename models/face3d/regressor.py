"""A network that sees coefficients of any face model in aligned pictures: the small embedded one, or a ResNet-50."""

from pathlib import Path

from torch import Tensor, nn

from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.resnet import ResNet
from models.weights import load_strictly, read_weights


class Regressor(nn.Module):
    """Aligned pictures (B, 3, size, size) in [-1, 1] -> coefficients in the frame of `Camera.deep3d(224)`.

    One linear layer per part, zero at first: training starts at the mean face. Nothing bounds the outputs.

    Args:
        face_model: tells the sizes of identity, expression and texture; the network keeps nothing else of it.
        backbone: pictures to features.
        size: of the pictures.
        start: a `.safetensors` file of weights of such a network that training starts from, whatever head they were
            made for; None starts from random ones.
    """

    def __init__(self, face_model: FaceModel, backbone: ResNet, size: int = 224, start: str | None = None) -> None:
        super().__init__()
        self.size = size
        self.backbone = backbone
        parts = {
            "identity": face_model.n_identity,
            "expression": face_model.n_expression,
            "texture": face_model.n_texture,
            "rotation": 3,
            "translation": 3,
            "lighting": 27,
            "gaze": 4,
        }
        self.heads = nn.ModuleDict({name: nn.Linear(backbone.features, count) for name, count in parts.items()})
        for parameter in self.heads.parameters():
            nn.init.zeros_(parameter)
        if start is not None:
            stored = read_weights(Path(start))
            load_strictly(self, {k: v.float() if v.is_floating_point() else v for k, v in stored.items()})

    def forward(self, image: Tensor) -> Coefficients:
        """All parts (B, ...)."""
        feature = self.backbone(image)
        return Coefficients(**{name: head(feature) for name, head in self.heads.items()})
