"""Training of a generator by another one (Aguinaldo et al., "Compressing GANs using knowledge distillation", 2019).

A slow generator that cannot play a game for days learns from a quick one that did: every picture tells it all pixels,
and no two pictures are right for the same z.
"""

from typing import Unpack

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.stage import Batch, OptimizerFactory, Training
from lightning_modules.stylegan import numbered_z
from lightning_modules.supervised import SupervisedModule
from losses.frozen import Frozen
from metrics.l1 import L1
from metrics.sliced_wasserstein import SlicedWasserstein
from models.stylegan.generator import Generator
from models.stylegan.pretrained import read_generator
from models.weights import load_strictly


class Distillation(SupervisedModule):
    """The model learns to give the teacher's picture for each z, without noise; it begins with the teacher's mapping.

    Batches are those of the view `Frame`: they say how many z are drawn, and validation compares with their pictures.
    Arguments beside those of `SupervisedModule`:

        model: StyleGAN2 or StyleGAN3, whose mapping network has the sizes of the teacher's.
        teacher: pictures of the model's size; it stays as it is.
        perceptual: (prediction, target) -> scalar.
        start: a file of the model to go on from (`models.stylegan.pretrained.read_generator`); None: nothing.
    """

    model: Generator

    def __init__(
        self,
        model: Generator,
        teacher: Generator,
        perceptual: nn.Module,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        start: str | None = None,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        if start is not None:
            load_strictly(model, read_generator(start).state_dict())
        load_strictly(model.mapping, teacher.mapping.state_dict())
        self.teacher, self.perceptual = Frozen(teacher), perceptual
        metrics: dict[str, Metric] = {"l1": L1(), "swd": SlicedWasserstein()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """How unlike the teacher's pictures are."""
        self.model.mapping.w_mean.fill_(torch.nan)  # it moves with the weights
        count = len(batch["image"])
        draw = torch.randn(self.trainer.world_size * count, self.model.z_dim, generator=self.step_random())
        z = draw[self.share(count)].to(batch["image"])
        wanted, picture = self.taught(z), drawn(self.model, z)
        return {"perceptual": self.perceptual(picture, wanted), "l1": (picture - wanted).abs().mean()}

    @torch.no_grad()
    def taught(self, z: Tensor) -> Tensor:
        """The teacher's pictures (B, 3, S, S) of z (B, z_dim)."""
        return drawn(self.teacher.network, z)

    def measure(self, batch: Batch) -> None:
        """L1 to the teacher's pictures; sliced Wasserstein distance to the batch's."""
        z = numbered_z(batch, self.model.z_dim).to(self.device)
        picture = drawn(self.model, z).clamp(-1, 1)
        self.metrics["l1"].update(picture, self.taught(z).clamp(-1, 1))
        self.metrics["swd"].update(picture, batch["image"])

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """The teacher's pictures and the model's."""
        z = numbered_z(batch, self.model.z_dim).to(self.device)
        return {"teacher": self.taught(z), "model": drawn(self.model, z)}


def drawn(generator: Generator, z: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) of z (B, z_dim), without noise."""
    return generator(generator.map(z), noise="none").image
