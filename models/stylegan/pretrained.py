"""Generators out of the files that people publish, and out of ours.

A file's layout is told by its names, sizes by its shapes. Our own is `.safetensors`: large tensors in half precision,
and in the metadata the class and the arguments of its constructor.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import UserError
from models.own_weights import facts_of, located, reading, save_halved, trained
from models.pickles import Network
from models.stylegan.generator import Generator
from models.stylegan.layouts import ROSINALITY_PARTS, generator_from_nvidia, generator_from_rosinality
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.stylegan3 import StyleGAN3
from models.stylegan.stylegan3_layout import from_nvidia
from models.weights import TORCH_SUFFIXES, Weights, load_strictly, read_content, read_weights, tensors_of

WEIGHTS = Path(__file__).with_name("weights")
EMBEDDED = {"embedded": WEIGHTS / "stylegan2.safetensors", "embedded3": WEIGHTS / "stylegan3.safetensors"}
CLASSES: dict[str, type[Generator]] = {"StyleGAN2": StyleGAN2, "StyleGAN3": StyleGAN3}
NOT_TOLD = (  # arguments of StyleGAN3, here and in NVIDIA's code, that no shape tells
    "num_critical",
    "first_cutoff",
    "first_stopband",
    "last_stopband_rel",
    "lrelu_upsampling",
    "conv_clamp",
    "output_scale",
    "magnitude_ema_beta",
)


def read_generator(file: str | Path) -> Generator:
    """A trained generator, in evaluation mode and frozen; its `w_mean` is known.

    Args:
        file: "embedded" or "embedded3" (StyleGAN2 and 3, 64 pixels, synthetic heads), the name of an asset, or a path:
            a file of `save_generator`, a checkpoint of `train.py`, rosinality's `.pt`, e4e's and pSp's (their decoder),
            StyleHEAT's `StyleGAN_e4e.pth`, NVIDIA's `.pkl` or a state dict of its `G_ema`.

    Raises:
        MissingAsset: of that name.
        UserError: there is no such file, or it is not whole or holds no generator that is known here.
    """
    path = located(str(file), "generator", EMBEDDED, lambda name: name.startswith("stylegan"))
    with reading("generator", path):
        generator = _read(path)
    generator.mapping.find_mean()
    return generator.eval().requires_grad_(False)


def save_generator(path: Path, generator: Generator) -> None:
    """Write a generator as `.safetensors`, what is large in half precision."""
    arguments = json.dumps(generator.arguments, default=list)
    save_halved(path, generator, {"generator": type(generator).__name__, "arguments": arguments})


def generator_id(generator: Generator) -> str:
    """16 hex digits that stand for its weights, whatever device they are on; codes of another generator mean nothing.

    `w_mean` does not count: codes make the same pictures whatever it is.
    """
    return weights_id(generator, without=("mapping.w_mean",))


def weights_id(network: nn.Module, without: Sequence[str] = ()) -> str:
    """16 hex digits of the SHA-256 over names and numbers of the weights, but for those called `without`."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if name not in without:
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]


def _read(path: Path) -> Generator:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        facts = facts_of(path)
        if "generator" in facts:
            return _made(facts["generator"], json.loads(facts["arguments"]), read_weights(path))
    elif suffix in (".pkl", *TORCH_SUFFIXES):
        content = read_content(path)
        if isinstance(content, dict) and "figurehead" in content:
            generator = _made(*trained(content))
            generator.mapping.w_mean.fill_(torch.nan)  # what stands there is of earlier weights
            return generator
        return _from_authors(tensors_of(content), _arguments(content))
    return _from_authors(read_weights(path), {})


def _arguments(content: Any) -> dict[str, Any]:
    """Those of the constructor of `G_ema`, where NVIDIA's `.pkl` has them."""
    network = content.get("G_ema") if isinstance(content, dict) else content
    return network.arguments if isinstance(network, Network) else {}


def _made(kind: str, arguments: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Generator:
    """A generator of the class of that name."""
    if kind not in CLASSES:
        raise UserError(f"it holds a {kind}, not one of {', '.join(CLASSES)}")
    try:
        generator = CLASSES[kind](**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"no {kind} can be made with {dict(arguments)}: {error}") from error
    load_strictly(generator, {key: tensor.float() for key, tensor in weights.items()})
    return generator


def _from_authors(weights: Weights, arguments: Mapping[str, Any]) -> Generator:
    """Out of the names of others; `arguments` are of NVIDIA's constructor."""
    own = weights.part(*ROSINALITY_PARTS)
    if "conv1.conv.modulation.weight" in own:
        mean = weights.get("latent_avg")
        return generator_from_rosinality(Weights({k: v for k, v in own.items() if k != "latent_avg"}), _mean_of_w(mean))
    own = weights.part("G_ema")
    if "synthesis.b4.const" in own:
        return generator_from_nvidia(own)
    if "synthesis.input.freqs" in own:
        return from_nvidia(own, **{key: arguments[key] for key in NOT_TOLD if key in arguments})
    raise UserError(f"it holds no generator that is known here; its names are {', '.join(list(weights)[:3])}, ...")


def _mean_of_w(latent_avg: Tensor | None) -> Tensor | None:
    """What e4e and pSp call `latent_avg` is the mean of W, once or for each layer; else it is their encoder's alone."""
    if latent_avg is not None and latent_avg.ndim == 2:
        return latent_avg[0] if bool((latent_avg == latent_avg[:1]).all()) else None
    return latent_avg
