"""What training of encoders shares: a frozen generator, and how far codes of pictures are from what they should be.

Letters: B batch, N codes of a picture, W numbers of a code, S side of the picture.
"""

from abc import abstractmethod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from lightning_modules.stage import Batch, StageModule
from losses.frozen import Frozen
from metrics.l1 import L1
from metrics.psnr import PSNR
from models.errors import UserError
from models.inversion.encoder_inversion import resized
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.trunk import start_trunk
from models.stylegan.generator import Generator


class Encoding(StageModule):
    """What both stages do with a frozen generator. Batches are those of the view `Frame`, as large as the encoder's."""

    model: GradualStyleEncoder
    known: tuple[str, ...]  # names of losses

    def hold(self, generator: Generator, perceptual: nn.Module, identity: nn.Module | None, start: str | None) -> None:
        """Keep what says how good codes are; they start at the mean of W, as the public code's --start_from_latent_avg.

        Raises:
            UserError: the encoder is not made for the generator, or the losses are not those that there are.
        """
        unknown = sorted(self.weights.keys() - set(self.known))
        if unknown:
            raise UserError(f"module.weights: unknown {', '.join(unknown)}; this stage has {', '.join(self.known)}")
        if self.wants("identity") and identity is None:
            raise UserError("module.weights.identity needs module.identity, or make it 0")
        theirs, ours = (generator.codes, generator.w_dim), tuple(self.model.latent_avg.shape)
        if theirs != ours:
            raise UserError(
                f"the encoder gives {ours[0]} codes of {ours[1]}, the generator takes {theirs[0]} of {theirs[1]}; set "
                f"model.codes={theirs[0]} model.style_dim={theirs[1]}"
            )
        self.generator, self.perceptual, self.identity = Frozen(generator), perceptual, identity
        if start is not None:
            start_trunk(self.model, start)
        with torch.no_grad():
            self.model.latent_avg.copy_(generator.mapping.find_mean().expand(theirs))
        metrics: dict[str, Metric] = {"l1": L1(), "psnr": PSNR(), "mean_picture": L1()}
        self.metrics = nn.ModuleDict(metrics)  # type: ignore[assignment]

    def wants(self, name: str) -> bool:
        """Whether a loss counts; one of weight 0 is not computed."""
        return bool(self.weights.get(name))

    @abstractmethod
    def invert(self, image: Tensor) -> list[Tensor]:
        """Codes (B, N, W) of pictures (B, 3, S, S), each better than the one before."""

    def picture(self, codes: Tensor) -> Tensor:
        """What the generator makes of codes (B, N, W) or (B, W), in the size that the encoder sees.

        Its noise is fixed, as it is where pictures are inverted; the public code draws it in training.
        """
        return resized(self.generator(codes, "fixed").image, self.model.size)

    @torch.no_grad()
    def mapped(self, count: int) -> Tensor:
        """Codes (count, W) of normal z. Call it once in a step."""
        generator = cast(Generator, self.generator.network)
        z = torch.randn(count * self.trainer.world_size, generator.z_dim, generator=self.step_random())
        return generator.mapping(z[self.share(count)].to(self.device))

    @torch.no_grad()
    def shown(self, image: Tensor, w: Tensor) -> Tensor:
        """What is encoded in a step: pictures, and where the loss `codes` counts generated ones behind them."""
        return torch.cat([image, self.picture(w)]) if self.wants("codes") else image

    def compare(self, image: Tensor, codes: Tensor, w: Tensor) -> dict[str, Tensor]:
        """How far codes of what was `shown` are from what they should be."""
        count, losses = len(image), {}
        picture = self.picture(codes[:count])
        if self.wants("l2"):
            losses["l2"] = F.mse_loss(picture.float(), image)
        if self.wants("perceptual"):
            losses["perceptual"] = self.perceptual(picture, image)
        if self.wants("identity"):
            assert self.identity is not None
            losses["identity"] = self.identity(picture, image)
        if self.wants("codes"):
            losses["codes"] = (codes[count:] - w[:, None]).float().square().mean()
        return losses

    def measure(self, batch: Batch) -> None:
        """L1 and PSNR of what comes back, and L1 of the mean picture."""
        image = batch["image"]
        mean = self.picture(self.model.latent_avg[None]).clamp(-1, 1).expand_as(image)
        self.metrics["mean_picture"].update(mean, image)
        picture = self.picture(self.invert(image)[-1]).clamp(-1, 1)
        for name in ("l1", "psnr"):
            self.metrics[name].update(picture, image)

    def validated(self, values: dict[str, float]) -> dict[str, float]:
        """`mean_picture` becomes the part of the mean picture's L1 that is left: 1 has learnt nothing."""
        return {**values, "mean_picture": values["l1"] / values["mean_picture"]}

    @torch.no_grad()
    def preview(self, batch: Batch) -> dict[str, Tensor]:
        """Pictures and what comes back."""
        passes = [self.picture(codes).clamp(-1, 1) for codes in self.invert(batch["image"])]
        return {"image": batch["image"], **{f"pass {n}": picture for n, picture in enumerate(passes, 1)}}
