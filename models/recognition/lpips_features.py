"""The features that LPIPS compares (Zhang et al. 2018), with AlexNet: its distance is one of two vectors.

Letters: B batch, S side, F numbers per image.
"""

import torch
from torch import Tensor, nn

from models.assets import find


class LPIPSFeatures(nn.Module):
    """Images (B, 3, S, S) in [-1, 1] -> (B, F), of which |difference|^2 is LPIPS (version 0.1).

    Per layer the features have unit length in every pixel and are multiplied by sqrt(w_l / pixels), with w_l >= 0 the
    published weight of each channel. F grows with the picture: 640,128 at 256 x 256.
    """

    def __init__(self) -> None:
        super().__init__()
        from lpips import LPIPS

        whole = LPIPS(net="alex", pnet_rand=True, verbose=False)  # the heads come with the package, the backbone never
        self.scale, self.backbone = whole.scaling_layer, whole.net
        self.roots = [head.model[-1].weight.detach().sqrt() for head in whole.lins]

    def load_backbone(self, stored: dict[str, Tensor]) -> None:
        """Take the convolutions of torchvision's AlexNet."""
        names = {name: f"features.{name.split('.', 1)[1]}" for name in self.backbone.state_dict()}
        self.backbone.load_state_dict({name: stored[theirs] for name, theirs in names.items()})

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        parts = []
        for feature, root in zip(self.backbone(self.scale(image)), self.roots, strict=True):
            length = feature.square().sum(dim=1, keepdim=True).sqrt() + 1e-10  # their way around 0 / 0
            pixels = feature.shape[2] * feature.shape[3]
            parts.append((feature / length * (root.to(feature) / pixels**0.5)).flatten(1))
        return torch.cat(parts, dim=1)


def load_lpips_features() -> LPIPSFeatures:
    """With torchvision's AlexNet of asset `alexnet`."""
    stored = torch.load(find("alexnet"), map_location="cpu", weights_only=True)
    network = LPIPSFeatures()
    network.load_backbone(stored)
    return network
