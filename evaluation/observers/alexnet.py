"""What LPIPS compares."""

import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from metrics.frame_mean import check_range
from models.assets import registry
from models.recognition.lpips_features import load_lpips_features


class AlexNet:
    """Features `(n, F)` of the whole pictures at their own size, whose squared distance is LPIPS.

    Args:
        device: where the network runs.

    Raises:
        MissingAsset: the weights `alexnet` are not here.

    """

    stand_in: str | None = None
    per_frame = True

    def __init__(self, device: torch.device) -> None:
        self.network = load_lpips_features().eval().requires_grad_(False).to(device)
        self.device, self.licence = device, registry()["alexnet"].licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    @torch.inference_mode()
    def see(self, piece: Piece) -> Tensor:
        """Features of every frame."""
        check_range("a frame", piece.images)
        return self.network(piece.images.to(self.device)).cpu()
