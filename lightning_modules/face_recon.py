"""Training of a regressor from frames to the coefficients of a face model."""

from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.stage import Batch, OptimizerFactory, Training
from lightning_modules.supervised import SupervisedModule
from losses.coefficient_prior import coefficient_prior, white_light
from losses.coefficient_truth import coefficient_truth
from losses.photometric import photometric
from losses.silhouette import silhouette
from losses.weighted_landmarks import landmark_weights as weights_of_parts
from losses.weighted_landmarks import weighted_landmarks
from metrics.correlation import Correlation
from metrics.gaze_error import GazeError
from metrics.lmd import LMD
from metrics.nme import NME
from metrics.rotation_error import RotationError
from models.face3d.alignment import SIDE, align_frames, five_points, misaligned, to_aligned, warp
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.projection import project_landmarks, project_vertices
from models.face3d.realign import realign
from models.face3d.renderer import Rendering, render

JAW = "jawOpen"
REPORTED = 256  # side of the picture in whose pixels the landmark error is logged


@dataclass(frozen=True)
class Faces:
    """Aligned frames: image (B, 3, size, size) in [-1, 1], mask of the head (B, 1, size, size) in [0, 1] if known,
    landmarks, with pupils if known, (B, 68 or 70, 2) in pixels of 224, coefficients if known.
    """

    image: Tensor
    mask: Tensor | None
    points: Tensor
    truth: Coefficients | None


class FaceRecon(SupervisedModule):
    """The face reconstruction networks of Deep3D (Deng et al. 2019), MegaFR (sec. 3.1) and HifiHead (sec. 3.1).

    Batches are those of the view `FaceFrames`. A loss of weight 0 is not computed. Arguments beside those of
    `SupervisedModule`:

        model: aligned pictures -> coefficients of `face_model`.
        face_model: what the coefficients mean.
        landmark_weights: of parts of the landmarks, pupils with the eyes; the others weigh 1.
        prior: weights of the parts of the coefficients in the loss `prior`.
        shift: training frames are misaligned by up to so many pixels of 224, each way.
        zoom: and by up to this fraction in scale.
        landmark_noise: standard deviation in pixels of 224 of the landmarks that a model is told in training.
    """

    def __init__(
        self,
        model: nn.Module,
        face_model: FaceModel,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        landmark_weights: dict[str, float],
        prior: dict[str, float],
        shift: float = 10.0,
        zoom: float = 0.1,
        landmark_noise: float = 0.0,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        self.face_model, self.prior, self.shift, self.zoom = face_model, prior, shift, zoom
        self.landmark_noise = landmark_noise
        assert isinstance(model.size, int)
        self.side = model.size
        self.point_weights: Tensor
        self.points5: Tensor
        pupils = torch.full((2,), landmark_weights.get("eyes", 1.0))
        every = torch.cat([weights_of_parts(landmark_weights), pupils])
        self.register_buffer("point_weights", every, persistent=False)
        neutral = face_model.shape(*(torch.zeros(1, n) for n in (face_model.n_identity, face_model.n_expression)))
        self.register_buffer("points5", five_points(face_model.landmarks68(neutral)[0]), persistent=False)
        names = list(face_model.expression_names)
        self.jaw = names.index(JAW) if JAW in names else None
        metrics: dict[str, Metric] = {"landmarks": LMD(REPORTED), "nme": NME()}
        metrics |= {"rotation": RotationError(), "gaze": GazeError(), "jaw": Correlation()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def faces(self, batch: Batch, random: torch.Generator | None = None) -> Faces:
        """Align the frames by their landmarks; in training not quite, by errors from `random`."""
        frames, landmarks = batch["image"], batch["landmarks"].float()
        height, width = frames.shape[-2:]
        alignment = align_frames(landmarks, self.points5, width, height)
        if random is not None:
            everyone = len(frames) * self.trainer.world_size
            noise = 2 * torch.rand(everyone, 3, generator=random)[self.share(len(frames))] - 1
            alignment = misaligned(alignment, noise.to(alignment), self.shift, self.zoom)
        known = torch.cat([landmarks, batch["pupils"].float()], dim=1) if "pupils" in batch else landmarks
        points, truth = to_aligned(known, alignment), None
        if "truth_alignment" in batch:
            stored = {k.removeprefix("truth_"): v for k, v in batch.items() if k.startswith("truth_")}
            truth = Coefficients.from_arrays(stored)
            truth = realign(self.face_model, truth, stored["alignment"].to(alignment), alignment)
        mask = warp(batch["mask"], alignment, self.side) if "mask" in batch else None
        return Faces(warp(frames, alignment, self.side), mask, points, truth)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """See `compare`; those that need what the batch does not have are left out."""
        random = self.step_random()
        with self.exactly():
            faces = self.faces(batch, random)
            told = faces.points[:, :68] + self.noise(faces.points[:, :68], random)
        estimate = self.model(faces.image, told).map(Tensor.float)
        with self.exactly():
            return self.compare(estimate, faces)

    def noise(self, points: Tensor, random: torch.Generator) -> Tensor:
        """Errors of landmarks (B, 68, 2) as a detector makes them."""
        everyone = len(points) * self.trainer.world_size
        drawn = torch.randn(everyone, *points.shape[1:], generator=random)[self.share(len(points))]
        return self.landmark_noise * drawn.to(points)

    def compare(self, estimate: Coefficients, faces: Faces) -> dict[str, Tensor]:
        """The losses of weight other than 0 of coefficients against what is known of the faces."""
        count, wanted = faces.points.shape[1], {name for name, weight in self.weights.items() if weight}
        points = project_landmarks(self.face_model, estimate, Camera.deep3d(SIDE))[:, :count]
        losses = {"landmarks": weighted_landmarks(points, faces.points, self.point_weights[:count])}
        if "prior" in wanted:
            losses["prior"] = coefficient_prior(estimate, self.prior)
        if "white_light" in wanted:
            losses["white_light"] = white_light(estimate.lighting)
        if faces.truth is not None:
            losses |= {f"truth_{name}": loss for name, loss in coefficient_truth(estimate, faces.truth).items()}
        if wanted & {"photometric", "silhouette"}:
            seen = self.rendered(estimate)
            losses["photometric"] = photometric(seen.image, faces.image, seen.mask)
            mask = faces.mask if faces.truth is None else self.rendered(faces.truth).mask
            if mask is not None:
                outline = project_vertices(self.face_model, estimate, Camera.deep3d(self.side))
                losses["silhouette"] = silhouette(outline, seen.mask, mask)
        return {name: loss for name, loss in losses.items() if name in wanted}

    def rendered(self, faces: Coefficients) -> Rendering:
        """Pictures as large as those that the network sees."""
        return render(self.face_model, faces, Camera.deep3d(self.side))

    def exactly(self) -> torch.autocast:
        """Geometry is not for half precision."""
        return torch.autocast(self.device.type, enabled=False)

    def measure(self, batch: Batch) -> None:
        """Landmarks in pixels of 256 and in per cent of the distance of the eyes; with truth, degrees and the jaw."""
        with self.exactly():
            faces = self.faces(batch)
            estimate = self.model(faces.image, faces.points[:, :68]).map(Tensor.float)
            seen = project_landmarks(self.face_model, estimate, Camera.deep3d(REPORTED))[:, :68]
            known = faces.points[:, :68] * (REPORTED / SIDE)
        self.metrics["landmarks"].update(seen, known)
        self.metrics["nme"].update(seen, known)
        if faces.truth is None:
            return
        self.metrics["rotation"].update(estimate.rotation, faces.truth.rotation)
        self.metrics["gaze"].update(estimate.gaze, faces.truth.gaze)
        if self.jaw is not None:
            self.metrics["jaw"].update(estimate.expression[:, self.jaw], faces.truth.expression[:, self.jaw])

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """What the network sees, the face that it makes of it, and one over the other."""
        with self.exactly():
            faces = self.faces(batch)
            seen = self.rendered(self.model(faces.image, faces.points[:, :68]).map(Tensor.float))
        over = torch.where(seen.mask > 0, seen.image, faces.image)
        return {"picture": faces.image, "estimate": seen.image, "over": (over + faces.image) / 2}
