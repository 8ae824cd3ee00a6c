"""Landmarks of a face model against those of the frame, some of them weighing more."""

from collections.abc import Mapping

import torch
from torch import Tensor

from models.errors import UserError

# Parts of the 68 points; the tip of the nose is what Deep3D's public code calls nose
PARTS = {
    "jaw": range(17),
    "brows": range(17, 27),
    "bridge": range(27, 28),
    "nose": range(28, 31),
    "nostrils": range(31, 36),
    "eyes": range(36, 48),
    "lips": range(48, 60),
    "inner_mouth": range(60, 68),
}


def landmark_weights(parts: Mapping[str, float]) -> Tensor:
    """(68,) weights: those of `parts`, 1 elsewhere.

    Raises:
        UserError: there is no such part.
    """
    unknown = parts.keys() - PARTS.keys()
    if unknown:
        raise UserError(f"landmarks have no part {', '.join(unknown)}; they have {', '.join(PARTS)}")
    weights = torch.ones(68)
    for part, weight in parts.items():
        weights[list(PARTS[part])] = weight
    return weights


def weighted_landmarks(estimate: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean over the known points of the batch of weight x squared distance (Deep3D, Deng et al. 2019, eq. 3).

    Args:
        estimate: (B, K, 2) pixels of the aligned picture of 224; the weight of the loss belongs to that size.
        target: the same; points that are not finite do not count.
        weights: (K,).
    """
    known = target.isfinite().all(dim=2)
    difference = estimate.float() - torch.where(known[..., None], target.float(), estimate.detach().float())
    return (difference.square().sum(dim=2) * weights).sum() / known.sum().clamp(min=1)
