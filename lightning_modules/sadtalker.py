"""SadTalker's stages."""

from typing import Unpack

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.adversarial import AdversarialModule, Game
from lightning_modules.stage import Batch, OptimizerFactory, Training
from losses.adversarial import AdversarialLoss
from losses.deformation_prior import deformation_prior
from losses.equivariance import RandomWarp, equivariance
from losses.feature_matching import feature_matching
from losses.head_pose import head_pose
from losses.keypoint_prior import keypoint_prior
from metrics.l1 import L1
from metrics.psnr import PSNR
from models.sadtalker.discriminator import Discriminator
from models.sadtalker.face_vid2vid import FaceVid2Vid as Network


class FaceVid2Vid(AdversarialModule):
    """The renderer, trained self-supervised: one frame of a person moved to the pose of another (Wang et al. 2021).

    Batches are those of the view `FramePair`. Arguments beside those of `AdversarialModule`:

        perceptual: (prediction, target) -> scalar.
        head_pose: batch -> the target (B, 3) of yaw, pitch, roll of the driving frame, in radians.
        sigma_affine: spread of the affine part of the equivariance warp.
        sigma_spline: spread of its thin-plate spline.

    """

    model: Network
    discriminator: Discriminator

    def __init__(
        self,
        model: Network,
        discriminator: Discriminator,
        perceptual: nn.Module,
        head_pose: nn.Module,
        adversarial: AdversarialLoss,
        weights: dict[str, float],
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        sigma_affine: float = 0.05,
        sigma_spline: float = 0.005,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(
            model,
            discriminator,
            adversarial,
            weights,
            generator_optimizer,
            discriminator_optimizer,
            **training,
        )
        self.perceptual, self.pose_target = perceptual, head_pose
        self.sigma_affine, self.sigma_spline = sigma_affine, sigma_spline
        metrics: dict[str, Metric] = {"l1": L1(), "psnr": PSNR(), "unmoved_source": L1()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def play(self, batch: Batch) -> Game:
        """The losses of face-vid2vid, appendix A.2."""
        source, driving = batch["source"], batch["driving"]
        output = self.model(source, driving)
        fake = self.discriminator(output.prediction)
        with torch.no_grad():
            real = self.discriminator(driving)

        warp = self.warp(len(driving)).to(driving.device)
        warped_motion = self.model.head_motion(warp.image(driving))
        warped_keypoints = self.model.keypoints(output.canonical, warped_motion)

        losses = {
            "perceptual": self.perceptual(output.prediction, driving),
            "adversarial": self.adversarial.generator([judgement.score for judgement in fake]),
            "feature_matching": feature_matching([j.features for j in fake], [j.features for j in real]),
            "equivariance": equivariance(output.driving_keypoints, warped_keypoints, warp),
            "keypoint": keypoint_prior(output.driving_keypoints),
            "head_pose": head_pose(output.driving_motion.angles, self.pose_target(batch)),
            "deformation": deformation_prior(output.driving_motion.deformation),
        }
        return Game(losses, real=driving, fake=output.prediction)

    def warp(self, count: int) -> RandomWarp:
        """The warps of this process's examples."""
        everyone = count * self.trainer.world_size
        random = self.step_random()
        return RandomWarp.draw(everyone, random, self.sigma_affine, self.sigma_spline)[self.share(count)]

    def measure(self, batch: Batch) -> None:
        """L1 and PSNR of the reconstruction, and the L1 of a source that does not move at all."""
        prediction = self.model(batch["source"], batch["driving"]).prediction
        self.metrics["l1"].update(prediction, batch["driving"])
        self.metrics["psnr"].update(prediction, batch["driving"])
        self.metrics["unmoved_source"].update(batch["source"], batch["driving"])

    def validated(self, values: dict[str, float]) -> dict[str, float]:
        """With `l1_ratio`: below 1, the network is better than showing the source."""
        return values | {"l1_ratio": values["l1"] / values["unmoved_source"]}

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Source, driving and prediction side by side."""
        prediction = self.model(batch["source"], batch["driving"]).prediction
        return {"source": batch["source"], "driving": batch["driving"], "prediction": prediction}
