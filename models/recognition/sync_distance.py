"""How far lips and sound are apart when one is shifted against the other: what LSE-C and LSE-D are read from.

Of SyncNet's published evaluation (Chung and Zisserman 2016, sec. 4; Prajwal et al. 2020, sec. 4.2, take it over).
Letters: T embeddings of one clip, one per frame of 25 fps video; D their size; S = 2 shift + 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import UserError

SHIFT = 15  # frames to either side that are tried, as the published numbers do
SMOOTHING = 9  # frames, of the confidence of single frames


@dataclass(frozen=True)
class SyncDistance:
    """What one clip gives.

    Attributes:
        distances: (T, S) of lips i from sound i + j - shift; beyond the ends the sound is zeros.
        mean: (S,) over the frames; NaN rows (no face) are left out.
        error: smallest mean: LSE-D.
        confidence: median less smallest mean: LSE-C.
        offset: shift that fits best, in frames; positive when the sound that fits comes earlier than the lips.
        frame_confidence: (T,) median of the means less the distance at the best shift, smoothed by a median of nine.

    """

    distances: Tensor
    mean: Tensor
    error: Tensor
    confidence: Tensor
    offset: Tensor
    frame_confidence: Tensor


def shifted_distances(lips: Tensor, sound: Tensor, shift: int = SHIFT) -> Tensor:
    """(T, D) and (T, D) -> (T, S): |lips_i - sound_(i + j - shift) + 1e-6|, the sound between zeros.

    Raises:
        UserError: the two are not (T, D) alike.
    """
    if lips.ndim != 2 or lips.shape != sound.shape or not len(lips):
        raise UserError(
            f"lips {tuple(lips.shape)} and sound {tuple(sound.shape)} must both be (T, D): is the video 25 fps and the "
            "sound 16 kHz, and are they of one length?"
        )
    if shift < 0:
        raise UserError(f"a shift of {shift} frames: it is 0 or more")
    padded = F.pad(sound, (0, 0, shift, shift))
    return torch.stack([F.pairwise_distance(lips, padded[first:][: len(lips)]) for first in range(2 * shift + 1)], 1)


def sync_distance(lips: Tensor, sound: Tensor, shift: int = SHIFT) -> SyncDistance:
    """Embeddings (T, D) of the lips and of the sound of one clip -> how far they are apart.

    Raises:
        UserError: as for `shifted_distances`.
    """
    distances = shifted_distances(lips, sound, shift)
    # Shifts with nothing but zeros are equally far; each is summed alike, so that the first of them is the best one.
    mean = distances.T.contiguous().double().nanmean(dim=1)
    best = mean.argmin()
    median = mean.median()
    single = median - distances[:, best].double()
    margin = SMOOTHING // 2
    return SyncDistance(
        distances=distances,
        mean=mean,
        error=mean[best],
        confidence=median - mean[best],
        offset=shift - best,
        frame_confidence=F.pad(single, (margin, margin)).unfold(0, SMOOTHING, 1).median(dim=1).values,
    )
