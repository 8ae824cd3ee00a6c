"""What an inversion is optimised for: pictures that are like the wanted ones.

Letters: B batch, N codes, W numbers of a code, S side of the pictures.
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UserError


class Likeness(Protocol):
    """A comparison of pictures (B, 3, S, S) in [-1, 1] whose second half, that of the wanted picture, is done once."""

    def describe(self, image: Tensor) -> Tensor:
        """(B, ...) what of the pictures is compared."""

    def distance(self, description: Tensor, wanted: Tensor) -> Tensor:
        """(B,) one number for every pair of descriptions; 0 where they are the same."""


class Objective(nn.Module):
    """a MSE + b perceptual + c identity + d offsets, one number per picture.

    Args:
        pixel_weight: a, of the mean squared difference of the pictures in [-1, 1].
        perceptual: a `Likeness`, `losses.lpips.LPIPS` or `losses.ms_ssim.MSSSIM`.
        perceptual_weight: b.
        identity: a `Likeness`, `losses.identity.IdentityLoss`.
        identity_weight: c.
        offsets: (B, N, W) -> (B,): `losses.delta_regularisation.DeltaRegularisation`.
        offsets_weight: d.

    Raises:
        UserError: a weight without its loss, or a loss without its weight.

    """

    def __init__(
        self,
        pixel_weight: float,
        perceptual: nn.Module | None = None,
        perceptual_weight: float = 0.0,
        identity: nn.Module | None = None,
        identity_weight: float = 0.0,
        offsets: nn.Module | None = None,
        offsets_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.weights = {
            "pixels": pixel_weight,
            "perceptual": perceptual_weight,
            "identity": identity_weight,
            "offsets": offsets_weight,
        }
        losses = {"perceptual": perceptual, "identity": identity, "offsets": offsets}
        for name, loss in losses.items():
            if (loss is None) != (self.weights[name] == 0):
                raise UserError(
                    f"{name}_weight={self.weights[name]} and {name}={loss}: give both, or leave the term out with "
                    f"{name}=null and {name}_weight=0"
                )
        likenesses = {name: loss for name, loss in losses.items() if loss is not None and name != "offsets"}
        self.likenesses = nn.ModuleDict(likenesses)
        self.offsets = offsets
        named = {name: repr(loss) for name, loss in losses.items() if loss is not None}
        self.settings: dict[str, Any] = {f"{name}_weight": weight for name, weight in self.weights.items()} | named

    @torch.no_grad()
    def describe(self, wanted: Tensor) -> dict[str, Tensor]:
        """What the wanted pictures (B, 3, S, S) are compared by; all of it has B rows."""
        described = {"pixels": wanted}
        for name, loss in self.likenesses.items():
            described[name] = loss.describe(wanted)  # type: ignore[operator]
        return described

    def forward(self, picture: Tensor, wanted: dict[str, Tensor], codes: Tensor | None = None) -> dict[str, Tensor]:
        """Weighted terms, (B,) each, of pictures (B, 3, size, size) and the codes that they were made of.

        Pictures larger than the wanted ones are averaged down to their size first.
        """
        picture = averaged(picture, wanted["pixels"].shape[-1])
        terms = {"pixels": (picture - wanted["pixels"]).square().mean(dim=(1, 2, 3))}
        for name, loss in self.likenesses.items():
            terms[name] = loss.distance(loss.describe(picture), wanted[name])  # type: ignore[operator]
        if self.offsets is not None and codes is not None:
            terms["offsets"] = self.offsets(codes)
        return {name: self.weights[name] * term for name, term in terms.items()}


def averaged(picture: Tensor, side: int) -> Tensor:
    """Pictures (B, 3, S, S) as (B, 3, side, side), where side divides S: means of the pixels that fall together."""
    return picture if picture.shape[-1] == side else F.avg_pool2d(picture, picture.shape[-1] // side)
