"""A generator that is tuned until it can make a picture that it could not (pivotal tuning; Roich et al., ACM TOG 2022).

Letters: B batch, N codes, W numbers of a code.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call

from models.inversion.delta import difference
from models.inversion.inversion import Inversion, Inverter, Steady, Watch, checked, unwatched
from models.inversion.objective import Objective
from models.inversion.optimiser import MORE_THAN_CODES, check_start, settings_of
from models.stylegan.generator import Generator


@dataclass(eq=False)
class PivotalTuning:
    """Adam on the weights of the synthesis, while the codes that another inverter gives, the pivots, stay.

    loss = objective(G_tuned(pivots)) + locality_weight * objective(G_tuned(near), G(near)), means over the pictures.
    The second term keeps what lies around the pivot as it was: near = pivot + locality_radius * unit(w - pivot), for a
    new mapped w in every step (sec. 3.3). One delta for all pictures that are inverted together, as the paper does for
    several pictures of a person; pictures of different people are better tuned to one after the other.

    Args:
        generator: see `Inverter`; not changed: a copy of its weights is tuned.
        objective: what is minimised; offsets of codes have no part in it.
        start: makes the inverter whose codes are the pivots.
        steps: at most.
        learning_rate: of Adam.
        enough: stop as soon as the perceptual loss, mean over the pictures, is at most this; None: never.
        rank: of the differences that are kept, see `difference`; None: they are kept whole.
        locality_weight: see above; 0: without.
        locality_radius: see above.
        seed: of the w of the locality.

    """

    generator: Generator
    objective: Objective
    start: Callable[[Generator], Inverter]
    steps: int = 350
    learning_rate: float = 3e-4
    enough: float | None = None
    rank: int | None = None
    locality_weight: float = 0.0
    locality_radius: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        self.objective.to(self.generator.mapping.w_mean.device)
        self.first = self.start(self.generator)
        check_start("pti", self.first, lost=MORE_THAN_CODES)
        self.settings = settings_of(self, "pti", self.first)

    @torch.enable_grad()
    def invert(self, image: Tensor, watch: Watch = unwatched) -> Inversion:
        """See `Inverter`; the result has a delta."""
        wanted = self.objective.describe(checked(self.generator, image))
        pivot = self.first.invert(image, watch)
        weights = {
            f"synthesis.{name}": value.detach().clone().requires_grad_()
            for name, value in self.generator.synthesis.named_parameters()
        }
        adam = torch.optim.Adam(weights.values(), lr=self.learning_rate)
        draws = torch.Generator().manual_seed(self.seed)
        for step in range(self.steps + 1):  # the last one only looks at what the one before has done
            picture = self.picture(weights, pivot.codes, pivot.noise)
            parts = {name: term.mean() for name, term in self.objective(picture, wanted).items()}
            watch(step, self.steps, {name: value.item() for name, value in parts.items()})
            if step == self.steps or self.is_enough(parts):
                break
            if self.locality_weight:
                parts["locality"] = self.locality(weights, pivot, draws)
            loss = torch.stack(list(parts.values())).sum()
            gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
            for weight, gradient in zip(weights.values(), gradients):
                weight.grad = gradient
            adam.step()
        return Inversion(pivot.codes, delta=difference(self.generator, weights, self.rank), noise=pivot.noise)

    def picture(self, weights: dict[str, Tensor], codes: Tensor, noise: Steady) -> Tensor:
        """What the generator makes with these weights in the place of its own."""
        return functional_call(self.generator, weights, (codes, noise)).image

    def is_enough(self, parts: dict[str, Tensor]) -> bool:
        """See the class."""
        if self.enough is None:
            return False
        return bool(parts["perceptual"] <= self.enough * self.objective.weights["perceptual"])

    def locality(self, weights: dict[str, Tensor], pivot: Inversion, draws: torch.Generator) -> Tensor:
        """See the class; one w for each picture."""
        codes = pivot.codes
        with torch.no_grad():
            z = torch.randn(len(codes), self.generator.z_dim, generator=draws).to(codes)
            away = self.generator.map(z) - codes
            near = codes + self.locality_radius * away / away.norm(dim=2, keepdim=True)
            before = self.objective.describe(self.generator(near, pivot.noise).image)
        terms = self.objective(self.picture(weights, near, pivot.noise), before)
        return self.locality_weight * torch.stack(list(terms.values())).sum(dim=0).mean()
