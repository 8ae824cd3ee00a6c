"""How a generator that was tuned to a picture differs from the one it was tuned from.

A delta maps names of the generator's parameters to differences in half precision, of the tensors that differ only. A
difference of low rank stands as two factors, `NAME/left` and `NAME/right`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.errors import UserError

Delta = dict[str, Tensor]
LEFT, RIGHT = "/left", "/right"


def difference(network: nn.Module, tuned: Mapping[str, Tensor], rank: int | None = None) -> Delta:
    """Tuned - network's own for the names in `tuned`; tensors that are the same are left out.

    Args:
        network: the one that was tuned from.
        tuned: weights by name.
        rank: keep this many singular vectors of a difference, rows being its first dimension, where that is smaller;
            None: keep it whole.

    """
    own, delta = dict(network.named_parameters()), Delta()
    for name, value in tuned.items():
        change = value.detach() - own[name].detach()
        if change.any():
            delta |= _factors(name, change, rank) or {name: change.half()}
    return delta


def _factors(name: str, change: Tensor, rank: int | None) -> Delta:
    """Two factors of the change, or nothing where the whole is no larger."""
    if rank is None or change.ndim < 2 or rank * (len(change) + change[0].numel()) >= change.numel():
        return {}
    left, values, right = torch.linalg.svd(change.flatten(1), full_matrices=False)
    roots = values[:rank].sqrt()  # on both sides: half precision has no room for what is very small
    return {name + LEFT: (left[:, :rank] * roots).half(), name + RIGHT: (roots[:, None] * right[:rank]).half()}


def tuned_weights(network: nn.Module, delta: Delta) -> dict[str, Tensor]:
    """The network's weights plus the delta, for the names in it; for `torch.func.functional_call`.

    Raises:
        UserError: the delta is of another network.
    """
    own = dict(network.named_parameters())
    changes = {name: value for name, value in delta.items() if not name.endswith((LEFT, RIGHT))}
    for left in (name for name in delta if name.endswith(LEFT)):
        name = left.removesuffix(LEFT)
        change = delta[left].float() @ delta[name + RIGHT].float()
        fits = name in own and own[name].numel() == change.numel()
        changes[name] = change.view_as(own[name]) if fits else change
    foreign = [name for name, value in changes.items() if name not in own or own[name].shape != value.shape]
    if foreign:
        raise UserError(f"these weights were tuned on another generator: {', '.join(foreign[:3])} do not fit it")
    return {name: own[name].detach() + value.to(own[name]) for name, value in changes.items()}


def megabytes(delta: Delta) -> float:
    """What the delta takes in memory and in a file."""
    return sum(value.element_size() * value.numel() for value in delta.values()) / 2**20
