"""The features that LPIPS compares (Zhang et al. 2018), with AlexNet: its distance is one of two vectors.

Letters: B batch, S side, F numbers per image.
"""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from models.assets import find
from models.errors import MissingPackage
from models.weights import Weights, load_strictly, read_weights

# ImageNet's statistics, moved from [0, 1] to [-1, 1]
MEAN, STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class LPIPSFeatures(nn.Module):
    """Images (B, 3, S, S) in [-1, 1] -> (B, F), of which |difference|^2 is LPIPS (version 0.1).

    Per layer the features have unit length in every pixel and are multiplied by sqrt(w_l / pixels), with w_l >= 0 the
    published weight of each channel. F grows with the picture: 640,128 at 256 x 256.

    Args:
        heads: w_l of the five layers, (C_l,) each.

    """

    mean: Tensor
    std: Tensor

    def __init__(self, heads: list[Tensor]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        for number, weight in enumerate(heads):
            self.register_buffer(f"root{number}", weight.sqrt().view(1, -1, 1, 1), persistent=False)
        self.features = nn.Sequential(  # torchvision's AlexNet up to its last convolution, with its names
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        x = (image - self.mean) / self.std
        parts: list[Tensor] = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                length = torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10  # their way around 0 / 0
                root = self.get_buffer(f"root{len(parts)}") / (x.shape[2] * x.shape[3]) ** 0.5
                parts.append((x / length * root).flatten(1))
        return torch.cat(parts, dim=1)


def load_lpips_features() -> LPIPSFeatures:
    """With torchvision's AlexNet of asset `alexnet` and the weights that come with the package lpips."""
    return make_lpips_features(read_weights(find("alexnet")))


def make_lpips_features(alexnet: Weights) -> LPIPSFeatures:
    """With the convolutions of an AlexNet in torchvision's names."""
    package = importlib.util.find_spec("lpips")  # not imported: it would bring torchvision and warnings
    if package is None or package.origin is None:
        raise MissingPackage("lpips", "pip install lpips")
    heads = read_weights(Path(package.origin).parent / "weights" / "v0.1" / "alex.pth")
    network = LPIPSFeatures([heads[f"lin{number}.model.1.weight"].flatten() for number in range(5)])
    load_strictly(network, {key: value for key, value in alexnet.items() if key.startswith("features.")})
    return network
