"""Who somebody is, by ArcFace."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from evaluation.footage import SIDE, Piece
from evaluation.observers.observer import Watcher
from models.assets import find, registry
from models.recognition.arcface_crop import arcface_crop
from models.recognition.iresnet import EMBEDDING, read_iresnet
from models.weights import read_weights


class ArcFace:
    """Identity embeddings `(n, 512)` of unit length, of the pictures at their own size.

    Args:
        asset: whose weights; any depth of arcface_torch.
        device: where the network runs.

    Raises:
        MissingAsset: the weights are not here.

    """

    stand_in: str | None = None
    per_frame = True

    def __init__(self, asset: str, device: torch.device) -> None:
        self.network = read_iresnet(read_weights(find(asset))).eval().requires_grad_(False).to(device)
        self.device, self.licence = device, registry()[asset].licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    @torch.inference_mode()
    def see(self, piece: Piece) -> Tensor:
        """Embeddings, NaN without a face."""
        landmarks = piece.landmarks * (piece.images.shape[-1] / SIDE)
        found = landmarks.isfinite().all(dim=(1, 2))
        rows = torch.full((len(piece), EMBEDDING), torch.nan)
        if found.any():
            faces = arcface_crop(piece.images[found].to(self.device), landmarks[found].to(self.device))
            rows[found] = normalize(self.network(faces)).cpu()
        return rows
