"""Lip sync error, distance, after soft alignment."""

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from metrics.lip_sync import LipSyncMetric
from metrics.soft_dtw import cost_per_step
from models.recognition.sync_distance import SHIFT


class SoftDTWLSED(LipSyncMetric):
    """SoftDTW-LSE-D: how far lips and sound are apart after a soft alignment in time, per step of the alignment.

    Costs are LSE-D's distances |lip_i - sound_j + 1e-6|; the alignment is soft dynamic time warping (Cuturi and Blondel
    2017) in which lips and sound may part by at most 15 frames, LSE-D's shift. The value is the mean cost of a path
    divided by its mean length, so it is in LSE-D's unit and does not depend on how long a clip is. LSE-D allows one
    shift for the whole clip; this allows another one at every frame, but a path starts and ends together with the clip.
    After the proposal to align before comparing (Zhang et al. 2026, Temporally-Aligned Evaluation for Audio-Driven
    Talking Head Generation); the normalisation per step is ours. Mean over clips. Lower is better.

    Args:
        gamma: how soft, in the unit of the distances; values for different gammas cannot be compared.
        window, stand_in: see `LipSyncMetric`.

    """

    title: ClassVar[str] = "SoftDTW-LSE-D"
    higher_is_better: ClassVar[bool] = False

    def __init__(self, gamma: float = 0.1, window: int = 5, stand_in: str | None = None) -> None:
        super().__init__(window, stand_in)
        self.gamma = gamma

    def measure(self, lips: Tensor, sound: Tensor) -> Tensor:
        """See `LipSyncMetric`; the sound of frames without a face is left out too."""
        seen = lips.isfinite().all(dim=1)
        lips, sound = lips[seen].double(), sound[seen].double()
        return cost_per_step(F.pairwise_distance(lips[:, None], sound)[None], self.gamma, SHIFT)[0]
