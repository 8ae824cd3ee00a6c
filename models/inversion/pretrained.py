"""Encoders and HFGI out of the files that people publish, and out of ours.

A file's layout is told by its keys, sizes by its shapes. Our own is `.safetensors`: large tensors in half precision,
and in the metadata the class and the arguments of its constructor.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder, load_encoder, sizes_of
from models.inversion.hfgi import HFGI
from models.inversion.hfgi_aligner import ResidualAligner
from models.inversion.hfgi_residual import ResidualEncoder
from models.own_weights import facts_of, located, reading, save_halved, trained
from models.weights import TORCH_SUFFIXES, Weights, load_strictly, read_torch, read_weights, tensors_of

WEIGHTS = Path(__file__).with_name("weights")
EMBEDDED = {"embedded": WEIGHTS / "e4e.safetensors", "embedded_psp": WEIGHTS / "psp.safetensors"}
KINDS: dict[str, type[GradualStyleEncoder]] = {"e4e": Encoder4Editing, "psp": GradualStyleEncoder}
CLASSES = {kind.__name__: kind for kind in KINDS.values()}


def read_encoder(file: str | Path, kind: Literal["e4e", "psp"] | None = None) -> GradualStyleEncoder:
    """A trained encoder, in evaluation mode and frozen; its codes are absolute: `latent_avg` is in them.

    Args:
        file: "embedded" or "embedded_psp" (e4e, and pSp of 6 channels, for the generator "embedded"), the name of an
            asset, or a path: a file of `save_encoder`, a checkpoint of `train.py`, e4e's or pSp's `.pt`, or StyleHEAT's
            `Encoder_e4e.pth`.
        kind: what e4e's or pSp's file holds, where it does not say so: their keys are the same.

    Raises:
        MissingAsset: of that name.
        UserError: there is no such file, or it is not whole, holds no encoder, or does not say which.
    """
    path = _path(str(file))
    with reading("encoder", path):
        encoder = _read(path, kind)
    return encoder.eval().requires_grad_(False)


def save_encoder(path: Path, encoder: GradualStyleEncoder) -> None:
    """Write an encoder as `.safetensors`, what is large in half precision."""
    save_halved(path, encoder, {"encoder": type(encoder).__name__, "arguments": json.dumps(encoder.settings)})


def read_hfgi(file: str | Path = "styleheat_hfgi", encoder: str | Path = "styleheat_e4e") -> HFGI:
    """HFGI as StyleHEAT publishes it, in evaluation mode and frozen.

    Args:
        file: an asset, or the path of `hfgi.pth`: {"aligner", "encoder"}.
        encoder: an asset, or the path of `Encoder_e4e.pth`; see `read_encoder`.

    Raises:
        MissingAsset: of these names.
        UserError: a file is missing or is another one.
    """
    path = _path(str(file))
    weights, aligner = read_weights(path), ResidualAligner()
    residual = weights.part("encoder")
    with reading("HFGI", path):
        residual_encoder = ResidualEncoder(residual.shape("condition_scale3.2.weight", 4)[0])
        load_strictly(residual_encoder, residual)
        load_strictly(aligner, weights.part("aligner"))
    return HFGI(read_encoder(encoder), aligner, residual_encoder).eval().requires_grad_(False)


def _path(file: str) -> Path:
    return located(file, "encoder", EMBEDDED, lambda name: name.endswith(("_encode", "_e4e")))


def _read(path: Path, kind: str | None) -> GradualStyleEncoder:
    if path.suffix.lower() == ".safetensors":
        facts = facts_of(path)
        if "encoder" in facts:
            return _made(facts["encoder"], json.loads(facts["arguments"]), read_weights(path))
    elif path.suffix.lower() in TORCH_SUFFIXES:
        content = read_torch(path)
        if isinstance(content, dict) and "figurehead" in content:
            return _made(*trained(content))
        options = content.get("opts") if isinstance(content, dict) else None
        return _from_authors(tensors_of(content), options if isinstance(options, dict) else {}, kind)
    return _from_authors(read_weights(path), {}, kind)


def _made(name: str, arguments: Mapping[str, Any], weights: Weights) -> GradualStyleEncoder:
    """An encoder of the class of that name."""
    if name not in CLASSES:
        raise UserError(f"it holds a {name}, not one of {', '.join(CLASSES)}")
    try:
        return load_encoder(CLASSES[name], weights, settings=arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"no {name} can be made with {dict(arguments)}: {error}") from error


def _from_authors(weights: Weights, options: Mapping[str, Any], kind: str | None) -> GradualStyleEncoder:
    """Out of e4e's, pSp's and StyleHEAT's files; `options` are those of the authors' training."""
    network, mean = weights.part("state_dict.encoder", "encoder"), weights.get("latent_avg")
    network = Weights({key: value for key, value in network.items() if key != "latent_avg"})
    if mean is not None and "encoder.styles.0.linear.weight" in weights:  # StyleHEAT's
        return load_encoder(Encoder4Editing, network, mean, {**sizes_of(network), "align_corners": False})
    network.shape("styles.0.linear.weight", 2)
    starts_at_mean = options.get("start_from_latent_avg", True)
    return load_encoder(KINDS[kind or _kind(weights, options)], network, mean if starts_at_mean else None)


def _kind(weights: Weights, options: Mapping[str, Any]) -> str:
    """What a file of e4e or pSp says that it holds."""
    named = {"Encoder4Editing": "e4e", "GradualStyleEncoder": "psp"}.get(str(options.get("encoder_type")))
    if named is None and any(key.startswith("discriminator_state_dict.") for key in weights):
        named = "e4e"
    if named is None:
        raise UserError("it may be e4e or pSp, whose keys are the same: say which by kind=e4e or kind=psp")
    return named
