"""GAN inversion: from a picture back to what a generator makes it of, in one form whatever the method.

    inverter = OptimiseWPlus(generator, objective)        # or EncoderInversion, OptimiseFeatures, PivotalTuning
    inversion = inverter.invert(image)
    picture = reconstruct(generator, inversion)
    save(path, generator, inversion, inverter.settings)

Letters: B batch, N codes of a picture, W numbers of a code, S side of the pictures.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.func import functional_call

from models.aside import written_aside
from models.errors import UserError
from models.inversion.delta import tuned_weights
from models.stylegan.generator import Generator
from models.stylegan.pretrained import generator_id
from models.stylegan.synthesis import NOTHING, Access, State

Steady = Literal["fixed", "none"]  # noise that is the same in every pass
Watch = Callable[[int, int, Mapping[str, float]], None]
"""Told every few steps: how many are done, how many there are at most, and the weighted parts of the loss, as their
means over the pictures that are still being worked on."""


@dataclass(frozen=True)
class Inversion:
    """What a generator makes B pictures of.

    Attributes:
        codes: (B, N, W) of W+.
        states: by layer, what stands in the place of what the codes before it would give.
        delta: what to add to the generator's weights, see `models.inversion.delta`; one for all B pictures.
        noise: that the pictures were found with, and that they are made with again.
    """

    codes: Tensor
    states: dict[str, State] = field(default_factory=dict)
    delta: dict[str, Tensor] | None = None
    noise: Steady = "fixed"


class Inverter(Protocol):
    """A way of inverting pictures with a generator, the first argument of its constructor: `Inverter(generator, ...)`.

    Attributes:
        generator: its weights are never changed.
        settings: everything that decides the result beside generator and pictures, as plain values, `method` among
            them; goes into the file.
    """

    generator: Generator
    settings: dict[str, Any]

    def invert(self, image: Tensor, watch: Watch = ...) -> Inversion:
        """Pictures (B, 3, S, S), RGB in [-1, 1], aligned as the generator's are; S is its size or divides it.

        Raises:
            UserError: pictures of another shape.
        """


def unwatched(done: int, steps: int, losses: Mapping[str, float]) -> None:
    """The `Watch` that looks away."""


def reconstruct(generator: Generator, inversion: Inversion) -> Tensor:
    """The pictures (B, 3, size, size), about [-1, 1], not clamped; differentiable.

    Where states of several layers are given, the synthesis starts behind the last of them.
    """
    access = NOTHING
    if inversion.states:
        layer = max(inversion.states, key=generator.names.index)
        access = Access(start=(layer, inversion.states[layer]))
    inputs = (inversion.codes, inversion.noise, access)
    if inversion.delta is None:
        return generator(*inputs).image
    return functional_call(generator, tuned_weights(generator, inversion.delta), inputs).image


def checked(generator: Generator, image: Tensor) -> Tensor:
    """The pictures as they are, where they can be inverted.

    Raises:
        UserError: they are not (B, 3, S, S), or S neither is the generator's size nor divides it.
    """
    if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] != image.shape[3] or generator.size % image.shape[3]:
        raise UserError(
            f"pictures to invert are (B, 3, S, S), S = {generator.size} or a divisor of it, not {tuple(image.shape)}; "
            "crop and resize them first"
        )
    return image


def save(path: Path, generator: Generator, inversion: Inversion, settings: Mapping[str, Any]) -> None:
    """A safetensors file with the inversion, the generator's identity and the settings it was found with."""
    from safetensors.torch import save_file

    tensors = {"codes": inversion.codes}
    for layer, state in inversion.states.items():
        tensors[f"states/{layer}/feature"] = state.feature
        if state.image is not None:
            tensors[f"states/{layer}/image"] = state.image
    tensors |= {f"delta/{name}": value for name, value in (inversion.delta or {}).items()}
    facts = {"generator": generator_id(generator), "noise": inversion.noise, "settings": json.dumps(dict(settings))}
    with written_aside(path) as part:
        save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, part, facts)


def load(path: Path, generator: Generator) -> Inversion:
    """What `save` wrote, on the generator's device.

    Raises:
        UserError: there is no such file, it holds no inversion, or it belongs to another generator.
    """
    tensors, facts = _read(path)
    mine = generator_id(generator)
    if facts["generator"] != mine:
        raise UserError(
            f"{path.name} holds codes of the generator {facts['generator']}, and this one is {mine}: "
            "codes mean nothing to another generator; read that one, or invert the pictures again"
        )
    tensors = {name: tensor.to(generator.mapping.w_mean.device) for name, tensor in tensors.items()}
    layers = dict.fromkeys(name.split("/")[1] for name in tensors if name.startswith("states/"))
    states = {
        layer: State(tensors[f"states/{layer}/feature"], tensors.get(f"states/{layer}/image")) for layer in layers
    }
    delta = {name.removeprefix("delta/"): value for name, value in tensors.items() if name.startswith("delta/")}
    return Inversion(tensors["codes"], states, delta or None, "none" if facts["noise"] == "none" else "fixed")


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(f"no inversion at {path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            tensors, facts = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(f"{path.name} is not a whole safetensors file ({error})") from error
    if "codes" not in tensors or not {"generator", "noise"} <= facts.keys():
        raise UserError(f"{path.name} holds no inversion (it holds {', '.join(sorted(tensors)[:3]) or 'nothing'})")
    return tensors, facts


@torch.no_grad()
def mean_codes(generator: Generator, batch: int) -> Tensor:
    """W's mean for every layer of every picture: (batch, N, W)."""
    return generator.mapping.find_mean().expand(batch, generator.codes, -1)
