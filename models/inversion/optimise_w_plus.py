"""Codes of pictures by gradient descent through the generator (Choe, TUM 2023, Algorithm 1).

Letters: B batch, N codes, W numbers of a code, S side of the pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from models.inversion.descent import Plan, descend
from models.inversion.inversion import Inversion, Inverter, Steady, Watch, checked, mean_codes, unwatched
from models.inversion.objective import Objective
from models.inversion.optimiser import settings_of
from models.stylegan.generator import Generator


@dataclass(eq=False)
class OptimiseWPlus:
    """Adam on the codes, from W's mean or from another inverter's codes, all pictures at once and each on its own.

    A step is one pass through the generator and back to the codes; its weights get no gradients.

    Args:
        generator: see `Inverter`.
        objective: what is minimised.
        start: makes the inverter whose codes are the first ones; None: W's mean.
        space: "w+": every layer has its own code; "w": all have the same.
        steps: at most.
        learning_rate: of Adam.
        patience: see `Plan`.
        tolerance: see `Plan`.
        noise: of the generator.

    """

    generator: Generator
    objective: Objective
    start: Callable[[Generator], Inverter] | None = None
    space: Literal["w", "w+"] = "w+"
    steps: int = 1000
    learning_rate: float = 0.01
    patience: int | None = None
    tolerance: float = 0.0
    noise: Steady = "fixed"

    def __post_init__(self) -> None:
        self.objective.to(self.generator.mapping.w_mean.device)
        self.first = self.start(self.generator) if self.start else None
        self.settings = settings_of(self, "optimise_w_plus", self.first)

    def invert(self, image: Tensor, watch: Watch = unwatched) -> Inversion:
        """See `Inverter`."""
        wanted = self.objective.describe(checked(self.generator, image))
        if self.first:
            codes = self.first.invert(image, watch).codes
        else:
            codes = mean_codes(self.generator, len(image))
        if self.space == "w":
            codes = codes.mean(dim=1, keepdim=True)

        def terms(leaves: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
            whole = self.whole(leaves[0])
            picture = self.generator(whole, self.noise).image
            return self.objective(picture, {name: value[rows] for name, value in wanted.items()}, whole)

        plan = Plan(self.steps, self.patience, self.tolerance)
        (found,) = descend([codes], [self.learning_rate], terms, plan, watch)
        return Inversion(self.whole(found).contiguous(), noise=self.noise)

    def whole(self, codes: Tensor) -> Tensor:
        """(B, 1, W) or (B, N, W) -> (B, N, W)."""
        return codes.expand(-1, self.generator.codes, -1)
