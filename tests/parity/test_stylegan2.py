"""StyleGAN2, its discriminator and e4e's discriminator of codes against numbers of the authors' code.

Largest differences measured when this was written: pictures 2.4e-5, features 1.7e-5, codes 0, discriminators 6e-6.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import official
from models.stylegan import layouts
from models.weights import Weights
from tests.parity.fill import load_case

HERE = Path(__file__).parent
slow = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("stylegan2_generator", marks=slow),
        pytest.param("stylegan2_nvlabs", marks=slow),
        pytest.param("stylegan2_discriminator", marks=slow),
        "latent_discriminator",
    ],
)
def test_case_matches(name: str) -> None:
    case = load_case(HERE / name)
    weights = Weights({key: torch.as_tensor(array) for key, array in case.weights.items()})
    outputs = official.run(name, weights, case.inputs)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        bounds = case.manifest["tolerance"][key]
        assert outputs[key].shape == expected.shape, key
        np.testing.assert_allclose(outputs[key], expected, rtol=bounds["rtol"], atol=bounds["atol"], err_msg=key)


def listed(file: str) -> dict[str, list[int]]:
    shapes: dict[str, list[int]] = json.loads((HERE / file).read_text())["keys"]
    return shapes


READERS: dict[str, Callable[[Weights], nn.Module]] = {
    "stylegan2_generator": layouts.generator_from_rosinality,
    "stylegan2_discriminator": layouts.discriminator_from_rosinality,
    "stylegan2_nvlabs": layouts.generator_from_nvidia,
}
WRITERS: dict[str, Callable[[Any], dict[str, Tensor]]] = {
    "stylegan2_generator": layouts.generator_to_rosinality,
    "stylegan2_discriminator": layouts.discriminator_to_rosinality,
}
LISTS = ["stylegan2_generator/keys_1024", "stylegan2_generator/keys_256", "stylegan2_nvlabs/keys_1024"]
LISTS += ["stylegan2_discriminator/keys_1024", "stylegan2_discriminator/keys_256"]


@pytest.mark.parametrize("file", LISTS)
def test_published_sizes_load_with_nothing_missing_and_nothing_left_over(file: str) -> None:
    shapes, name = listed(f"{file}.json"), file.split("/")[0]
    weights = Weights({key: torch.zeros(()).expand(shape) for key, shape in shapes.items()})
    for key in weights:
        if key.endswith(("kernel", "resample_filter")):
            doubles = "blur.kernel" in key or "upsample" in key
            weights[key] = layouts.binomial(4.0 if doubles else 1.0)
    network = READERS[name](weights)
    assert all(not tensor.any() for key, tensor in network.state_dict().items() if key != "mapping.w_mean")
    if name in WRITERS:
        assert {key: list(tensor.shape) for key, tensor in WRITERS[name](network).items()} == shapes
