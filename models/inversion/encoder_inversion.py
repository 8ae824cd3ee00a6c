"""Codes of pictures by one pass through an encoder, or by a few that see what is still wrong.

Letters: B batch, N codes, W numbers of a code, S side of the pictures.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import UserError
from models.inversion.folded import folded
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.inversion import Inversion, Steady, Watch, checked, unwatched
from models.stylegan.generator import Generator
from models.stylegan.pretrained import weights_id


class EncoderInversion:
    """pSp or e4e: codes = encoder(x). ReStyle (Alaluf et al., ICCV 2021, eq. 1 and 2): codes, made better some times.

    ReStyle starts at the encoder's mean code and goes on with codes + offsets(x, G(codes)); its encoder takes both
    pictures as six channels. Pictures are brought to the encoder's size first.

    Args:
        generator: see `Inverter`.
        encoder: `models.inversion.pretrained.read_encoder`.
        refinements: passes of ReStyle; 0: one pass of an encoder that takes the picture alone.
        noise: of the generator.

    Raises:
        UserError: the encoder makes codes of another generator's shape, or takes other channels.

    """

    def __init__(
        self, generator: Generator, encoder: GradualStyleEncoder, refinements: int = 0, noise: Steady = "fixed"
    ) -> None:
        shape, wanted = tuple(encoder.latent_avg.shape), (generator.codes, generator.w_dim)
        if shape != wanted:
            raise UserError(f"this encoder gives codes {shape}, and the generator takes {wanted}")
        channels = encoder.settings["input_channels"]
        if channels != (6 if refinements else 3):
            raise UserError(
                f"refinements={refinements}: an encoder of {channels} channels "
                + ("makes codes better step by step, it needs at least 1" if channels == 6 else "takes 0, one pass")
            )
        self.generator = generator
        self.encoder = folded(encoder.to(generator.mapping.w_mean.device))
        self.refinements = refinements
        self.noise: Steady = noise
        self.settings: dict[str, Any] = {
            "method": "encoder",
            "encoder": type(encoder).__name__,
            "sizes": encoder.settings,
            "weights": weights_id(encoder),
            "refinements": refinements,
            "noise": noise,
        }

    @torch.no_grad()
    def invert(self, image: Tensor, watch: Watch = unwatched) -> Inversion:
        """See `Inverter`; the part of the loss that is told is the MSE, where there are refinements."""
        small = resized(checked(self.generator, image), self.encoder.size)
        if not self.refinements:
            return Inversion(self.encoder(small), noise=self.noise)
        mean = self.encoder.latent_avg
        codes = mean.expand(len(small), -1, -1)
        for step in range(self.refinements):
            picture = resized(self.generator(codes, self.noise).image, self.encoder.size)
            watch(step, self.refinements, {"pixels": (picture - small).square().mean().item()})
            codes = codes + self.encoder(torch.cat([small, picture], dim=1)) - mean
        return Inversion(codes, noise=self.noise)


def resized(image: Tensor, side: int) -> Tensor:
    """Pictures (B, 3, S, S) as (B, 3, side, side): averaged where they shrink, as pSp's pictures are; else bilinear."""
    if image.shape[-1] >= side:
        return F.adaptive_avg_pool2d(image, side)
    return F.interpolate(image, side, mode="bilinear", align_corners=False)
