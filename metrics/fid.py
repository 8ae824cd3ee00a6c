"""Fréchet inception distance."""

from metrics.frechet_distance import FrechetDistance
from models.errors import UserError


class FID(FrechetDistance):
    """FID (Heusel et al. 2017, eq. 6): Fréchet distance of Inception's 2,048 pooled features (weights of 2015-12-05).

    Takes what the observer `inception` sees, `(N, 2048)` of predicted and `(M, 2048)` of real frames. Lower is better.
    Other networks' features make another number: use `FrechetDistance`.
    """

    title = "FID"

    def __init__(self, features: int = 2048, stand_in: str | None = None) -> None:
        if stand_in is not None:
            raise UserError(
                f"FID is of Inception's features; for those of {stand_in} take "
                "metrics.frechet_distance.FrechetDistance, which is printed as FD"
            )
        super().__init__(features)
