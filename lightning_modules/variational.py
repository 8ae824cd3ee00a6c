"""Training of a generator that is the decoder of a variational autoencoder too: for hours, where others have weeks.

A game against a discriminator tells a generator little with every picture; a picture that it is to make again teaches
it all of its pixels. The embedded generators are trained so: `VariationalStart`, then `VariationalGAN`.
"""

from pathlib import Path
from typing import Any, Unpack

import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.adversarial import Game
from lightning_modules.stage import Batch, OptimizerFactory, StageModule, Training
from lightning_modules.stylegan import StyleGAN, numbered_z
from lightning_modules.supervised import SupervisedModule
from losses.prior_divergence import prior_divergence
from metrics.l1 import L1
from metrics.sliced_wasserstein import SlicedWasserstein
from models.stylegan.generator import Generator
from models.stylegan.pretrained import read_generator
from models.weights import load_strictly, read_weights


class Variational(StageModule):
    """What both stages do (Kingma and Welling, ICLR 2014). Batches are those of the view `Frame`; noise is not used."""

    model: Generator

    def hold(self, encoder: nn.Module, perceptual: nn.Module, start: str | None) -> None:
        """Keep what makes an autoencoder of the generator.

        Args:
            encoder: the other half, pictures -> mean and log variance of z.
            perceptual: (prediction, target) -> scalar.
            start: a checkpoint of such a training to go on from; None: nothing.
        """
        self.encoder, self.perceptual = encoder, perceptual
        if start is not None:
            load_strictly(encoder, read_weights(Path(start)).part("state_dict").part("encoder"))
            load_strictly(self.model, read_generator(start).state_dict())
        metrics: dict[str, Metric] = {"l1": L1(), "swd": SlicedWasserstein()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def networks(self) -> dict[str, nn.Module]:
        """With the encoder."""
        return {**super().networks(), "encoder": self.encoder}

    def reconstruction(self, image: Tensor) -> dict[str, Tensor]:
        """How unlike the decoded pictures are, and how far their z are from normal."""
        mean, log_variance = self.encoder(image)
        draw = torch.randn(self.trainer.world_size * len(mean), mean.shape[1], generator=self.step_random())
        z = mean + (log_variance / 2).exp() * draw[self.share(len(mean))].to(mean)
        picture = self.decoded(z)
        return {
            "perceptual": self.perceptual(picture, image),
            "l1": (picture - image).abs().mean(),
            "divergence": prior_divergence(mean, log_variance),
        }

    def decoded(self, z: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) of z (B, z_dim)."""
        return self.model(self.model.map(z), noise="none").image

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
        return self.decoded(numbered_z(batch, self.model.z_dim).to(self.device)).clamp(-1, 1)


class VariationalStart(Variational, SupervisedModule):
    """Without a game: soft pictures, faces soon. Arguments beside those of `SupervisedModule`:

    model: StyleGAN2 or StyleGAN3.
    encoder: see `Variational.hold`.
    perceptual: the same.
    """

    def __init__(
        self,
        model: Generator,
        encoder: nn.Module,
        perceptual: nn.Module,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        start: str | None = None,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        self.hold(encoder, perceptual, start)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """See `Variational.reconstruction`."""
        self.model.mapping.w_mean.fill_(torch.nan)  # it moves with the weights
        return self.reconstruction(batch["image"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """One for both halves."""
        return self.scheduled(self.optimizer([*self.model.parameters(), *self.encoder.parameters()]))


class VariationalGAN(Variational, StyleGAN):
    """With the game of `StyleGAN` about pictures from noise (VAE/GAN, Larsen et al., ICML 2016, without its features).

    Arguments beside those of `StyleGAN`:

        encoder: see `Variational.hold`.
        perceptual: the same.
        start: the same.
    """

    def __init__(self, encoder: nn.Module, perceptual: nn.Module, start: str | None = None, **game: Any) -> None:
        super().__init__(**game)
        self.hold(encoder, perceptual, start)

    def play(self, batch: Batch) -> Game:
        """Pictures from noise for the discriminator; the batch's pictures made again."""
        game = super().play(batch)
        return Game(game.losses | self.reconstruction(batch["image"]), game.real, game.fake)

    def drawn(self, codes: Tensor, random: torch.Generator) -> Tensor:
        """Without noise: a decoder could not make it again."""
        return self.model(codes, noise="none").image

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Both halves together, and the discriminator."""
        first, second = self.factories
        halves = [*self.model.parameters(), *self.encoder.parameters()]
        return self.scheduled(first(halves), second(self.discriminator.parameters()))
