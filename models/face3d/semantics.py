"""Motion vectors and windows of 3DMM coefficients of PIRender (Ren et al., ICCV 2021), StyleHEAT and SadTalker.

With a face model of 64 expression numbers a vector has 73: expression 64, rotation 3, translation 3, crop 3 (scale, x
and y of the alignment), or 70 without the crop. T frames, C channels, E expression numbers.
"""

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.coefficients import Coefficients

PIRENDER_WINDOW = 27  # PIRender sec. 4, StyleHEAT
SADTALKER_WINDOW = 5  # SadTalker sec. 3.1; its released renderer was trained with 27
POSE, CROP = 6, 3


def motion_vectors(coefficients: Coefficients, alignment: Tensor | None = None) -> Tensor:
    """Vectors (..., E + 9), or (..., E + 6) without `alignment`; identity, texture and light are left out.

    Args:
        coefficients: of any leading axes; raw Deep3D vectors become them by `Coefficients.from_vector`.
        alignment: (..., 5) Deep3D's transform: width and height of the frame, scale, x, y in pixels.
    """
    parts = [coefficients.expression, coefficients.rotation, coefficients.translation]
    if alignment is not None:
        parts.append(alignment[..., 2:5].to(coefficients.expression))
    return torch.cat(parts, dim=-1)


def window_index(frames: int, length: int = PIRENDER_WINDOW, device: torch.device | None = None) -> Tensor:
    """(T, length) numbers of the frames around each frame; beyond the ends the end frames are repeated.

    Raises:
        UserError: `length` is not odd, so no frame would be in the middle, or there is no frame.
    """
    if length < 1 or length % 2 == 0:
        raise UserError(f"a window of {length} frames has no middle: take an odd number")
    if frames < 1:
        raise UserError("there is no frame to make windows of")
    offsets = torch.arange(length, device=device) - length // 2
    return (torch.arange(frames, device=device)[:, None] + offsets).clamp(0, frames - 1)


def windows(vectors: Tensor, length: int = PIRENDER_WINDOW) -> Tensor:
    """(..., T, C, length) from (..., T, C): what stands around every frame, time last."""
    index = window_index(vectors.shape[-2], length, vectors.device)
    return vectors[..., index, :].transpose(-1, -2)


def still_window(vector: Tensor, length: int = PIRENDER_WINDOW) -> Tensor:
    """(..., C, length) from (..., C): one frame, standing still."""
    return vector[..., None].expand(*vector.shape, length)


def crop_scale(driving: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """How much larger the source's crop is: ratio (1,), and the driving frame (scalar) that it was measured at.

    That frame is the one most like the source in expression and rotation, so that the ratio is one of people and not
    of poses.

    Args:
        driving: (T, E + 9) vectors with crop.
        source: (E + 9,).
    """
    expression = driving.shape[-1] - POSE - CROP
    difference = (driving - source).abs()
    unlikeness = 0.3 * difference[:, :expression].mean(-1) + 0.7 * difference[:, expression : expression + 3].mean(-1)
    best = unlikeness.argmin()
    return (source[-CROP] / driving[best, -CROP])[None], best


def with_crop_scale(windows: Tensor, ratio: Tensor) -> Tensor:
    """Windows (..., E + 9, length) for another person than the driving one: the crop's scale times `ratio`."""
    factor = torch.ones_like(windows[..., 0])
    factor[..., -CROP] = ratio.to(windows)
    return windows * factor[..., None]


def with_expression_of(windows: Tensor, other: Tensor, n_expression: int = 64) -> Tensor:
    """The first `n_expression` channels of `windows` (..., C, length), the other channels of `other` (C, length)."""
    pose = other[..., n_expression:, :].expand_as(windows[..., n_expression:, :])
    return torch.cat([windows[..., :n_expression, :], pose], dim=-2)
