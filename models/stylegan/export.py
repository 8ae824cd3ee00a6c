"""Writes a generator in another layout.

    python -m models.stylegan.export GENERATOR OUT.pt             rosinality's, for the tools of the field
    python -m models.stylegan.export GENERATOR OUT.safetensors    ours, for read_generator

GENERATOR is what `models.stylegan.pretrained.read_generator` reads: "embedded", the name of an asset, or a file.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from models.aside import check_folder, written_aside
from models.errors import UserError
from models.stylegan.generator import Generator
from models.stylegan.layouts import generator_to_rosinality
from models.stylegan.pretrained import read_generator, save_generator
from models.stylegan.stylegan2 import StyleGAN2


def export(generator: Generator, file: Path) -> None:
    """Write `file` in the layout that its name asks for.

    A `.pt` is `{"g_ema": ..., "latent_avg": ...}`, as `convert_weight.py` of stylegan2-pytorch writes it; everything
    else is ours.

    Raises:
        UserError: rosinality's layout has no place for such a generator.
    """
    if file.suffix != ".pt":
        save_generator(file, generator)
        return
    if not isinstance(generator, StyleGAN2) or generator.z_dim != generator.w_dim:
        raise UserError("rosinality's layout is for a StyleGAN2 whose z and w have as many numbers; write .safetensors")
    tensors = generator_to_rosinality(generator)
    with written_aside(file) as part:
        torch.save({"g_ema": tensors, "latent_avg": generator.mapping.find_mean().clone()}, part)


def reader(generator: StyleGAN2) -> str:
    """The line of Python that makes rosinality's network for a file, and what to change there where none does."""
    channels = {int(side): rgb.get_parameter("weight").shape[1] for side, rgb in generator.synthesis.to_rgb.items()}
    call = f"Generator({generator.size}, {generator.w_dim}, {len(generator.mapping.layers)}"
    for multiplier in (2, 1, 4):
        if channels == {side: 512 if side <= 32 else 16384 // side * multiplier for side in channels}:
            return f"{call}, channel_multiplier={multiplier})"
    return f"{call}), with self.channels = {channels} in its constructor"


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code."""
    try:
        if len(words) != 2:
            raise UserError("usage: python -m models.stylegan.export GENERATOR OUT.pt|OUT.safetensors")
        source, file = words[0], Path(words[1])
        if file.suffix not in (".pt", ".safetensors"):
            raise UserError(f"{file}: the layout is told by the ending, .pt (rosinality's) or .safetensors (ours)")
        check_folder(file.parent)
        generator = read_generator(source)
        export(generator, file)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    use = f"; read it with {reader(generator)}" if isinstance(generator, StyleGAN2) and file.suffix == ".pt" else ""
    print(f"wrote {file}: {file.stat().st_size / 1e6:.2f} MB{use}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
