"""Kernel inception distance."""

from metrics.kernel_distance import KernelDistance
from models.errors import UserError


class KID(KernelDistance):
    """KID (Binkowski et al. 2018, sec. 4): kernel distance of Inception's 2,048 pooled features, times 1000.

    Takes what the observer `inception` sees, `(N, 2048)` of predicted and `(M, 2048)` of real frames. Lower is better.
    Other networks' features make another number: use `KernelDistance`.
    """

    title = "KID"

    def __init__(self, features: int = 2048, stand_in: str | None = None) -> None:
        if stand_in is not None:
            raise UserError(
                f"KID is of Inception's features; for those of {stand_in} take metrics.kernel_distance.KernelDistance, "
                "which is printed as KD"
            )
        super().__init__(features)
