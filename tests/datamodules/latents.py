"""Latents as prepare.py task=invert leaves them, of made-up codes and without a generator."""

from pathlib import Path
from typing import Any

import numpy as np

from datamodules.clip_shards import ClipShards
from datamodules.latents import GeneratorFacts, LatentFacts
from preparation.latent_shards import LatentShards

CODES, WIDTH = 6, 8
GENERATOR = GeneratorFacts("toy", "0123456789abcdef", 32, CODES, WIDTH)
SETTINGS = {"method": "double", "noise": "fixed"}


def made_up(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of a track for all frames of a shard."""
    rng = np.random.default_rng(seed)
    return {
        "codes": rng.normal(size=(frames, CODES, WIDTH)).astype(np.float16),
        "l1": rng.random(frames, np.float32),
        "psnr": 20 + rng.random(frames, np.float32),
    }


def write_latents(shards: Path, name: str = "toy", batch: int = 7, **facts: Any) -> dict[str, np.ndarray]:
    """Adds a set of latents; returns its codes by key."""
    latents = LatentShards(shards, name, GeneratorFacts(**{**vars(GENERATOR), **facts}), SETTINGS, batch)
    assert not latents.begin()
    whole = {shard.file: made_up(shard.frames, seed) for seed, shard in enumerate(latents.dataset.shards)}
    for piece in latents.pieces:
        path = piece.path(latents.aside)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = {array: rows[piece.first : piece.last] for array, rows in whole[piece.shard.file].items()}
        np.savez(path, allow_pickle=False, **part)
        latents.assemble(piece.shard)
    assert isinstance(latents.finish(), LatentFacts) and not latents.aside.exists()
    codes: dict[str, np.ndarray] = {}
    for split in latents.dataset.identities:
        clips = ClipShards(shards, split)
        for number, shard in enumerate(clips.shards):
            rows = np.flatnonzero(clips.table.shard == number)
            parts = np.split(whole[shard.file]["codes"], np.cumsum(clips.table.frames[rows])[:-1])
            codes |= dict(zip((clips.table.keys[row] for row in rows), parts))
    return codes
