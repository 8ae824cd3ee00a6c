"""What FID and KID compare."""

import io

import torch
from torch import Tensor, nn

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from metrics.frame_mean import check_range
from models.assets import find, registry
from models.weights import read_weights


class Inception:
    """The 2,048 pooled features `(n, 2048)` of the Inception network that FID was defined with (weights of 2015-12-05).

    Pictures are scaled to 299 pixels as TensorFlow 1 did, by torch-fidelity: other programs' values differ.

    Args:
        device: where the network runs.

    Raises:
        MissingAsset: the weights `inception` are not here.

    """

    stand_in: str | None = None
    per_frame = True

    def __init__(self, device: torch.device) -> None:
        self.network = load_inception().to(device)
        self.device, self.licence = device, registry()["inception"].licence

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    @torch.inference_mode()
    def see(self, piece: Piece) -> Tensor:
        """Features of every frame."""
        check_range("a frame", piece.images)
        # The network wants bytes and takes floats of any range in silence elsewhere: rounded here, not cut off.
        pictures = ((piece.images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return self.network(pictures.to(self.device))[0].cpu()


def load_inception() -> nn.Module:
    """torch-fidelity's network, frozen: uint8 images `(B, 3, S, S)` -> a tuple of its 2,048 features `(B, 2048)`."""
    weights = read_weights(find("inception"))
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    harmless = io.BytesIO()  # torch-fidelity unpickles whatever is in the file that it is given
    torch.save(dict(weights), harmless)
    harmless.seek(0)
    network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=harmless)
    return network.eval().requires_grad_(False)
