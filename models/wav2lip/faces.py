"""Faces as the networks of Wav2Lip see them."""

from torch import Tensor

SIDE = 96  # pixels


def as_authors(faces: Tensor) -> Tensor:
    """RGB (..., 3, H, W) in [-1, 1] as BGR in [0, 1], which the authors' weights expect."""
    return faces.flip(-3) * 0.5 + 0.5


def from_authors(faces: Tensor) -> Tensor:
    """BGR (..., 3, H, W) in [0, 1] as RGB in [-1, 1]."""
    return faces.flip(-3) * 2 - 1


def lower_half(faces: Tensor) -> Tensor:
    """(..., H / 2, W): where the mouth is."""
    return faces[..., faces.shape[-2] // 2 :, :]


def without_lower_half(faces: Tensor) -> Tensor:
    """Faces (..., 3, H, W) in [-1, 1] with their lower half black: what Wav2Lip is to paint anew."""
    masked = faces.clone()
    lower_half(masked).fill_(-1)
    return masked
