"""What every generator is, whatever its synthesis. Letters: B batch, N codes of a picture, W numbers of a code."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from models.stylegan.mapping import Mapping
from models.stylegan.synthesis import NOTHING, Access, Synthesised

Noise = Literal["fixed", "random", "none"] | torch.Generator  # a generator gives random noise of its own


class Generator(nn.Module, ABC):
    """Codes -> pictures (B, 3, size, size), RGB, about [-1, 1].

    Attributes:
        size: of the picture.
        z_dim: numbers of z.
        w_dim: W.
        codes: N: one for each layer of `names`, one for the colours behind them, and in StyleGAN3 one in front.
        mapping: from Z to W.
        synthesis: from W+ to the picture.
        arguments: by name, those that it was made with and that are not the defaults; a file keeps them.
    """

    size: int
    z_dim: int
    w_dim: int
    codes: int
    mapping: Mapping
    synthesis: nn.Module
    arguments: dict[str, Any]

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        """Note the arguments of the constructor, which gets them next."""
        generator = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind_partial(generator, *arguments, **named).arguments
        generator.arguments = dict(list(bound.items())[1:])
        return generator

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """Layers of the synthesis in their order, as `Access` calls them."""

    @abstractmethod
    def forward(self, codes: Tensor, noise: Noise = "fixed", access: Access = NOTHING) -> Synthesised:
        """Codes of W (B, W) or W+ (B, N, W) -> picture; `map` makes codes of z."""

    def codes_up_to(self, layer: str) -> int:
        """How many codes have been used behind a layer: a pass that starts there takes the others."""
        return self.codes - len(self.names) + self.names.index(layer)

    def map(self, z: Tensor, psi: float = 1.0, cutoff: int | None = None) -> Tensor:
        """Normal z (B, z_dim) -> codes (B, N, W), truncated: mean + psi (w - mean) for the first `cutoff` of them."""
        return self.mapping.truncated(self.spread(self.mapping(z)), psi, cutoff)

    def spread(self, w: Tensor) -> Tensor:
        """One code for all layers, (B, W) -> (B, N, W); W+ codes stay."""
        return w[:, None].expand(-1, self.codes, -1) if w.ndim == 2 else w
