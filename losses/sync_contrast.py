"""Lips and sound of the same moment belong together, those of other moments and of other clips do not.

The choice among many moments is that of "Perfect match" (Chung, Chung and Kang, ICASSP 2019), in both directions as in
CLIP; its form is InfoNCE (van den Oord, Li and Vinyals, 2018). SyncNet (Chung and Zisserman 2016) holds pairs against a
margin instead, which the same paper found to be weaker.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def sync_contrast(lips: Tensor, sound: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy of finding the sound of given lips among all windows of the clip, and the lips of given sound.

    Args:
        lips: (B, n, D) embeddings of n windows of B clips, of one length.
        sound: (B, n, D).
        temperature: by which cosines are divided.
    """
    scores = torch.einsum("bid,bjd->bij", F.normalize(lips, dim=-1), F.normalize(sound, dim=-1)) / temperature
    right = torch.arange(scores.shape[1], device=scores.device).expand(scores.shape[:2])
    return (F.cross_entropy(scores.transpose(1, 2), right) + F.cross_entropy(scores, right)) / 2


def sync_contrast_by_chance(windows: int) -> float:
    """What guessing costs: the loss of embeddings that say nothing."""
    return math.log(windows)
