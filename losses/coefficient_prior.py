"""Coefficients near the mean of the face model, and light without colour. Letters: B batch."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.face3d.coefficients import Coefficients


def coefficient_prior(estimate: Coefficients, weights: Mapping[str, float]) -> Tensor:
    """Sum over parts of weight x mean over the batch of the sum of squares (Deep3D, Deng et al. 2019, eq. 5)."""
    parts = estimate.to_arrays()
    return torch.stack([weight * parts[name].float().square().sum(1).mean() for name, weight in weights.items()]).sum()


def white_light(lighting: Tensor) -> Tensor:
    """Mean squared distance of the three colours' light (B, 27) from their mean: `gamma` of Deep3D's public code."""
    colours = lighting.float().view(-1, 3, 9)
    return (colours - colours.mean(dim=1, keepdim=True)).square().mean()
