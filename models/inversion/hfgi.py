"""High-fidelity inversion (HFGI, Wang et al., CVPR 2022): what an encoder's codes have lost modulates a feature.

As StyleHEAT uses it: the generator adds no noise, and the feature is that of 64 x 64 in front of its second
convolution. Letters: B batch, N codes, W numbers of a code, S side of the pictures.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError
from models.inversion.encoder_inversion import resized
from models.inversion.folded import folded
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.hfgi_aligner import ResidualAligner
from models.inversion.hfgi_residual import Condition, ResidualEncoder
from models.inversion.inversion import Inversion, Watch, checked, unwatched
from models.stylegan.generator import Generator
from models.stylegan.pretrained import weights_id
from models.stylegan.synthesis import Access, State

LAYER = "up64"  # StyleHEAT sec. 3


def interpolated(picture: Tensor, side: int) -> Tensor:
    """Pictures (B, 3, S, S) as (B, 3, side, side), as HFGI resizes what a generator made: never averaged."""
    return F.interpolate(picture, side, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Lost:
    """What HFGI finds on its way. Pictures are as large as the encoder's.

    Attributes:
        codes: (B, N, W) the encoder's.
        first: the picture of these codes alone.
        residual: picture - first.
        aligned: the residual, moved to where `first` has what it belongs to.
        condition: for the feature.
        state: where the synthesis stands behind the layer once its feature is modulated.
    """

    codes: Tensor
    first: Tensor
    residual: Tensor
    aligned: Tensor
    condition: Condition
    state: State


class HFGI(nn.Module):
    """The three networks; the generator is given to each call.

    Args:
        encoder: e4e's.
        aligner: see there.
        residual_encoder: its channels and its side are those of the layer's feature.
        layer: of the generator, whose feature is modulated.

    """

    def __init__(
        self,
        encoder: GradualStyleEncoder,
        aligner: ResidualAligner,
        residual_encoder: ResidualEncoder,
        layer: str = LAYER,
    ) -> None:
        super().__init__()
        self.encoder, self.aligner, self.residual_encoder, self.layer = encoder, aligner, residual_encoder, layer

    def forward(self, generator: Generator, image: Tensor) -> Lost:
        """Pictures (B, 3, S, S) in [-1, 1], S the encoder's."""
        codes = self.encoder(image)
        made = generator(codes, "none", Access(keep=[self.layer]))
        first = interpolated(made.image.clamp(-1, 1), self.encoder.size)
        residual = image - first
        aligned = self.aligner(residual, first)
        condition = self.residual_encoder(aligned)
        before = made.states[self.layer]
        return Lost(codes, first, residual, aligned, condition, State(condition(before.feature), before.image))


class HFGIInversion:
    """Codes, and the layer's feature with what they have lost; see `Inverter`.

    Args:
        generator: see `Inverter`.
        hfgi: `models.inversion.pretrained.read_hfgi`.

    Raises:
        UserError: the encoder makes codes of another generator's shape.

    """

    def __init__(self, generator: Generator, hfgi: HFGI) -> None:
        shape, wanted = tuple(hfgi.encoder.latent_avg.shape), (generator.codes, generator.w_dim)
        if shape != wanted:
            raise UserError(f"this encoder gives codes {shape}, and the generator takes {wanted}")
        self.generator = generator
        hfgi = hfgi.to(generator.mapping.w_mean.device).eval()
        self.hfgi = HFGI(folded(hfgi.encoder), hfgi.aligner, hfgi.residual_encoder, hfgi.layer)
        self.settings: dict[str, Any] = {
            "method": "hfgi",
            "layer": hfgi.layer,
            "sizes": hfgi.encoder.settings,
            "weights": weights_id(hfgi),
        }

    @torch.no_grad()
    def invert(self, image: Tensor, watch: Watch = unwatched) -> Inversion:
        """See `Inverter`; there are no steps to watch."""
        lost = self.hfgi(self.generator, resized(checked(self.generator, image), self.hfgi.encoder.size))
        return Inversion(lost.codes, {self.hfgi.layer: lost.state}, noise="none")
