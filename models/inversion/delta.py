"""How a generator that was tuned to a picture differs from the one it was tuned from.

A delta is a mapping from names of the generator's parameters to differences in half precision, of the tensors that
differ only.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from models.errors import UserError

Delta = dict[str, Tensor]


def difference(network: nn.Module, tuned: Mapping[str, Tensor]) -> Delta:
    """Tuned - network's own, in half precision, for the names in `tuned`; tensors that are the same are left out."""
    own = dict(network.named_parameters())
    differences = {name: (value.detach() - own[name].detach()) for name, value in tuned.items()}
    return {name: value.half() for name, value in differences.items() if value.any()}


def tuned_weights(network: nn.Module, delta: Delta) -> dict[str, Tensor]:
    """The network's weights plus the delta, for the names in it; for `torch.func.functional_call`.

    Raises:
        UserError: the delta is of another network.
    """
    own = dict(network.named_parameters())
    foreign = [name for name, value in delta.items() if name not in own or own[name].shape != value.shape]
    if foreign:
        raise UserError(f"these weights were tuned on another generator: {', '.join(foreign[:3])} do not fit it")
    return {name: own[name].detach() + value.to(own[name]) for name, value in delta.items()}


def megabytes(delta: Delta) -> float:
    """What the delta takes in memory and in a file."""
    return sum(value.element_size() * value.numel() for value in delta.values()) / 2**20
