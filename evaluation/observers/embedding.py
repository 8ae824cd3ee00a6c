"""Who somebody is, by a face analyser's identity network."""

import numpy as np
import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from preparation.faces import Analyser


class Embedding:
    """Identity embeddings `(n, D)` by a face analyser such as dlib's.

    Args:
        analyser: embeds the faces that were found.
        size: D.
        device: not used.

    """

    per_frame = True

    def __init__(self, analyser: Analyser, size: int, device: torch.device) -> None:
        self.analyser, self.size = analyser, size
        self.stand_in: str | None = analyser.name
        self.licence = analyser.licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Embeddings, NaN without a face."""
        rows = np.full((len(piece), self.size), np.nan, np.float32)
        for row, frame, face in zip(rows, piece.frames, piece.faces):
            found = None if face is None else self.analyser.embedding(frame, face)
            if found is not None:
                row[:] = found
        return torch.from_numpy(rows)
