"""Encoders and HFGI against numbers of the authors' code, within the tolerances of the manifests.

Four of the cases have the same 267 million weights, but for the first convolution: they are made once.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import official
from models.weights import Weights, read_weights
from tests.parity.fill import ParityCase, fill, load_case

HERE = Path(__file__).parent
SEED = 0
ENCODERS = ["e4e_encoder", "psp_gradual", "psp_gradual_6ch", "hfgi_e4e_encoder"]


@cache
def large() -> dict[str, torch.Tensor]:
    """Weights of the first of `ENCODERS`."""
    return {key: torch.from_numpy(fill(key, entry, SEED)) for key, entry in manifest(ENCODERS[0])["tensors"].items()}


@cache
def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / name / "manifest.json").read_text())
    return found


def weights_of(name: str) -> Weights:
    """What differs from the weights that are there already is made anew."""
    assert manifest(name)["seed"] == SEED
    same = manifest(ENCODERS[0])["tensors"]
    return Weights(
        {
            key: large()[key] if entry == same[key] else torch.from_numpy(fill(key, entry, SEED))
            for key, entry in manifest(name)["tensors"].items()
        }
    )


def compare(case: ParityCase, outputs: dict[str, np.ndarray]) -> None:
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        bound = case.manifest["tolerance"][key]
        np.testing.assert_allclose(outputs[key], expected, rtol=bound["rtol"], atol=bound["atol"], err_msg=key)


@pytest.fixture(scope="module")
def encoders() -> Any:
    """Frees the large weights behind the last test that needs them."""
    yield
    large.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("encoders")
@pytest.mark.parametrize("name", ENCODERS)
def test_large_encoders(name: str) -> None:
    with np.load(HERE / name / "io.npz") as file:
        arrays = {part: {k[len(part) :]: v for k, v in file.items() if k.startswith(part)} for part in ("in/", "out/")}
    outputs = official.run(name, weights_of(name), arrays["in/"])
    compare(ParityCase({}, arrays["in/"], arrays["out/"], manifest(name)), outputs)


@pytest.mark.slow
def test_hfgi_inversion() -> None:
    case = load_case(HERE / "hfgi_inversion")
    weights = Weights({key: torch.from_numpy(array) for key, array in case.weights.items()})
    compare(case, official.run("hfgi_inversion", weights, case.inputs))


@pytest.mark.slow
def test_hfgi_generator() -> None:
    case = load_case(HERE / "hfgi_generator")
    weights = Weights({f"generator.stylegan.{key}": torch.from_numpy(array) for key, array in case.weights.items()})
    compare(case, official.run("hfgi_generator", weights, case.inputs))


@pytest.mark.parametrize("name", ["hfgi_aligner", "hfgi_residual_encoder"])
@pytest.mark.parametrize("layout", ["styleheat", "hfgi"])
def test_hfgi_networks(name: str, layout: str, tmp_path: Path) -> None:
    """Out of StyleHEAT's file, where both lie side by side, and out of HFGI's own, where they have prefixes."""
    case, tensors = load_case(HERE / name), {}
    own = {key: torch.from_numpy(array) for key, array in case.weights.items()}
    entry = "aligner" if name == "hfgi_aligner" else "encoder"
    if layout == "styleheat":
        tensors = {entry: own, {"aligner": "encoder", "encoder": "aligner"}[entry]: {"other": torch.zeros(1)}}
    else:
        prefix = {"aligner": "grid_align", "encoder": "residue"}[entry]
        tensors = {"state_dict": {**{f"{prefix}.{k}": v for k, v in own.items()}, "encoder.x": torch.zeros(1)}}
    torch.save(tensors, tmp_path / "hfgi.pth")
    compare(case, official.run(name, read_weights(tmp_path / "hfgi.pth"), case.inputs))
