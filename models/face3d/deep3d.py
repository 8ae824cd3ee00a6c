"""Deep3D's regressor (Deng et al. 2019): an aligned picture to 257 coefficients, in the authors' key layout."""

from pathlib import Path

import torch
from torch import Tensor, nn

from models.face3d.coefficients import Coefficients
from models.face3d.resnet import ResNet
from models.weights import Weights, load_strictly

# What the authors' final layers give, in their order
LAYERS: tuple[tuple[str, int], ...] = (
    ("identity", 80),
    ("expression", 64),
    ("texture", 80),
    ("rotation", 3),
    ("lighting", 27),
    ("across", 2),  # translation, in two layers
    ("towards", 1),
)


class Deep3D(nn.Module):
    """Aligned pictures (B, 3, 224, 224) in [-1, 1] -> coefficients in the frame of `Camera.deep3d(224)`.

    Args:
        gaze: a further layer for the two eyes, as in HifiHead (sec. 3.1: 261 numbers).
    """

    size = 224

    def __init__(self, gaze: bool = False) -> None:
        super().__init__()
        self.backbone = ResNet()
        self.gaze = gaze
        self.layers = (*LAYERS, *([("gaze", 4)] if gaze else []))
        self.final_layers = nn.ModuleList(nn.Conv2d(self.backbone.features, size, 1) for _, size in self.layers)
        for layer in self.final_layers.parameters():
            nn.init.zeros_(layer)  # as the authors: training starts at the mean face

    def forward(self, image: Tensor, points: Tensor | None = None) -> Coefficients:
        """The coefficients (B, ...); a network without a layer for gaze says straight ahead. No points are needed."""
        return self.head(self.backbone((image + 1) / 2))

    def head(self, feature: Tensor) -> Coefficients:
        """The coefficients of the backbone's features (B, 2048)."""
        parts = {name: layer(feature[..., None, None])[..., 0, 0] for (name, _), layer in self._named()}
        translation = torch.cat([parts.pop("across"), parts.pop("towards")], dim=-1)
        return Coefficients(**{"gaze": feature.new_zeros(len(feature), 4), **parts, "translation": translation})

    def _named(self) -> list[tuple[tuple[str, int], nn.Module]]:
        return list(zip(self.layers, self.final_layers, strict=True))


def read_deep3d(weights: Weights) -> Deep3D:
    """The network of a checkpoint: `epoch_20.pth`, SadTalker's joint file, or the tensors alone; 257 or with gaze.

    Raises:
        UserError: it is another network's file.
    """
    weights = weights.part("net_recon", "face_3drecon")
    network = Deep3D(gaze=weights.count("final_layers.{}.weight") > len(LAYERS))
    load_strictly(network, weights)
    return network


def standard_landmarks(path: Path) -> Tensor:
    """The 68 landmarks (68, 3) in decimetres that the authors align by, of their `similarity_Lm3D_all.mat`.

    Raises:
        UserError: it is not that file.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    from models.errors import UserError

    try:
        return torch.from_numpy(loadmat(path)["lm"]).view(68, 3)
    except (MatReadError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise UserError(f"{path} is not similarity_Lm3D_all.mat ({error}); fetch it again") from error
