"""Codes and a feature of pictures, found together: what the codes cannot say, the feature does.

The F/W+ space of Barbershop (Zhu et al., SIGGRAPH Asia 2021, sec. 4.3); StyleHEAT warps such a feature.

Letters: B batch, N codes, W numbers of a code.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import UserError
from models.inversion.descent import Plan, descend
from models.inversion.inversion import Inversion, Inverter, Watch, checked, unwatched
from models.inversion.objective import Objective
from models.inversion.optimiser import check_start, settings_of
from models.stylegan.generator import Generator
from models.stylegan.synthesis import Access, State


@dataclass(eq=False)
class OptimiseFeatures:
    """Adam on the feature behind a layer and on the codes behind it, from where another inverter's codes lead.

    loss = objective + feature_weight * mean (feature - its start)^2. Nothing before the layer is computed in a step:
    the codes of the layers before it, and the colours that they add, stay as they are.

    Args:
        generator: see `Inverter`.
        objective: what is minimised.
        start: makes the inverter that the codes, and the noise, come from; and the feature, where it gives one.
        layer: the feature is the one behind it; not the last one.
        feature_weight: see above.
        steps: at most.
        learning_rate: of Adam.
        patience: see `Plan`.
        tolerance: see `Plan`.

    Raises:
        UserError: the generator has no such layer.

    """

    generator: Generator
    objective: Objective
    start: Callable[[Generator], Inverter]
    layer: str = "up64"
    feature_weight: float = 0.1
    steps: int = 250
    learning_rate: float = 0.01
    patience: int | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        inner = self.generator.names[:-1]  # behind StyleGAN2's last layer there is nothing that would use a feature
        if self.layer not in inner:
            raise UserError(f"layer={self.layer}: features of this generator are found behind {', '.join(inner)}")
        self.objective.to(self.generator.mapping.w_mean.device)
        self.first = self.start(self.generator)
        check_start("optimise_features", self.first, lost=("pti",))
        self.settings = settings_of(self, "optimise_features", self.first)

    def invert(self, image: Tensor, watch: Watch = unwatched) -> Inversion:
        """See `Inverter`; the result has the state behind the layer."""
        wanted = self.objective.describe(checked(self.generator, image))
        first = self.first.invert(image, watch)
        state = self.state(first)
        behind = self.generator.codes_up_to(self.layer)

        def terms(leaves: list[Tensor], rows: Tensor) -> dict[str, Tensor]:
            later, feature = leaves
            codes = torch.cat([first.codes[rows, :behind], later], dim=1)
            colours = None if state.image is None else state.image[rows]
            access = Access(start=(self.layer, State(feature, colours)))
            picture = self.generator(codes, first.noise, access).image
            parts = self.objective(picture, {name: value[rows] for name, value in wanted.items()}, codes)
            moved = (feature - state.feature[rows]).square().mean(dim=(1, 2, 3))
            return parts | {"feature": self.feature_weight * moved}

        leaves = [first.codes[:, behind:], state.feature]
        plan = Plan(self.steps, self.patience, self.tolerance)
        later, feature = descend(leaves, [self.learning_rate] * 2, terms, plan, watch)
        codes = torch.cat([first.codes[:, :behind], later], dim=1)
        return Inversion(codes, {self.layer: State(feature, state.image)}, noise=first.noise)

    @torch.no_grad()
    def state(self, inversion: Inversion) -> State:
        """Behind the layer, as it is given or as the codes lead to it."""
        if self.layer in inversion.states:
            return inversion.states[self.layer]
        return self.generator(inversion.codes, inversion.noise, Access(keep=[self.layer])).states[self.layer]
