"""Lip sync error, confidence."""

from typing import ClassVar

from torch import Tensor

from metrics.lip_sync import LipSyncMetric
from models.recognition.sync_distance import sync_distance


class LSEC(LipSyncMetric):
    """LSE-C (Prajwal et al. 2020, Wav2Lip, sec. 4.2): how much better the best shift fits than the others.

    Median less smallest of the 31 mean distances that lips and sound have when shifted by -15 to 15 frames; see `LSED`.
    Mean over clips. Higher is better; for the real videos of LRS2 people report 6.8 to 8.2.
    """

    title: ClassVar[str] = "LSE-C"
    higher_is_better: ClassVar[bool] = True

    def measure(self, lips: Tensor, sound: Tensor) -> Tensor:
        """See `LipSyncMetric`."""
        return sync_distance(lips, sound).confidence
