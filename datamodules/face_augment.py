"""Augmentation for networks that look at faces: colour jitter, coarser pictures and noise, as bad video has them."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.augment import Augment, is_image


class FaceAugment(Augment):
    """Colour jitter, then a part of the pictures made coarser and all of them noisy; nothing moves or is mirrored.

    Arguments beside those of `Augment`, from the batch's own `noise` (B, 8) in [0, 1):

        coarse: part of the examples that lose detail: they go down to between a third and all of their size, and back.
        noise: largest standard deviation of the noise of an example, of a range of 2.
    """

    def __init__(
        self,
        brightness: float = 0.1,
        contrast: float = 0.1,
        saturation: float = 0.1,
        hue: float = 0.0,
        coarse: float = 0.5,
        noise: float = 0.03,
    ) -> None:
        super().__init__(brightness, contrast, saturation, hue, flip=0.0)
        self.coarse, self.noise = coarse, noise

    def __call__(self, batch: dict[str, Any], noise: Tensor) -> dict[str, Any]:
        """Augment every image (B, 3, H, W) in [-1, 1] of the batch."""
        result = super().__call__(batch, noise)
        for name, value in result.items():
            if is_image(value):
                result[name] = self._grain(self._blur(value, noise[:, 5:7]), noise[:, 7])
        return result

    def _blur(self, images: Tensor, noise: Tensor) -> Tensor:
        """One of three sizes below the full one for each example of that part; `noise` (B, 2): whether, how much."""
        result = images.clone()
        level = torch.where(noise[:, 0] < self.coarse, (noise[:, 1] * 3).long(), -1)
        for step, share in enumerate((0.75, 0.5, 0.33)):
            rows = (level == step).nonzero()[:, 0]
            size = [max(1, round(side * share)) for side in images.shape[-2:]]
            small = F.interpolate(images[rows], size=size, mode="bilinear", antialias=True, align_corners=False)
            result[rows] = F.interpolate(small, size=images.shape[-2:], mode="bilinear", align_corners=False)
        return result

    def _grain(self, images: Tensor, noise: Tensor) -> Tensor:
        """Gaussian noise whose seed and strength come from `noise` (B,)."""
        if not self.noise:
            return images
        grains = []
        for value in noise.tolist():
            random = torch.Generator().manual_seed(int(value * 2**31))
            grains.append(torch.randn(images.shape[1:], generator=random))
        strength = (noise * 1009 % 1)[:, None, None, None] * self.noise
        return (images + strength * torch.stack(grains).to(images)).clamp(-1, 1)
