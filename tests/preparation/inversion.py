"""A tiny generator and a double of an inverter; importable by name, for processes that start from nothing.

Called as a script it inverts a folder of shards: arguments are the folder, the number of workers, and what the double
does beside inverting.
"""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.inversion.inversion import Inversion, Inverter
from models.stylegan.generator import Generator
from models.stylegan.stylegan2 import StyleGAN2
from preparation.inversion_worker import InversionWorker
from preparation.invert import ALL, Inversions, Share
from preparation.latent_shards import LatentShards, generator_facts
from preparation.runners import LocalRunner, Runner


def tiny(seed: int = 0, size: int = 16) -> Generator:
    """A StyleGAN2 that nobody has trained."""
    torch.manual_seed(seed)
    generator = StyleGAN2(size, z_dim=8, w_dim=8, mapping_layers=1, channel_base=64, channel_max=8)
    generator.mapping.find_mean()
    return generator.eval().requires_grad_(False)


class Double:
    """Codes are the picture's first numbers: each frame has its own, and they do not depend on the batch.

    Args:
        generator: see `Inverter`.
        habit: "": none; "slow": a picture takes some time; "states", "nan": what cannot be kept.
    """

    def __init__(self, generator: Generator, habit: str = "") -> None:
        self.generator, self.habit = generator, habit
        self.settings: dict[str, Any] = {"method": "double", "noise": "fixed"}

    def invert(self, image: Tensor, watch: Any = None) -> Inversion:
        """See `Inverter`."""
        if self.habit == "slow":
            import time

            time.sleep(0.03 * len(image))
        small = F.adaptive_avg_pool2d(image, 8).flatten(1)[:, : self.generator.codes * self.generator.w_dim]
        codes = small.reshape(-1, self.generator.codes, self.generator.w_dim)
        if self.habit == "nan":
            codes = codes / torch.zeros(())
        return Inversion(codes, delta={"x": small} if self.habit == "states" else None)


def inversions(
    shards: Path,
    runner: Runner,
    *,
    habit: str = "",
    seed: int = 0,
    batch: int = 7,
    share: Share = ALL,
    **settings: Any,
) -> Inversions:
    """The inversion of a folder by the double."""
    make_generator, make_inverter = partial(tiny, seed), partial(Double, habit=habit)
    generator = make_generator()
    facts = generator_facts(generator, "tiny")
    inverter: Inverter = make_inverter(generator)
    latents = LatentShards(shards, "tiny", facts, {**inverter.settings, **settings}, batch)
    worker = InversionWorker(shards, latents.aside, make_generator, make_inverter, "cpu")
    return Inversions(latents, worker, runner, make_generator, share, rows=2)


if __name__ == "__main__":
    folder, workers, habit = sys.argv[1:]
    inversions(Path(folder), LocalRunner(int(workers)), habit=habit, share=Share.of_torchrun()).run()
    os._exit(0)
