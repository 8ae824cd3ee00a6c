"""A generator's first hour, when there is neither a GPU nor a pre-trained one."""

from typing import Unpack

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.stage import Batch, OptimizerFactory, Training
from lightning_modules.supervised import SupervisedModule
from losses.prior_divergence import prior_divergence
from metrics.l1 import L1
from metrics.sliced_wasserstein import SlicedWasserstein
from models.stylegan.generator import Generator


class VariationalStart(SupervisedModule):
    """The generator as the decoder of a variational autoencoder: every picture teaches it all of its pixels.

    A game against a discriminator tells it far less, so that a hundred thousand pictures are few there and many here.
    What comes out is soft, but its z are normal and its faces are faces: `module.start` of the game
    (`lightning_modules.stylegan`). Batches are those of the view `Frame`. Arguments beside those of `SupervisedModule`:

        model: StyleGAN2 or StyleGAN3; noise is not used.
        encoder: pictures -> mean and log variance of z.
        perceptual: (prediction, target) -> scalar.
    """

    model: Generator

    def __init__(
        self,
        model: Generator,
        encoder: nn.Module,
        perceptual: nn.Module,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        self.encoder, self.perceptual = encoder, perceptual
        metrics: dict[str, Metric] = {"l1": L1(), "swd": SlicedWasserstein()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def networks(self) -> dict[str, nn.Module]:
        """Both halves."""
        return {**super().networks(), "encoder": self.encoder}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """How unlike the decoded picture is, and how far its z is from normal."""
        self.model.mapping.w_mean.fill_(torch.nan)  # it moves with the weights
        mean, log_variance = self.encoder(batch["image"])
        draw = torch.randn(self.trainer.world_size * len(mean), mean.shape[1], generator=self.step_random())
        z = mean + (log_variance / 2).exp() * draw[self.share(len(mean))].to(mean)
        picture = self.decoded(z)
        return {
            "perceptual": self.perceptual(picture, batch["image"]),
            "l1": (picture - batch["image"]).abs().mean(),
            "divergence": prior_divergence(mean, log_variance),
        }

    def decoded(self, z: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) of z (B, z_dim)."""
        return self.model(self.model.map(z), noise="none").image

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One for both halves."""
        return self.scheduled(self.optimizer([*self.model.parameters(), *self.encoder.parameters()]))

    def measure(self, batch: Batch) -> None:
        """L1 of the decoded pictures; sliced Wasserstein distance of pictures from noise."""
        self.metrics["l1"].update(self.decoded(self.encoder(batch["image"])[0]).clamp(-1, 1), batch["image"])
        self.metrics["swd"].update(self.from_noise(batch), batch["image"])

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Real pictures, decoded ones, and others from noise."""
        decoded = self.decoded(self.encoder(batch["image"])[0])
        return {"real": batch["image"], "decoded": decoded, "generated": self.from_noise(batch)}

    def from_noise(self, batch: Batch) -> Tensor:
        """As many pictures as the batch has, always the same for a number in its data set."""
        z = [
            torch.randn(self.model.z_dim, generator=torch.Generator().manual_seed(n)) for n in batch["sample"].tolist()
        ]
        return self.decoded(torch.stack(z).to(self.device)).clamp(-1, 1)
