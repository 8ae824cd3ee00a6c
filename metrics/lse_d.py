"""Lip sync error, distance."""

from typing import ClassVar

from torch import Tensor

from metrics.lip_sync import LipSyncMetric
from models.recognition.sync_distance import sync_distance


class LSED(LipSyncMetric):
    """LSE-D (Prajwal et al. 2020, Wav2Lip, sec. 4.2): how far lips and sound are apart where they fit best.

    Mean over frames of |lip_i - sound_(i + k)|, for the shift k of at most 15 frames where that mean is smallest; the
    embeddings are SyncNet's (Chung and Zisserman 2016), not normalised. Mean over clips. Lower is better; for the
    real videos of LRS2 people report 6.3 to 7.2.
    """

    title: ClassVar[str] = "LSE-D"
    higher_is_better: ClassVar[bool] = False

    def measure(self, lips: Tensor, sound: Tensor) -> Tensor:
        """See `LipSyncMetric`."""
        return sync_distance(lips, sound).error
