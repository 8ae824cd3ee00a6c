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
        stand_in: None for the network of the papers.
        device: not used.

    """

    per_frame = True

    def __init__(self, analyser: Analyser, size: int, stand_in: str | None, device: torch.device) -> None:
        self.analyser, self.size, self.stand_in = analyser, size, stand_in
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
