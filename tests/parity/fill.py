"""Rebuild the weights that a parity case was computed with.

A case is a folder with `manifest.json` (every tensor of a checkpoint in the format that the method's authors publish:
its name, shape, dtype and how it is filled) and `io.npz` (inputs under `in/`, expected outputs under `out/`, and under
`const/` the few tensors that are constants rather than weights).
"""

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]


class ParityCase(NamedTuple):
    weights: Arrays
    inputs: Arrays
    outputs: Arrays
    manifest: dict[str, Any]


def fill(key: str, entry: dict[str, Any], seed: int) -> np.ndarray:
    """The tensor named `key`; the same key, entry and seed always give the same values."""
    shape, dtype, kind = tuple(entry["shape"]), entry["dtype"], entry["kind"]
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(f"{seed}:{key}".encode())))
    if kind == "normal":
        return (rng.standard_normal(shape) * entry["scale"] + entry.get("mean", 0.0)).astype(dtype)
    if kind == "uniform":
        return rng.uniform(entry["low"], entry["high"], shape).astype(dtype)
    if kind == "zeros":
        return np.zeros(shape, dtype)
    raise ValueError(f"{key}: unknown fill {kind!r}")


def load_case(folder: Path) -> ParityCase:
    manifest = json.loads((folder / "manifest.json").read_text())
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)

    def part(prefix: str) -> Arrays:
        return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}

    constants = part("const/")
    weights = {
        key: constants[key] if entry["kind"] == "const" else fill(key, entry, manifest["seed"])
        for key, entry in manifest["tensors"].items()
    }
    return ParityCase(weights, part("in/"), part("out/"), manifest)
