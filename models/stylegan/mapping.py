"""From Z to W, as StyleGAN2 and 3 do it. Letters: B batch, N codes of a picture."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.stylegan.layers import EqualLinear

MEAN_OF = 10_000  # codes whose mean is W's
RATE = 0.01  # Karras et al. 2019, sec. C: learning rate of the mapping network, relative


class Mapping(nn.Module):
    """z (B, z_dim) -> w (B, w_dim): normalised to unit mean square, then fully connected layers.

    Args:
        z_dim: numbers of z.
        w_dim: numbers of w.
        depth: layers; 8 in StyleGAN2, 2 in StyleGAN3.

    `w_mean` (w_dim,) is the mean of W towards which truncation pulls; NaN until a file or `find_mean` gives it.
    """

    w_mean: Tensor

    def __init__(self, z_dim: int = 512, w_dim: int = 512, depth: int = 8) -> None:
        super().__init__()
        self.z_dim = z_dim
        widths = [z_dim, *[w_dim] * depth]
        self.layers = nn.Sequential(*(EqualLinear(a, b, rate=RATE, activate=True) for a, b in pairwise(widths)))
        self.register_buffer("w_mean", torch.full((w_dim,), torch.nan))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        return self.layers(z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt())

    @torch.no_grad()
    def find_mean(self) -> Tensor:
        """`w_mean`; where there is none yet, the mean of 10,000 mapped z, always the same ones, kept."""
        if self.w_mean.isnan().any():
            z = torch.randn(MEAN_OF, self.z_dim, generator=torch.Generator().manual_seed(0))
            self.w_mean.copy_(self(z.to(self.w_mean)).mean(dim=0))
        return self.w_mean

    def truncated(self, w: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Codes (B, N, w_dim) whose first `cutoff` (None: all) are pulled towards the mean: mean + psi (w - mean)."""
        if psi == 1:
            return w
        mean = self.find_mean()
        if cutoff is None:
            return torch.lerp(mean.expand_as(w), w, psi)
        return torch.cat([torch.lerp(mean.expand_as(w[:, :cutoff]), w[:, :cutoff], psi), w[:, cutoff:]], dim=1)
