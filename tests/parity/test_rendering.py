"""Rasterizer and eye ratios against numbers computed for the purpose, through the command line."""

from pathlib import Path

import numpy as np
import pytest

from models import official
from tests.parity.fill import Arrays, ParityCase, load_case


def outputs_of(name: str, case: ParityCase, folder: Path) -> Arrays:
    np.savez(folder / "in.npz", allow_pickle=False, **case.inputs)
    arguments = ["run", name, "--inputs", f"{folder}/in.npz", "--outputs", f"{folder}/out.npz"]
    assert official.main(arguments) == 0
    with np.load(folder / "out.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["rasterizer", "rasterizer_ict"])
def test_rasterizer_matches(name: str, tmp_path: Path) -> None:
    case = load_case(Path(__file__).parent / name)
    found = outputs_of(name, case, tmp_path)
    assert found.keys() == case.outputs.keys()
    kept = ~case.inputs["ignore"]
    np.testing.assert_array_equal(found["triangle"][kept], case.outputs["triangle"][kept])
    np.testing.assert_allclose(found["depth"][kept], case.outputs["depth"][kept], rtol=1e-4)
    np.testing.assert_allclose(found["barycentric"][kept], case.outputs["barycentric"][kept], rtol=0, atol=2e-3)
    np.testing.assert_allclose(found["image"][kept], case.outputs["image"][kept], rtol=0, atol=1e-3)
    background = found["triangle"] < 0
    for key in ("depth", "barycentric", "image"):
        assert not found[key][background].any()


def test_eye_ratio_matches(tmp_path: Path) -> None:
    case = load_case(Path(__file__).parent / "eye_ratio")
    found = outputs_of("eye_ratio", case, tmp_path)
    assert found.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        np.testing.assert_allclose(found[key], expected, rtol=1e-5, err_msg=key)
