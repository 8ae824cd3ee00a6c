"""Spherical-harmonics light of order 2 with Deep3D's constants."""

from math import pi, sqrt

import torch
from torch import Tensor

AMBIENT = 0.8  # added to the first of each nine, so that zero is a plain white light
_A = (pi, 2 * pi / sqrt(3), 2 * pi / sqrt(8))
_C = (1 / sqrt(4 * pi), sqrt(3) / sqrt(4 * pi), 3 * sqrt(5) / sqrt(12 * pi))


def harmonics(normals: Tensor) -> Tensor:
    """The nine functions (..., 9) of unit normals (..., 3)."""
    x, y, z = normals.unbind(-1)
    first, second = _A[1] * _C[1], _A[2] * _C[2]
    return torch.stack(
        [
            torch.full_like(x, _A[0] * _C[0]),
            -first * y,
            first * z,
            -first * x,
            second * x * y,
            -second * y * z,
            0.5 / sqrt(3) * second * (3 * z * z - 1),
            -second * x * z,
            0.5 * second * (x * x - y * y),
        ],
        dim=-1,
    )


def shade(albedo: Tensor, normals: Tensor, lighting: Tensor) -> Tensor:
    """Lit colours, not clipped.

    Args:
        albedo: (B, ..., 3) RGB in [0, 1].
        normals: (B, ..., 3) unit length, in the world (turned with the head).
        lighting: (B, 27), 3 colours x 9; `AMBIENT` is added here.
    """
    gamma = lighting.view(-1, 3, 9)
    gamma = torch.cat([gamma[..., :1] + AMBIENT, gamma[..., 1:]], dim=-1)
    basis = harmonics(normals)
    light = basis.flatten(1, -2) @ gamma.transpose(-1, -2)
    return albedo * light.view(albedo.shape)
