"""StyleGAN3, T and R, against numbers of NVIDIA's code.

Largest differences measured when this was written: pictures 4e-6, features 1.6e-5, codes 0, filters 8e-9.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models import official
from models.errors import UserError
from models.stylegan.bands import bands
from models.stylegan.stylegan3 import StyleGAN3
from models.stylegan.stylegan3_layout import from_nvidia, nvidia_names, to_nvidia
from models.weights import Weights
from tests.parity.fill import ParityCase, load_case

HERE = Path(__file__).parent
FILTERS = {"up_filter", "down_filter"}


@pytest.fixture(scope="module", params=["stylegan3_t", "stylegan3_r"])
def case(request: pytest.FixtureRequest) -> ParityCase:
    return load_case(HERE / request.param)


def own(case: ParityCase) -> Weights:
    return Weights({key: torch.as_tensor(array) for key, array in case.weights.items()})


@pytest.mark.slow
def test_case_matches(case: ParityCase) -> None:
    name = f"stylegan3_{'r' if case.manifest['constructor']['use_radial_filters'] else 't'}"
    outputs = official.run(name, own(case), case.inputs)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        bounds = case.manifest["tolerance"][key]
        assert outputs[key].shape == expected.shape, key
        np.testing.assert_allclose(outputs[key], expected, rtol=bounds["rtol"], atol=bounds["atol"], err_msg=key)


def test_filters_are_designed_as_those_of_the_file(case: ParityCase) -> None:
    generator = from_nvidia(own(case))
    designed = to_nvidia(StyleGAN3(**generator.arguments))
    assert len(generator.names) == case.manifest["constructor"]["num_layers"]
    for key, tensor in own(case).items():
        if key.split(".")[-1] in FILTERS:
            torch.testing.assert_close(designed[key], tensor, rtol=0, atol=1e-7)


def test_layers_are_those_of_the_manifest(case: ParityCase) -> None:
    layers = list(case.manifest["layers"].values())
    generator = from_nvidia(own(case))
    for band, layer in zip(generator.bands, layers, strict=True):
        assert (band.size, band.rate, band.channels) == (layer["out_size"], layer["out_rate"], layer["cout"])
        assert (band.cutoff, band.half_width) == pytest.approx((layer["out_cutoff"], layer["out_half_width"]))


def test_state_dict_comes_back(case: ParityCase) -> None:
    again = to_nvidia(from_nvidia(own(case)))
    assert again.keys() == case.weights.keys()
    for key, array in case.weights.items():
        np.testing.assert_array_equal(again[key].numpy(), array, err_msg=key)


@pytest.mark.parametrize("config", ["t", "r"])
def test_every_tensor_of_the_1024_file_has_its_place(config: str) -> None:
    shapes = json.loads((HERE / f"stylegan3_{config}/keys_1024_{config}.json").read_text())["keys"]
    generator = from_nvidia(Weights({key: torch.empty(shape, device="meta") for key, shape in shapes.items()}))
    state = generator.state_dict()
    assert {theirs: list(state[ours].shape) for ours, theirs in nvidia_names(generator).items()} == shapes
    assert generator.size == 1024 and generator.codes == 16 and len(state) == len(shapes)
    channels = 1024 if config == "r" else 512
    assert generator.bands == bands(1024, 14, 2, 2, 2**2.1, 2**0.3, 10, 64 * channels, channels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("synthesis.L5_52_64.bias"), "1 missing: synthesis.L5_52_64.bias"),
        (lambda w: w.update({"synthesis.extra": torch.zeros(1)}), "1 unexpected: synthesis.extra"),
        (lambda w: w.update({"mapping.embed.weight": torch.zeros(1)}), "trained with classes"),
        (lambda w: w.pop("synthesis.L5_52_64.weight"), "one after another"),
        (lambda w: w.update({"mapping.fc1.bias": torch.zeros(3)}), r"1 misshapen: mapping.fc1.bias \(3,\)"),
    ],
)
def test_wrong_files_are_refused(change: object, message: str) -> None:
    weights = own(load_case(HERE / "stylegan3_t"))
    assert callable(change)
    change(weights)
    with pytest.raises(UserError, match=message):
        from_nvidia(weights)


def test_settings_that_shapes_do_not_tell_can_be_given() -> None:
    weights = own(load_case(HERE / "stylegan3_t"))
    generator = from_nvidia(weights, conv_clamp=None, output_scale=1.0)
    image: Tensor = generator.eval()(torch.zeros(1, 512)).image
    torch.testing.assert_close(image, from_nvidia(weights).eval()(torch.zeros(1, 512)).image * 4)
    with pytest.raises(UserError, match=r"missing: synthesis\.L"):
        from_nvidia(weights, first_stopband=20.0)
