"""3DMM coefficients of frames."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from models.face3d.deep3d import Deep3D
from models.face3d.recon import FaceReconstruction


class FaceCoefficients:
    """All coefficients `(n, 261)` in HifiHead's order; `Coefficients.from_vector` gives the parts back.

    One vector holds every part, so that the network runs once for all metrics. Gaze is NaN where the network does not
    see it.

    Args:
        load: makes the reconstruction, e.g. `models.face3d.recon.load_deep3d`; raises `MissingAsset` without its files.
        device: where the network runs.
        stand_in: None for the network of the papers.

    """

    per_frame = True

    def __init__(self, load: Callable[[], FaceReconstruction], device: torch.device, stand_in: str | None) -> None:
        self.stand_in = stand_in
        self._reconstruction = load()
        self._reconstruction.network.to(device)
        self.licence = self._reconstruction.licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Coefficients, NaN without a face."""
        estimate, _ = self._reconstruction(np.array(piece.frames), piece.landmarks)
        network = self._reconstruction.network
        if isinstance(network, Deep3D) and not network.gaze:
            estimate = replace(estimate, gaze=torch.full_like(estimate.gaze, torch.nan))
        return estimate.to_vector("hifihead").float().cpu()
