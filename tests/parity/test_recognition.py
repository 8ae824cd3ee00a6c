"""The recognition networks against numbers of the authors' code."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import official
from models.weights import Weights
from tests.parity.fill import load_case


@pytest.mark.slow
def test_iresnet50() -> None:
    case = load_case(Path(__file__).parent / "iresnet50")
    weights = Weights({key: torch.from_numpy(array) for key, array in case.weights.items()})
    outputs = official.run("iresnet50", weights, case.inputs)
    assert outputs.keys() == case.outputs.keys() == {"embed"}
    np.testing.assert_allclose(outputs["embed"], case.outputs["embed"], rtol=1e-4, atol=2.55e-4)


@pytest.mark.slow
def test_irse50_arcface() -> None:
    case = load_case(Path(__file__).parent / "irse50_arcface")
    weights = Weights({key: torch.from_numpy(array) for key, array in case.weights.items()})
    outputs = official.run("irse50_arcface", weights, case.inputs)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        bound = case.manifest["tolerance"][key]
        np.testing.assert_allclose(outputs[key], expected, rtol=bound["rtol"], atol=bound["atol"], err_msg=key)
