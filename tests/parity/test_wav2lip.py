"""Wav2Lip, its lip-sync expert and its discriminator against numbers of the authors' code, through the command line.

Largest differences measured when this was written: generator 2e-6, expert 5e-7, discriminator 1.1e-5 (a loss).
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models import official
from tests.parity.fill import Arrays, ParityCase, load_case

HERE = Path(__file__).parent
TOLERANCES = {"wav2lip_generator": 5e-5, "wav2lip_syncnet": 1e-5, "wav2lip_disc_qual": 5e-5}  # of the manifests


def write_weights(path: Path, weights: Arrays) -> Path:
    tensors = {key: torch.as_tensor(array) for key, array in weights.items()}
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:  # as published: data-parallel names, optimiser state, counters
        state = {f"module.{key}": value for key, value in tensors.items()}
        optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
        torch.save({"state_dict": state, "optimizer": optimizer, "global_step": 7, "global_epoch": 1}, path)
    return path


def run(name: str, folder: Path, inputs: Arrays, weights: Path) -> int:
    np.savez(folder / "in.npz", allow_pickle=False, **inputs)
    files = ["--inputs", f"{folder}/in.npz", "--outputs", f"{folder}/out.npz", "--weights", f"{weights}"]
    return official.main(["run", name, *files])


def check(name: str, case: ParityCase, folder: Path, weights: Path) -> None:
    assert run(name, folder, case.inputs, weights) == 0
    with np.load(folder / "out.npz") as file:
        outputs = dict(file)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        assert outputs[key].shape == expected.shape, key
        np.testing.assert_allclose(outputs[key], expected, rtol=0, atol=TOLERANCES[name], err_msg=key)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        pytest.param("wav2lip_generator", ".pth", marks=pytest.mark.slow),
        ("wav2lip_syncnet", ".pth"),
        ("wav2lip_syncnet", ".safetensors"),
        ("wav2lip_disc_qual", ".pth"),
    ],
)
def test_case_matches(name: str, suffix: str, tmp_path: Path) -> None:
    case = load_case(HERE / name)
    check(name, case, tmp_path, write_weights(tmp_path / f"weights{suffix}", case.weights))


@pytest.mark.slow
def test_clips_are_their_frames(tmp_path: Path) -> None:
    """The form with five axes, of training: frames are stacked behind the channels."""
    case = load_case(HERE / "wav2lip_generator")
    inputs = {"mel": case.inputs["mel"][None], "face": case.inputs["face"].swapaxes(0, 1)[None]}
    outputs = {"face": case.outputs["face"].swapaxes(0, 1)[None]}
    weights = write_weights(tmp_path / "wav2lip.pth", case.weights)
    check("wav2lip_generator", case._replace(inputs=inputs, outputs=outputs), tmp_path, weights)


def test_probabilities_come_frame_by_frame(tmp_path: Path) -> None:
    """Two clips: frame 0 of both, then frame 1 of both."""
    case = load_case(HERE / "wav2lip_disc_qual")
    frames = case.inputs["frames"]
    inputs = {"frames": np.concatenate([frames, frames[:, :, ::-1]])}
    first, second = case.outputs["prob"]
    outputs = {**case.outputs, "prob": np.stack([first, second, second, first])}
    weights = write_weights(tmp_path / "weights.pth", case.weights)
    check("wav2lip_disc_qual", case._replace(inputs=inputs, outputs=outputs), tmp_path, weights)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"binary_pred.0.bias": None}, "1 missing: binary_pred.0.bias"),
        ({"extra.weight": np.zeros(3, "f4")}, "1 unexpected: extra.weight"),
        ({"binary_pred.0.bias": np.zeros(3, "f4")}, "1 misshapen: binary_pred.0.bias (3,) instead of (1,)"),
        ({"face_encoder_blocks.0.0.conv_block.0.weight": None}, "this is another network's file"),
    ],
)
def test_weights_that_do_not_fit(
    change: Arrays, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = load_case(HERE / "wav2lip_disc_qual")
    weights = {key: array for key, array in {**case.weights, **change}.items() if array is not None}
    assert run("wav2lip_disc_qual", tmp_path, case.inputs, write_weights(tmp_path / "w.pth", weights)) == 2
    message = capsys.readouterr().err
    assert reason in message and message.count("\n") == 1


BAD = [
    (
        "wav2lip_generator",
        {"mel": (1, 1, 80, 15), "face": (1, 6, 96, 96)},
        "mel windows must be of shape (..., 80, 16)",
    ),
    (
        "wav2lip_generator",
        {"mel": (2, 1, 80, 16), "face": (1, 6, 96, 96)},
        "faces must be of shape (..., 2, 6, 96, 96)",
    ),
    ("wav2lip_generator", {"mel": (2, 1, 80, 16), "face": (2, 3, 96, 96)}, "expected (B, 6, 96, 96)"),
    ("wav2lip_generator", {"mel": (2, 1, 80, 16), "face": (2, 6, 3, 96, 96)}, "expected (B, T, 1, 80, 16)"),
    (
        "wav2lip_syncnet",
        {"mel": (1, 1, 80, 16), "frames": (1, 3, 4, 96, 96)},
        "faces must be of shape (..., 5, 3, 96, 96)",
    ),
    ("wav2lip_disc_qual", {"frames": (1, 3, 96, 96)}, "expected (B, 3, T, 96, 96)"),
]


@pytest.mark.parametrize(("name", "shapes", "reason"), BAD)
def test_what_is_no_input_is_refused_in_one_line(
    name: str, shapes: dict[str, tuple[int, ...]], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = {key: np.zeros(shape, "f4") for key, shape in shapes.items()}
    weights = write_weights(tmp_path / "weights.pth", load_case(HERE / name).weights)
    assert run(name, tmp_path, inputs, weights) == 2
    message = capsys.readouterr().err
    assert reason in message and message.count("\n") == 1
