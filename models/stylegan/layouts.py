"""StyleGAN2 under other people's names: rosinality's (stylegan2-pytorch; also e4e, pSp and StyleHEAT) and NVIDIA's.

Both hold the blur filters, which are constants here: they are looked at when a file is read, and written again. No
kernel is flipped between the layouts; NVIDIA's filters have the sum 1, those that double a size have 4 in rosinality's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.errors import UserError
from models.stylegan.discriminator import Discriminator
from models.stylegan.stylegan2 import StyleGAN2
from models.weights import Weights, check_fit

LARGEST = 1024  # pixels
ROSINALITY_PARTS = ("g_ema", "state_dict.decoder", "decoder")  # where it stands in rosinality's, e4e's and pSp's files


@dataclass(frozen=True)
class Place:
    """A tensor of ours in another layout: its name there, and how many axes of length 1 stand before and after ours."""

    name: str
    before: int = 0
    after: int = 0

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """There."""
        return (*[1] * self.before, *ours, *[1] * self.after)


@dataclass(frozen=True)
class Layout:
    """Where a network's tensors stand in another layout, by our names; and the filters there, by their sum."""

    places: Mapping[str, Place]
    filters: Mapping[str, float]


# Parts of a layer, of a ToRGB and of the discriminator's blocks: ours -> theirs
AFFINE = {f"affine.{part}": Place(f"conv.modulation.{part}") for part in ("weight", "bias")}
ROSINALITY_CONV = {
    **AFFINE,
    "weight": Place("conv.weight", before=1),
    "noise_strength": Place("noise.weight", before=1),
    "bias": Place("activate.bias"),
}
ROSINALITY_RGB = {**AFFINE, "weight": Place("conv.weight", before=1), "bias": Place("bias", before=1, after=2)}
ROSINALITY_BLOCK = {
    "conv1.weight": "conv1.0.weight",
    "act1.bias": "conv1.1.bias",
    "conv2.weight": "conv2.1.weight",
    "act2.bias": "conv2.2.bias",
    "skip.weight": "skip.1.weight",
}
ROSINALITY_ENDS = {
    "from_rgb.weight": "convs.0.0.weight",
    "act.bias": "convs.0.1.bias",
    "last_conv.weight": "final_conv.0.weight",
    "last_act.bias": "final_conv.1.bias",
    **{f"hidden.{part}": f"final_linear.0.{part}" for part in ("weight", "bias")},
    **{f"logit.{part}": f"final_linear.1.{part}" for part in ("weight", "bias")},
}
NVIDIA_CONV = {
    **{part: part for part in ("weight", "bias", "affine.weight", "affine.bias", "noise_strength")},
    "noise": "noise_const",
}
NVIDIA_RGB = ("weight", "bias", "affine.weight", "affine.bias")


def generator_from_rosinality(weights: Weights, latent_avg: Tensor | None = None) -> StyleGAN2:
    """The network of a state dict `g_ema`; its size, widths and depth are those of the file.

    Args:
        weights: as the authors name them, nothing before the names.
        latent_avg: mean of W (w_dim,); None leaves `w_mean` unknown.

    Raises:
        UserError: a tensor is missing, left over or of another shape, or a filter is another one.
    """
    sides = _sides(weights.count("to_rgbs.{}.conv.weight") + 1)
    ups = [f"convs.{2 * number}.conv.weight" for number in range(len(sides) - 1)]
    w_dim = weights.shape("conv1.conv.modulation.weight", 2)[1]
    depth = weights.count("style.{}.weight", first=1)
    generator = StyleGAN2(
        size=sides[-1],
        z_dim=weights.shape("style.1.weight", 2)[1] if depth else w_dim,
        w_dim=w_dim,
        mapping_layers=depth,
        channels=[weights.shape("input.input", 4)[1], *(weights.shape(key, 5)[1] for key in ups)],
    )
    _load(generator, weights, rosinality_generator(generator))
    if latent_avg is not None:
        if latent_avg.shape != (w_dim,):
            raise UserError(f"latent_avg has the shape {tuple(latent_avg.shape)}, not ({w_dim},) as the codes of W")
        generator.mapping.w_mean.copy_(latent_avg)
    return generator


def generator_to_rosinality(generator: StyleGAN2) -> dict[str, Tensor]:
    """The state dict `g_ema` for a network."""
    return _written(generator, rosinality_generator(generator))


def discriminator_from_rosinality(weights: Weights) -> Discriminator:
    """The network of a state dict `d`. Raises as `generator_from_rosinality`."""
    sides = _sides(weights.count("convs.{}.conv1.0.weight", first=1) + 1)
    convs = [f"convs.{number}.conv1.0.weight" for number in range(len(sides) - 1, 0, -1)]
    channels = [weights.shape("final_conv.0.weight", 4)[0], *(weights.shape(key, 4)[1] for key in convs)]
    discriminator = Discriminator(sides[-1], channels=channels)
    _load(discriminator, weights, rosinality_discriminator(discriminator))
    return discriminator


def discriminator_to_rosinality(discriminator: Discriminator) -> dict[str, Tensor]:
    """The state dict `d` for a network."""
    return _written(discriminator, rosinality_discriminator(discriminator))


def generator_from_nvidia(weights: Weights) -> StyleGAN2:
    """The network of the state dict of a `G_ema` of NVIDIA's PyTorch code. Raises as `generator_from_rosinality`."""
    if "mapping.embed.weight" in weights:
        raise UserError("this StyleGAN2 was trained with classes (mapping.embed): only those without can be read")
    sides = _sides(sum(key.endswith(".torgb.weight") for key in weights))
    ups = [f"synthesis.b{side}.conv0.weight" for side in sides[1:]]
    w_dim = weights.shape("synthesis.b4.conv1.affine.weight", 2)[1]
    depth = weights.count("mapping.fc{}.weight")
    generator = StyleGAN2(
        size=sides[-1],
        z_dim=weights.shape("mapping.fc0.weight", 2)[1] if depth else w_dim,
        w_dim=w_dim,
        mapping_layers=depth,
        channels=[weights.shape("synthesis.b4.const", 3)[0], *(weights.shape(key, 4)[0] for key in ups)],
    )
    _load(generator, weights, nvidia_generator(generator))
    return generator


def rosinality_generator(generator: StyleGAN2) -> Layout:
    """Names of `Generator`; `w_mean` is not among them."""
    places = {"synthesis.const": Place("input.input", before=1)}
    for number in range(len(generator.mapping.layers)):
        for part in ("weight", "bias"):
            places[f"mapping.layers.{number}.{part}"] = Place(f"style.{number + 1}.{part}")
    for number, name in enumerate(generator.names):
        there = f"convs.{number - 1}" if number else "conv1"
        places |= _moved(ROSINALITY_CONV, f"synthesis.layers.{name}", there)
        places[f"synthesis.layers.{name}.noise"] = Place(f"noises.noise_{number}", before=2)
    for number, side in enumerate(generator.synthesis.to_rgb):
        there = f"to_rgbs.{number - 1}" if number else "to_rgb1"
        places |= _moved(ROSINALITY_RGB, f"synthesis.to_rgb.{side}", there)
    doublings = range(len(generator.synthesis.to_rgb) - 1)
    filters = [f"convs.{2 * n}.conv.blur.kernel" for n in doublings] + [
        f"to_rgbs.{n}.upsample.kernel" for n in doublings
    ]
    return Layout(places, dict.fromkeys(filters, 4.0))


def rosinality_discriminator(discriminator: Discriminator) -> Layout:
    """Names of `Discriminator`."""
    names, filters = dict(ROSINALITY_ENDS), []
    for number in range(len(discriminator.blocks)):
        there = f"convs.{number + 1}"
        names |= {f"blocks.{number}.{ours}": f"{there}.{theirs}" for ours, theirs in ROSINALITY_BLOCK.items()}
        filters += [f"{there}.conv2.0.kernel", f"{there}.skip.0.kernel"]
    return Layout({ours: Place(theirs) for ours, theirs in names.items()}, dict.fromkeys(filters, 1.0))


def nvidia_generator(generator: StyleGAN2) -> Layout:
    """Names of `Generator` in networks_stylegan2.py."""
    names, filters = {"synthesis.const": "synthesis.b4.const", "mapping.w_mean": "mapping.w_avg"}, []
    for number in range(len(generator.mapping.layers)):
        for part in ("weight", "bias"):
            names[f"mapping.layers.{number}.{part}"] = f"mapping.fc{number}.{part}"
    for name in generator.names:
        there = f"synthesis.b{name.strip('upconv')}.{'conv0' if name.startswith('up') else 'conv1'}"
        names |= {f"synthesis.layers.{name}.{ours}": f"{there}.{theirs}" for ours, theirs in NVIDIA_CONV.items()}
        filters.append(f"{there}.resample_filter")
    for side in generator.synthesis.to_rgb:
        there = f"synthesis.b{side}"
        names |= {f"synthesis.to_rgb.{side}.{part}": f"{there}.torgb.{part}" for part in NVIDIA_RGB}
        filters.append(f"{there}.resample_filter")
    return Layout({ours: Place(theirs) for ours, theirs in names.items()}, dict.fromkeys(filters, 1.0))


def binomial(total: float) -> Tensor:
    """The 4 x 4 filter of all blurs, of this sum."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return torch.outer(taps, taps) * total


def _sides(count: int) -> list[int]:
    """4, 8, 16, ...; as many as a file has."""
    sides = [4 * 2**number for number in range(count)]
    if not 8 <= max(sides, default=0) <= LARGEST:
        raise UserError(
            f"the weights have layers for {count} sizes, a StyleGAN2 of 8 to {LARGEST} pixels has 2 to 9: this is "
            "another network's file"
        )
    return sides


def _moved(parts: Mapping[str, Place], ours: str, theirs: str) -> dict[str, Place]:
    """Parts below the names of a layer."""
    return {f"{ours}.{part}": Place(f"{theirs}.{p.name}", p.before, p.after) for part, p in parts.items()}


def _load(network: nn.Module, weights: Weights, layout: Layout) -> None:
    """Fill a network, and check that nothing is missing or left over. What the layout does not have stays as it is."""
    own = network.state_dict()
    filters = {name: binomial(total) for name, total in layout.filters.items()}
    shapes = {place.name: place.shape(tuple(own[name].shape)) for name, place in layout.places.items()}
    shapes |= {name: tuple(kernel.shape) for name, kernel in filters.items()}
    check_fit(weights, shapes, type(network).__name__)
    for name, kernel in filters.items():
        if not torch.allclose(weights[name].to(kernel), kernel, atol=1e-4):
            raise UserError(f"{name} is another filter than [1, 3, 3, 1]: such a StyleGAN2 cannot be read")
    own |= {name: weights[place.name].reshape(own[name].shape) for name, place in layout.places.items()}
    network.load_state_dict(own)


def _written(network: nn.Module, layout: Layout) -> dict[str, Tensor]:
    own = network.state_dict()
    tensors = {p.name: own[name].reshape(p.shape(tuple(own[name].shape))).clone() for name, p in layout.places.items()}
    return tensors | {name: binomial(total) for name, total in layout.filters.items()}
