"""A generator of 16 pixels that nobody has trained, and pictures that it can and cannot make."""

import torch
from torch import Tensor

from models.stylegan.stylegan2 import StyleGAN2


def toy_generator() -> StyleGAN2:
    """In double precision, so that what should be equal is."""
    torch.manual_seed(0)
    generator = StyleGAN2(size=16, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)
    for layer in generator.synthesis.layers.values():
        layer.noise_strength.data.fill_(0.05)  # type: ignore[operator]
    generator.mapping.find_mean()
    return generator.double().eval()


def makeable(generator: StyleGAN2, count: int = 2, seed: int = 1) -> Tensor:
    """Pictures of random z."""
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    with torch.no_grad():
        return generator(generator.map(z)).image


def foreign(count: int = 1) -> Tensor:
    """Smooth pictures of another world: (count, 3, 16, 16)."""
    noise = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.double) * 2 - 1
    return torch.nn.functional.interpolate(noise, 16, mode="bicubic").clamp(-1, 1)


def error(pictures: Tensor, wanted: Tensor) -> list[float]:
    """Mean squared difference of each."""
    return (pictures - wanted).square().mean(dim=(1, 2, 3)).tolist()
