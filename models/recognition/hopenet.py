"""Hopenet (Ruiz, Chong and Rehg, CVPRW 2018): head pose as 66 bins per angle, in the authors' key layout.

Letters: B batch, H height, W width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.assets import find

SIDE = 224
NUM_BINS = 66


class Hopenet(nn.Module):
    """Images (B, 3, H, W) in [-1, 1], cropped around the head -> scores (B, 3, 66) of yaw, pitch, roll bins."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        self.backbone = resnet50()
        width = self.backbone.fc.in_features
        self.backbone.fc = nn.Identity()
        self.fc_yaw, self.fc_pitch, self.fc_roll = (nn.Linear(width, NUM_BINS) for _ in range(3))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 2 - 1, persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 2, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """The image is brought to 224 pixels, as in training."""
        return self.head(self.embed(image))

    def embed(self, image: Tensor) -> Tensor:
        """What the three layers of angles look at (B, 2048)."""
        image = F.interpolate(image, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        feature: Tensor = self.backbone((image - self.mean) / self.std)
        return feature

    def head(self, feature: Tensor) -> Tensor:
        """Scores (B, 3, 66) of the bins from `embed`."""
        return torch.stack([self.fc_yaw(feature), self.fc_pitch(feature), self.fc_roll(feature)], dim=1)


def load_hopenet() -> Hopenet:
    """Hopenet with the weights of asset `hopenet`."""
    stored = torch.load(find("hopenet"), map_location="cpu", weights_only=True)
    heads = ("fc_yaw.", "fc_pitch.", "fc_roll.")
    network = Hopenet()
    network.load_state_dict(
        {
            key if key.startswith(heads) else f"backbone.{key}": value
            for key, value in stored.items()
            if not key.startswith("fc_finetune.")  # a branch that its authors did not use
        }
    )
    return network
