"""What generator and discriminator make of the discriminator's scores; all scores are raw, of any shape."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class AdversarialLoss(Protocol):
    """The two sides of the game; each takes the score maps of one or more scales and sums over the scales."""

    def generator(self, fake: Sequence[Tensor]) -> Tensor:
        """Low when the scores of generated images are those of real ones."""
        ...

    def discriminator(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Low when real and generated images are told apart."""
        ...


class Hinge:
    """Generator: -mean D(fake). Discriminator: mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake)).

    Lim and Ye 2017; face-vid2vid appendix A.2.
    """

    def generator(self, fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        return torch.stack([-score.float().mean() for score in fake]).sum()

    def discriminator(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        terms = [F.relu(1 - score.float()).mean() for score in real] + [F.relu(1 + s.float()).mean() for s in fake]
        return torch.stack(terms).sum()


class LeastSquares:
    """Generator: mean (1 - D(fake))^2. Discriminator: mean (1 - D(real))^2 + mean D(fake)^2.

    Mao et al. 2017, as in FOMM.
    """

    def generator(self, fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        return torch.stack([(1 - score.float()).square().mean() for score in fake]).sum()

    def discriminator(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        terms = [(1 - score.float()).square().mean() for score in real] + [s.float().square().mean() for s in fake]
        return torch.stack(terms).sum()


class NonSaturating:
    """Generator: mean softplus(-D(fake)). Discriminator: mean softplus(-D(real)) + mean softplus(D(fake)).

    Goodfellow et al. 2014; StyleGAN (Karras et al. 2019, 2020, 2021).
    """

    def generator(self, fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        return torch.stack([F.softplus(-score.float()).mean() for score in fake]).sum()

    def discriminator(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
        """Scalar."""
        terms = [F.softplus(-s.float()).mean() for s in real] + [F.softplus(s.float()).mean() for s in fake]
        return torch.stack(terms).sum()
