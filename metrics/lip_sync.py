"""What the metrics of lip synchronisation share."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from metrics.frame_mean import FrameMean
from models.errors import UserError
from models.recognition.sync_distance import SHIFT

MINIMUM = SHIFT + 1  # embeddings: with fewer, some shifts would compare the lips with nothing but padding


class LipSyncMetric(FrameMean):
    """One number per clip from embeddings `(n, D)` of its lips and of its sound, one per frame of 25 fps video.

    With SyncNet n is five less than the clip's frames, as in its published evaluation. Lips without a face are NaN and
    left out; a clip with fewer than 16 others is counted as missing. The mean is over clips. The published pipeline
    only looks at clips of more than 100 frames: values of shorter ones are not comparable with papers, because more of
    the shifted sound is padding.

    Args:
        window: frames that one embedding sees; SyncNet's 5, or those of the network in its place.
        stand_in: short name of that network.

    """

    whole_clip: ClassVar[bool] = True
    counted: ClassVar[str] = "clips"

    def __init__(self, window: int = 5, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        self.window = window
        self.minimum_frames = MINIMUM + window

    def update(self, lips: Tensor, sound: Tensor) -> None:
        """Add one clip.

        Raises:
            UserError: the clip is too short, or lips and sound differ in length.
        """
        if lips.ndim != 2 or lips.shape != sound.shape:
            raise UserError(
                f"{self.label} compares embeddings (n, D) of lips and sound, got {tuple(lips.shape)} and "
                f"{tuple(sound.shape)}: it needs all frames of a 25 fps video and 640 samples of 16 kHz sound for each"
            )
        if len(lips) < MINIMUM:
            raise UserError(
                f"{self.label} needs clips of at least {self.minimum_frames} frames ({MINIMUM} embeddings of "
                f"{self.window} frames), this one has {len(lips)} embeddings: take longer clips, or leave this line out"
            )
        if not sound.isfinite().all():
            raise ValueError("the embeddings of the sound are not finite")
        seen = lips.isfinite().all(dim=1)
        value = self.measure(lips, sound) if seen.sum() >= MINIMUM else lips.new_tensor(torch.nan)
        self.add(value.reshape(1))

    @abstractmethod
    def measure(self, lips: Tensor, sound: Tensor) -> Tensor:
        """The clip's number; rows of NaN among the lips are to be left out."""
