"""Coefficients of frames by a trained network: Deep3D's with the authors' weights, or the embedded one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.assets import find
from models.face3d.alignment import SIDE, align_frames, crop, five_points, to_aligned, warp
from models.face3d.coefficients import Coefficients
from models.face3d.deep3d import read_deep3d, standard_landmarks
from models.face3d.embedded import WEIGHTS, read_embedded
from models.images import to_images
from models.weights import read_weights

if TYPE_CHECKING:
    import numpy as np

CHUNK = 32  # frames at a time
# Frames (T, H, W, 3) uint8, their alignments (T, 5), side of the picture -> pictures (T, 3, side, side) in [-1, 1]
Pictures = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class FaceReconstruction:
    """Frames and their landmarks -> coefficients.

    network: aligned pictures (B, 3, network.size, network.size) in [-1, 1] and the landmarks in them (B, 68, 2), in
    pixels of 224 -> coefficients;
    face_model, model_version: of the face model that the coefficients are of;
    points5: (5, 3) of that model's mean, decimetres: what frames are aligned by;
    pictures: how aligned pictures are cut out of frames;
    offset: where the authors' pixel centres are, as they count: 0.5 here, so 0 for networks of ours;
    limits: (2, n_expression) of the expression, which the network does not know of;
    estimator, estimator_version, licence: as they stand beside the coefficients in a shard.
    """

    network: nn.Module
    face_model: str
    model_version: str
    points5: Tensor
    pictures: Pictures
    estimator: str
    estimator_version: str
    licence: str
    offset: float = 0.0
    limits: Tensor | None = None

    @torch.inference_mode()
    def __call__(self, frames: "np.ndarray | Tensor", landmarks: "np.ndarray | Tensor") -> tuple[Coefficients, Tensor]:
        """Coefficients (T, ...) and alignments (T, 5), on the network's device; NaN where landmarks are not finite.

        Args:
            frames: (T, H, W, 3) uint8 RGB.
            landmarks: (T, 68, 2) pixels, y down, centres at +0.5.
        """
        frames, points = torch.as_tensor(frames), torch.as_tensor(landmarks).double()
        device = next(self.network.parameters()).device
        seen = points.isfinite().all(dim=(1, 2))
        filled = torch.where(seen[:, None, None], points, 0.0)
        found = align_frames(filled - self.offset, self.points5, frames.shape[2], frames.shape[1])
        found = torch.where(seen[:, None], found, torch.nan)
        rows = [part for part in torch.split(seen.nonzero()[:, 0], CHUNK) if len(part)]
        known = [self._estimate(frames[part], points[part], found[part], device) for part in rows] or [
            self._nothing(device)
        ]
        joined = {name: torch.cat([part.to_arrays()[name] for part in known]) for name in known[0].to_arrays()}
        full = Coefficients(**{name: _spread(values, seen.to(device)) for name, values in joined.items()})
        return full, found.to(device)

    def _estimate(self, frames: Tensor, points: Tensor, alignment: Tensor, device: torch.device) -> Coefficients:
        size = self.network.size
        assert isinstance(size, int)
        pictures = self.pictures(frames.to(device), alignment.to(device), size)
        aligned = to_aligned(points, alignment).float().to(device)
        estimate: Coefficients = self.network(pictures, aligned)
        if self.limits is None:
            return estimate
        low, high = self.limits.to(device)
        parts = {**estimate.to_arrays(), "expression": estimate.expression.clamp(low, high)}
        return Coefficients(**parts)

    def _nothing(self, device: torch.device) -> Coefficients:
        """Of no frame, for its sizes."""
        size = self.network.size
        assert isinstance(size, int)
        nothing = torch.zeros(1, 3, size, size, device=device), torch.zeros(1, 68, 2, device=device)
        estimate: Coefficients = self.network(*nothing)
        return estimate[:0]


def _spread(values: Tensor, seen: Tensor) -> Tensor:
    """Values (n, C) at the n true places of `seen` (T,), NaN elsewhere."""
    full = values.new_full((len(seen), values.shape[1]), torch.nan)
    full[seen] = values
    return full


def authors_pictures(frames: Tensor, alignment: Tensor, size: int) -> Tensor:
    """Deep3D's: resized by Pillow, cut at whole pixels."""
    assert size == SIDE
    pictures = [crop(frame, place) for frame, place in zip(frames.cpu().numpy(), alignment.cpu(), strict=True)]
    return torch.cat([to_images(picture[None]) for picture in pictures]).to(frames.device)


def warped_pictures(frames: Tensor, alignment: Tensor, size: int) -> Tensor:
    """Sampled in exact places: nothing trembles that does not tremble in the landmarks."""
    return warp(frames.movedim(-1, 1).float() / 127.5 - 1, alignment, size)


def load_deep3d(path: str | None = None, asset: str = "deep3d") -> FaceReconstruction:
    """Deep3D's network with the authors' weights; coefficients of `bfm`, of 257 numbers or with gaze.

    Args:
        path: of the weights; None looks for the asset. SadTalker's joint safetensors will do too.
        asset: which one; `deep3d_gaze` is the network with gaze.

    Raises:
        MissingAsset: the weights, or the standard landmarks, are not there.
        UserError: the file is of another network.
    """
    file = find(asset) if path is None else Path(path)
    network = read_deep3d(read_weights(file)).eval().requires_grad_(False)
    return FaceReconstruction(
        network=network,
        face_model="bfm",
        model_version="deep3d",  # as its authors prepare it; the file itself is not needed here
        points5=five_points(standard_landmarks(find("deep3d_landmarks"))),
        pictures=authors_pictures,
        estimator="deep3d",
        estimator_version=file.stem,
        licence="MIT; with BFM 2009 for non-commercial research only",
        offset=0.5,
    )


def load_embedded(path: str | None = None) -> FaceReconstruction:
    """The network that comes with this project, trained on its synthetic heads; coefficients of `procedural`.

    Args:
        path: of other weights of that kind.

    Raises:
        UserError: the weights were made for another version of the head.
    """
    embedded = read_embedded(WEIGHTS if path is None else Path(path))
    model = embedded.face_model
    neutral = model.shape(torch.zeros(1, model.n_identity), torch.zeros(1, model.n_expression))
    return FaceReconstruction(
        network=embedded.network.eval().requires_grad_(False),
        face_model=model.name,
        model_version=model.version,
        points5=five_points(model.landmarks68(neutral)[0]),
        pictures=warped_pictures,
        estimator="embedded",
        estimator_version=embedded.version,
        licence="as this project; trained on its own synthetic heads",
        limits=torch.stack([model.expression_low, model.expression_high]),
    )
