"""Training of the generators that methods stand on: StyleGAN2 and StyleGAN3."""

from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lightning_modules.adversarial import AdversarialModule, Game
from lightning_modules.stage import Batch, OptimizerFactory, Training
from losses.adversarial import AdversarialLoss
from losses.gradient_penalty import path_lengths, r1_penalty
from metrics.sliced_wasserstein import SlicedWasserstein
from models.stylegan.adaptive_augment import AdaptiveAugment
from models.stylegan.generator import Generator
from models.stylegan.pretrained import read_generator
from models.weights import load_strictly

LENGTH_RATE = 0.01  # StyleGAN2's code: how quickly the mean path length follows


class StyleGAN(AdversarialModule):
    """A generator of pictures from noise against a discriminator.

    Batches are those of the view `Frame`. The discriminator judges the pictures that the generator has just been taught
    with, where NVIDIA's code draws new ones: one pass less. Arguments beside those of `AdversarialModule`:

        model: StyleGAN2 or StyleGAN3.
        discriminator: pictures (B, 3, S, S) -> logits (B, 1).
        r1: gamma; the discriminator minimises gamma / 2 |gradient|^2 too (R1).
        r1_every: batches between two such terms, which then count as often ("lazy", StyleGAN2 sec. 3.1).
        path_length_every: the same for `weights.path_length`, on half a batch; 0 computes none (StyleGAN3).
        mixing: how often a picture has codes of two z, changing at a random layer.
        start: a generator's file to start from, as `models.stylegan.pretrained.read_generator` reads it; None: nothing.
        augment: changes what the discriminator sees, real and generated (ADA); it learns from the sign of real logits.
    """

    model: Generator
    # The discriminator's statistic is of the pictures of one process, as in public code
    split_tolerance: ClassVar[float] = 0.05

    def __init__(
        self,
        model: Generator,
        discriminator: nn.Module,
        adversarial: AdversarialLoss,
        weights: dict[str, float],
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        r1: float = 10.0,
        r1_every: int = 16,
        path_length_every: int = 0,
        mixing: float = 0.0,
        start: str | None = None,
        augment: AdaptiveAugment | None = None,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(
            model, discriminator, adversarial, weights, generator_optimizer, discriminator_optimizer, **training
        )
        if start is not None:
            load_strictly(model, read_generator(start).state_dict())
        self.r1, self.r1_every, self.path_length_every, self.mixing = r1, r1_every, path_length_every, mixing
        self.augment = augment
        self.path_length: Tensor | None = None  # the mean
        metrics: dict[str, Metric] = {"swd": SlicedWasserstein()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def play(self, batch: Batch) -> Game:
        """Pictures for the discriminator, and in some steps the path length of half as many others."""
        real = batch["image"]
        random = self.device_random()
        self.model.mapping.w_mean.fill_(torch.nan)  # it moves with the weights
        codes = self.codes(len(real))
        fake = self.drawn(codes, random)
        losses = {"adversarial": self.adversarial.generator([self.discriminator(self.changed(fake, random))])}
        if self.path_length_every and self.batches % self.path_length_every == 0:
            losses["path_length"] = self.path_length_every * self.path_penalty(codes[: (len(real) + 1) // 2], random)
        return Game(losses, real=real, fake=fake)

    def drawn(self, codes: Tensor, random: torch.Generator) -> Tensor:
        """Pictures (B, 3, S, S) of codes (B, N, w_dim) as the game sees them: with noise."""
        return self.model(codes, noise=random).image

    def codes(self, count: int) -> Tensor:
        """Codes (count, N, w_dim), some of them mixed."""
        everyone = count * self.trainer.world_size
        draw = self.step_random()
        z = torch.randn(2, everyone, self.model.z_dim, generator=draw)[:, self.share(count)]
        layer = torch.randint(1, self.model.codes, (everyone,), generator=draw)[self.share(count)]
        layer[torch.rand(everyone, generator=draw)[self.share(count)] >= self.mixing] = self.model.codes
        first, second = self.model.map(z.flatten(0, 1).to(self.device)).chunk(2)
        mixed = torch.arange(self.model.codes) >= layer[:, None]
        return torch.where(mixed[..., None].to(self.device), second, first)

    def path_penalty(self, codes: Tensor, random: torch.Generator) -> Tensor:
        """Mean squared deviation of path lengths from their running mean (StyleGAN2 sec. 3.2)."""
        image = self.drawn(codes, random)
        lengths = path_lengths(image, codes, torch.randn(image.shape, generator=random, device=self.device))
        mean = self.trainer.strategy.reduce(lengths.detach().mean(), reduce_op="mean")
        start = torch.zeros_like(mean) if self.path_length is None else self.path_length.to(mean)
        self.path_length = torch.lerp(start, mean, LENGTH_RATE)
        return (lengths - self.path_length).square().mean()

    def judge(self, game: Game) -> dict[str, Tensor]:
        """The adversarial loss, and in some steps R1."""
        lazy = self.batches % self.r1_every == 0
        random = self.device_random(1)
        real = game.real.detach().requires_grad_(lazy)
        logits = self.discriminator(self.changed(real, random))
        fake = self.discriminator(self.changed(game.fake.detach(), random))
        if self.augment is not None:
            sign = self.trainer.strategy.reduce(logits.detach().sign().mean(), reduce_op="mean")
            self.augment.learn(sign, len(real) * self.trainer.world_size)
        losses = {"discriminator": self.adversarial.discriminator([logits], [fake])}
        if lazy:
            losses["r1"] = self.r1_every * self.r1 / 2 * r1_penalty(logits, real)
        return losses

    def changed(self, image: Tensor, random: torch.Generator) -> Tensor:
        """What the discriminator sees of a picture."""
        return image if self.augment is None else self.augment(image, random)

    def measure(self, batch: Batch) -> None:
        """Sliced Wasserstein distance between real pictures and as many generated ones."""
        self.metrics["swd"].update(batch["image"], self.generated(batch))

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Real pictures, others from noise, and the same nearer to the mean."""
        return {
            "real": batch["image"],
            "generated": self.generated(batch),
            "truncated": self.generated(batch, psi=0.7),
        }

    def generated(self, batch: Batch, psi: float = 1.0) -> Tensor:
        """As many pictures as the batch has, always the same for a number in its data set."""
        z = numbered_z(batch, self.model.z_dim).to(self.device)
        return self.model(self.model.map(z, psi), noise="fixed").image.clamp(-1, 1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what runs along."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["figurehead"]["path_length"] = self.path_length

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it up again."""
        super().on_load_checkpoint(checkpoint)
        self.path_length = checkpoint["figurehead"]["path_length"]
        saved = checkpoint["state_dict"]
        own = {} if self.augment is None else self.augment.state_dict(prefix="augment.")  # it may be new, or gone
        others = {name: value for name, value in saved.items() if not name.startswith("augment.")}
        checkpoint["state_dict"] = others | {name: saved.get(name, value) for name, value in own.items()}


def numbered_z(batch: Batch, z_dim: int) -> Tensor:
    """Normal z (B, z_dim), always the same for the number that an example has in its data set."""
    draws = [torch.Generator().manual_seed(number) for number in batch["sample"].tolist()]
    return torch.stack([torch.randn(z_dim, generator=draw) for draw in draws])
