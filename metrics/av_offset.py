"""How many frames lips and sound are apart in time."""

from typing import ClassVar

from torch import Tensor

from metrics.lip_sync import LipSyncMetric
from models.recognition.sync_distance import sync_distance


class AVOffset(LipSyncMetric):
    """Mean over clips of the shift in frames, either way, at which lips and sound fit best (Chung and Zisserman 2016).

    LSE-C and LSE-D look for the best of 31 shifts themselves, so sound that is a little late hardly changes them: this
    is the number that tells. Lower is better; 0 is in step, 15 the most that can be found.
    """

    title: ClassVar[str] = "AV-Offset"
    unit: str = "frames"
    higher_is_better: ClassVar[bool] = False

    def measure(self, lips: Tensor, sound: Tensor) -> Tensor:
        """See `LipSyncMetric`."""
        return sync_distance(lips, sound).offset.abs().to(lips.dtype)
