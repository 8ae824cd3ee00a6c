"""How heads are turned, as `metrics.head_motion` has it: yaw, pitch, roll in degrees, then an embedding."""

import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from models.head_pose import euler_angles, head_rotation
from models.recognition.hopenet import load_hopenet
from models.sadtalker.keypoint_transform import bins_to_degrees


class HopenetPose:
    """Angles and embedding `(n, 3 + 2048)` by Hopenet (Ruiz et al. 2018), which looks at whole frames, as SadTalker's.

    Args:
        device: where the network runs.

    Raises:
        MissingAsset: the weights `hopenet` are not there.

    """

    per_frame = True
    stand_in: str | None = None
    licence = "Apache-2.0 (trained on 300W-LP, for research only)"

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._network = load_hopenet().to(device).eval().requires_grad_(False)

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    @torch.inference_mode()
    def see(self, piece: Piece) -> Tensor:
        """Angles and embedding, NaN without a face."""
        feature = self._network.embed(piece.images.to(self._device))
        motion = torch.cat([bins_to_degrees(self._network.head(feature)), feature.float()], dim=1).cpu()
        seen = piece.landmarks.isfinite().all(dim=(1, 2))
        return torch.where(seen[:, None], motion, torch.nan)


class LandmarkPose:
    """Angles `(n, 3 + 3)` of a rough head fitted to ten landmarks; the embedding is the angles again.

    Args:
        device: not used.

    """

    per_frame = True
    stand_in: str | None = "landmarks"
    licence = "that of the analyser of landmarks"

    def __init__(self, device: torch.device) -> None:
        pass

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Angles twice, NaN without a face."""
        angles = torch.rad2deg(euler_angles(head_rotation(piece.landmarks)))
        return torch.cat([angles, angles], dim=1)
