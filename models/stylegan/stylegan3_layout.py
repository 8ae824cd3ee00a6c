"""StyleGAN3 under NVIDIA's names (`G_ema` of networks_stylegan3.py)."""

import re
from typing import Any

import torch
from torch import Tensor

from models.errors import UserError
from models.stylegan.stylegan3 import StyleGAN3
from models.weights import Weights, check_fit

LAYER = re.compile(r"synthesis\.L(\d+)_(\d+)_(\d+)\.weight")  # number, size, channels
RENAMED = {"magnitude": "magnitude_ema"}
INPUT = {"weight": "weight", "frequencies": "freqs", "phases": "phases", "transform": "transform"}


def from_nvidia(weights: Weights, **settings: Any) -> StyleGAN3:
    """The network of a state dict; its sizes are those of the file, and its filters too.

    Args:
        weights: as NVIDIA names them, nothing before the names.
        settings: arguments of `StyleGAN3` that neither names nor shapes tell, where they are not the defaults: cutoffs
            and stopbands, `num_critical` of T, `lrelu_upsampling`, `conv_clamp`, `output_scale`.

    Raises:
        UserError: a tensor is missing, left over or of another shape; or the file's layers are not those that the
            settings give.
    """
    if "mapping.embed.weight" in weights:
        raise UserError("this StyleGAN3 was trained with classes (mapping.embed): only those without can be read")
    with torch.device("meta"):
        generator = StyleGAN3(**{**_told(weights, settings.get("lrelu_upsampling", 2)), **settings})
    names, own = nvidia_names(generator), generator.state_dict()
    check_fit(weights, {theirs: own[ours].shape for ours, theirs in names.items()}, "StyleGAN3")
    given = {ours: weights[theirs].to(torch.float32, copy=True) for ours, theirs in names.items()}
    generator.load_state_dict(given, assign=True)
    return generator


def to_nvidia(generator: StyleGAN3) -> dict[str, Tensor]:
    """The state dict of a network in NVIDIA's names."""
    own = generator.state_dict()
    return {theirs: own[ours] for ours, theirs in nvidia_names(generator).items()}


def nvidia_names(generator: StyleGAN3) -> dict[str, str]:
    """NVIDIA's names by ours."""
    names = {"mapping.w_mean": "mapping.w_avg"}
    for number in range(len(generator.mapping.layers)):
        names |= {f"mapping.layers.{number}.{part}": f"mapping.fc{number}.{part}" for part in ("weight", "bias")}
    names |= {f"synthesis.input.{ours}": f"synthesis.input.{theirs}" for ours, theirs in INPUT.items()}
    names |= {f"synthesis.input.affine.{part}": f"synthesis.input.affine.{part}" for part in ("weight", "bias")}
    layers = [*(f"layers.{name}" for name in generator.names), "to_rgb"]
    for number, (ours, band) in enumerate(zip(layers, generator.bands)):
        theirs = f"synthesis.L{number}_{band.size}_{band.channels}"
        parts = ["weight", "bias", "affine.weight", "affine.bias", "magnitude"]
        parts += ["up_filter", "down_filter"] if ours != "to_rgb" else []
        names |= {
            f"synthesis.{ours}.{part}": f"{theirs}.{part.replace('magnitude', 'magnitude_ema')}" for part in parts
        }
    return names


def _told(weights: Weights, upsampling: int) -> dict[str, Any]:
    """Arguments of `StyleGAN3` that names and shapes tell."""
    found = sorted(tuple(map(int, match.groups())) for match in map(LAYER.fullmatch, weights) if match)
    if len(found) < 3 or [number for number, _, _ in found] != list(range(len(found))):
        raise UserError("the weights do not hold a StyleGAN3's layers, synthesis.L0_..., L1_..., one after another")
    layers = [f"synthesis.L{number}_{size}_{channels}" for number, size, channels in found]
    size = found[-1][1]
    radial = [len(weights.shape(f"{layer}.down_filter")) == 2 for layer in layers[:-1]]
    depth = weights.count("mapping.fc{}.weight")
    w_dim = weights.shape(f"{layers[0]}.affine.weight", 2)[1]
    told = {
        "size": size,
        "z_dim": weights.shape("mapping.fc0.weight", 2)[1] if depth else w_dim,
        "w_dim": w_dim,
        "mapping_layers": depth,
        "channels": [channels for _, _, channels in found[:-1]],
        "num_layers": len(layers) - 1,
        "margin": (found[-3][1] - size) // 2,  # the last layer with a margin is sampled as the picture is
        "conv_kernel": weights.shape(f"{layers[0]}.weight", 4)[2],
        "filter_size": weights.shape(f"{layers[0]}.up_filter", 1)[0] // upsampling,  # L0 keeps its sampling rate
        "use_radial_filters": any(radial),
    }
    return {**told, "num_critical": radial[::-1].index(True)} if any(radial) else told
