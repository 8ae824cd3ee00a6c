"""Augmentation on the batch, on its device: colour jitter and mirroring, equal for all images of one example."""

import math
from typing import Any

import torch
from torch import Tensor

# iBUG-68 seen in a mirror: entry i is the point of the original that becomes point i
MIRROR_68 = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *range(27, 31),  # nose bridge
    *range(35, 30, -1),  # nostrils
    *(45, 44, 43, 42, 47, 46),  # eyes
    *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),  # outer lip
    *range(59, 54, -1),
    *range(64, 59, -1),  # inner lip
    *range(67, 64, -1),
)


class Augment:
    """Colour jitter and horizontal flip whose parameters come from the batch's own `noise` (B, 8) in [0, 1).

    Args:
        brightness: largest change of brightness, as a fraction: the factor is in [1 - b, 1 + b].
        contrast: the same for contrast.
        saturation: the same for saturation.
        hue: largest turn of the hue, in turns (0.1 = 36 degrees).
        flip: probability of mirroring. Left and right of landmarks change places with it.
    """

    def __init__(
        self,
        brightness: float = 0.1,
        contrast: float = 0.1,
        saturation: float = 0.1,
        hue: float = 0.05,
        flip: float = 0.5,
    ) -> None:
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.flip = flip

    def __call__(self, batch: dict[str, Any], noise: Tensor) -> dict[str, Any]:
        """Augment every image (B, ..., 3, H, W) in [-1, 1] and every `*landmarks` (B, ..., 68, 2) of the batch."""
        mirrored = noise[:, 0] < self.flip
        result = dict(batch)
        width = 0
        for name, value in batch.items():
            if is_image(value):
                width = value.shape[-1]
                result[name] = _mirror_images(self._jitter(value, noise[:, 1:5]), mirrored)
        for name, value in batch.items():
            if name.endswith("landmarks"):
                result[name] = torch.where(_like(mirrored, value), mirror_landmarks(value, width), value)
        return result

    def _jitter(self, images: Tensor, noise: Tensor) -> Tensor:
        """Jitter in [0, 1]; `noise` (B, 4) gives brightness, contrast, saturation and hue."""
        from kornia import enhance

        if not any((self.brightness, self.contrast, self.saturation, self.hue)):
            return images
        times = math.prod(images.shape[1:-3])  # frames of one example change alike
        signed = (2 * noise - 1).repeat_interleave(times, dim=0)
        flat = (images.flatten(0, -4) + 1) / 2
        if self.brightness:
            flat = enhance.adjust_brightness_accumulative(flat, 1 + self.brightness * signed[:, 0])
        if self.contrast:
            flat = enhance.adjust_contrast_with_mean_subtraction(flat, 1 + self.contrast * signed[:, 1])
        if self.saturation:
            flat = enhance.adjust_saturation_with_gray_subtraction(flat, 1 + self.saturation * signed[:, 2])
        if self.hue:
            flat = enhance.adjust_hue(flat, 2 * math.pi * self.hue * signed[:, 3])
        return (flat.clamp(0, 1) * 2 - 1).reshape(images.shape)


def is_image(value: Any) -> bool:
    """Whether a value of a batch is float images (B, ..., 3, H, W)."""
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim >= 4 and value.shape[-3] == 3


def mirror_landmarks(points: Tensor, width: int) -> Tensor:
    """iBUG-68 points (..., 68, 2) in pixels of the mirrored image; the subject's left becomes the right."""
    swapped = points[..., list(MIRROR_68), :]
    return torch.stack([width - swapped[..., 0], swapped[..., 1]], dim=-1)


def _mirror_images(images: Tensor, mirrored: Tensor) -> Tensor:
    return torch.where(_like(mirrored, images), images.flip(-1), images)


def _like(mask: Tensor, value: Tensor) -> Tensor:
    return mask.reshape(-1, *[1] * (value.ndim - 1))
