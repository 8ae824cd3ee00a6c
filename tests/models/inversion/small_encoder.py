"""A small encoder whose norms have seen something, and pictures for it."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from models.inversion.gradual_style import GradualStyleEncoder

SIZES: dict[str, Any] = {
    "codes": 5,
    "style_dim": 24,
    "input_channels": 3,
    "size": 64,
    "units": [1, 2, 1, 2],
    "widths": [8, 16, 24, 32],
    "head_width": 12,
    "coarse": 2,
    "middle": 4,
}
Network = TypeVar("Network", bound=GradualStyleEncoder)


def small(kind: type[Network], **settings: Any) -> Network:
    """In eval mode; every weight, and every mean and variance of a norm, is random and always the same."""
    torch.manual_seed(0)
    return stirred(kind(**{**SIZES, **settings}))


def stirred(network: nn.Module) -> Any:
    """The network in eval mode, its norms and PReLUs at random."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for name in ("weight", "running_var"):
                getattr(module, name).data.uniform_(0.5, 1.5, generator=generator)
            for name in ("bias", "running_mean"):
                getattr(module, name).data.normal_(0, 0.3, generator=generator)
        if isinstance(module, nn.PReLU):
            module.weight.data.normal_(0.25, 0.1, generator=generator)
    return network.eval()


def pictures(seed: int = 0, channels: int = 3) -> Tensor:
    """(2, channels, 64, 64) in [-1, 1]."""
    return torch.rand(2, channels, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
