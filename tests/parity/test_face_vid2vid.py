"""face-vid2vid against numbers of the authors' code, through the command line and the file formats that people have.

Largest differences measured when this was written are under a tenth of each tolerance.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models import official
from tests.parity.fill import Arrays, load_case

# Each case with its manifest's tolerance, where outputs have different ones by name, and how its weights are published:
# the file's suffix and the prefix or entry that the network has there.
CASES = [
    ("kp", {"": 2e-5}, ".safetensors", "kp_extractor"),
    ("he", {"": 5e-5}, ".pth.tar", "he_estimator"),
    ("mapping", {"": 5e-5}, ".pth.tar", "mapping"),
    ("kp_transform", {"": 1e-5, "degrees": 1e-3}, "", ""),
    ("discriminator", {"": 2e-4}, ".pth", "discriminator"),
    pytest.param("generator", {"": 1e-4, "prediction": 5e-4}, ".npz", "", marks=pytest.mark.slow),
    pytest.param("animation", {"": 1e-4, "predictions": 1e-3}, ".safetensors", "", marks=pytest.mark.slow),
]


def write_weights(path: Path, weights: Arrays, entry: str) -> None:
    tensors = {key: torch.from_numpy(array) for key, array in weights.items()}
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **weights)
    elif path.suffix == ".safetensors":
        save_file({f"{entry}.{key}" if entry else key: value for key, value in tensors.items()}, path)
    else:  # a training checkpoint: other entries, optimiser state with numbered keys
        other = {"epoch": 3, "optimizer": {"state": {0: {"step": torch.zeros(())}}}, "other": {"x": torch.zeros(2)}}
        torch.save({entry: tensors, **other}, path)


@pytest.mark.parametrize(("name", "tolerances", "suffix", "entry"), CASES)
def test_case_matches(name: str, tolerances: dict[str, float], suffix: str, entry: str, tmp_path: Path) -> None:
    case = load_case(Path(__file__).parent / f"facevid2vid_{name}")
    arguments = ["run", f"facevid2vid_{name}", "--inputs", f"{tmp_path}/in.npz", "--outputs", f"{tmp_path}/out/out.npz"]
    np.savez(tmp_path / "in.npz", allow_pickle=False, **case.inputs)
    if suffix:
        write_weights(tmp_path / f"weights{suffix}", case.weights, entry)
        arguments += ["--weights", f"{tmp_path}/weights{suffix}"]
    assert official.main(arguments) == 0
    with np.load(tmp_path / "out" / "out.npz") as file:
        outputs = dict(file)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        tolerance = tolerances.get(key, tolerances[""])
        np.testing.assert_allclose(outputs[key], expected, rtol=0, atol=tolerance, err_msg=key)
