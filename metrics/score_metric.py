"""What all metrics of a result table share: a name, a unit, a direction, and how much they have counted."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric


class ScoreMetric(Metric):
    """A number of a result table. It takes what observers have seen (`evaluation.observers`) and holds no network.

    All states are reduced by addition or by concatenation, so ranks may have seen different numbers of frames, none
    included.

    Args:
        stand_in: the freely available network that has seen in place of the one of the papers; None if it is theirs.

    Attributes:
        title: as the papers print it.
        unit: of the value, "" if it has none.
        minimum_frames: how many frames of a clip are needed.
        whole_clip: one `update` takes all frames of one clip, else any frames of any clips.
        counted: what `count` counts.

    """

    title: ClassVar[str]
    unit: str = ""
    minimum_frames: int = 1
    whole_clip: ClassVar[bool] = False
    counted: ClassVar[str] = "frames"
    is_differentiable = False
    full_state_update = False
    count: Tensor
    missing: Tensor

    def __init__(self, stand_in: str | None = None) -> None:
        super().__init__()
        self.stand_in = stand_in
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("missing", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    @property
    def label(self) -> str:
        """The name to print: the title, with the stand-in in brackets, e.g. `CSIM[dlib]`."""
        return self.title if self.stand_in is None else f"{self.title}[{self.stand_in}]"

    @property
    def note(self) -> str:
        """What a reader must know who compares the value with others; "" when there is nothing to say."""
        return ""
