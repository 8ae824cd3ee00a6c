"""A network inside a loss: used, never trained, never saved."""

from collections.abc import Callable
from typing import Any, Self

from torch import Tensor, nn


class Frozen(nn.Module):
    """Holds `network` in eval mode for good, without gradients of its own, and outside of the module tree.

    The parent's `parameters()`, `state_dict()`, `train()` and `modules()` do not see the network, so it reaches no
    optimiser and no checkpoint; `to()` still moves it together with the parent.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = (network.eval().requires_grad_(False),)  # a tuple is not registered as a submodule

    @property
    def network(self) -> Any:
        """What is held, for more than calling it."""
        return self._network[0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._network[0]._apply(fn)  # type: ignore[no-untyped-call]
        return self

    def forward(self, *inputs: Any) -> Any:
        """Whatever the network gives; gradients reach the inputs."""
        return self._network[0](*inputs)
