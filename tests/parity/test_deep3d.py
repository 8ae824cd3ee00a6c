"""Deep3D's network and alignment, and SadTalker's copy of it, against numbers of the authors' code.

Largest differences measured when this was written: coefficients 4e-6, everything of the alignment under a tenth of its
tolerance, the crops equal.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models import official
from tests.parity.fill import Arrays, load_case

CASES: dict[str, dict[str, tuple[float, float]]] = {  # (absolute, relative) by output, from the manifests
    "deep3d_align": {
        "landmarks5": (0.02, 0),
        "transform_params": (0, 1e-4),
        "landmarks_cropped": (0.02, 0),
        "resized_crop": (0, 0),
        "crop": (1, 0),
        "arcface_matrix": (1e-3, 0),
    },
    "face3d_align": {"lm5": (1e-3, 0), "trans_params": (0, 1e-5), "aligned": (0, 0), "lm_new": (1e-3, 0)},
    "deep3d_recon": {"coefficients": (5e-5, 0), "feature": (2e-3, 0)},
}


def write_weights(path: Path, weights: Arrays) -> Path:
    """As the authors publish them: a training checkpoint, or SadTalker's joint file."""
    tensors = {key: torch.from_numpy(array) for key, array in weights.items()}
    if path.suffix == ".safetensors":
        save_file({f"face_3drecon.{key}": value for key, value in tensors.items()} | {"other.x": torch.zeros(2)}, path)
    else:
        state = {"state": {0: {"step": torch.zeros(())}}}
        torch.save({"net_recon": tensors, "opt_00": state, "sched_00": {"last_epoch": 20}}, path)
    return path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("deep3d_align", ""),
        ("face3d_align", ""),
        ("deep3d_recon", "epoch_20.pth"),
        pytest.param("deep3d_recon", "SadTalker.safetensors", marks=pytest.mark.slow),
    ],
)
def test_case_matches(name: str, file: str, tmp_path: Path) -> None:
    case = load_case(Path(__file__).parent / name)
    arguments = ["run", name, "--inputs", f"{tmp_path}/in.npz", "--outputs", f"{tmp_path}/out.npz"]
    np.savez(tmp_path / "in.npz", allow_pickle=False, **case.inputs)
    if file:
        arguments += ["--weights", str(write_weights(tmp_path / file, case.weights))]
    assert official.main(arguments) == 0
    with np.load(tmp_path / "out.npz") as arrays:
        outputs = dict(arrays)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        absolute, relative = CASES[name][key]
        wide = outputs[key].astype(np.float64), expected.astype(np.float64)
        np.testing.assert_allclose(*wide, rtol=relative, atol=absolute, err_msg=key)
