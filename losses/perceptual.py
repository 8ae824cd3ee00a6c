"""Perceptual loss on VGG-19 at several image resolutions (FOMM sec. 3.3; face-vid2vid appendix A.2).

Letters: B batch, H height, W width.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from losses.frozen import Frozen
from models.assets import find
from models.errors import UserError
from models.sadtalker.layers import AntiAliasedDownsample

RELU_ENDS = (0, 2, 7, 12, 21, 30)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 end at these layers
DEEPEST_STRIDE = 16


class VGG19Perceptual(nn.Module):
    """sum over scales s and layers l of weight_l * mean |VGG_l(down_s(prediction)) - VGG_l(down_s(target))|.

    `weights`: of relu1_1 to relu5_1. `downscales`: factors of the image pyramid. The face network that the paper adds
    to VGG was never published; this is the VGG part, which public training code uses alone.

    Raises:
        MissingAsset: the weights `vgg19` are not there (torchvision's file; see `python -m models.assets list`).
    """

    def __init__(
        self, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0), downscales: Sequence[int] = (1, 2, 4, 8)
    ) -> None:
        super().__init__()
        self.features = Frozen(load_vgg19())
        self.pyramid = nn.ModuleList(AntiAliasedDownsample(3, factor, persistent=False) for factor in downscales)
        self.weights = tuple(weights)
        self.smallest = DEEPEST_STRIDE * max(downscales)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar for images (B, 3, H, W) in [-1, 1]."""
        if min(prediction.shape[2:]) < self.smallest:
            raise UserError(
                f"perceptual=vgg19 with these downscales needs images of at least {self.smallest} pixels, got "
                f"{tuple(prediction.shape[2:])}; leave out the largest of module.perceptual.downscales"
            )
        loss = prediction.new_zeros((), dtype=torch.float32)
        for down in self.pyramid:
            with torch.no_grad():
                wanted = self.features(down(target))
            for weight, ours, theirs in zip(self.weights, self.features(down(prediction)), wanted):
                loss = loss + weight * (ours - theirs).abs().float().mean()
        return loss


class _Slices(nn.Module):
    """The five features of VGG-19 for images in [-1, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.slices = nn.ModuleList(features[a:b] for a, b in pairwise(RELU_ENDS))
        # ImageNet's statistics, moved from [0, 1] to [-1, 1]
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 2 - 1)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 2)

    def forward(self, image: Tensor) -> list[Tensor]:
        x = (image - self.mean) / self.std
        features = []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features


def load_vgg19() -> nn.Module:
    """VGG-19 up to relu5_1 with the weights of asset `vgg19`: images (B, 3, H, W) in [-1, 1] -> five features."""
    path = find("vgg19")
    from torchvision.models import vgg19

    network = vgg19()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return _Slices(without_inplace(network.features[: RELU_ENDS[-1]]))


def without_inplace(network: nn.Sequential) -> nn.Sequential:
    """ReLUs that keep their input: it may be a feature that is still to be compared."""
    for layer in network:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return network
