"""68 landmarks."""

import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher


class Landmarks:
    """The landmarks `(n, 68, 2)` in pixels of 256 of the analyser that finds the faces.

    Args:
        name: of that analyser: it stands in for the papers' detectors.
        licence: its licence.
        device: not used.

    """

    per_frame = True

    def __init__(self, name: str, licence: str, device: torch.device) -> None:
        self.stand_in: str | None = name
        self.licence = licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Landmarks, NaN without a face."""
        return piece.landmarks
