"""The command that runs the authors' checkpoints: what it lists, and what it says when something is wrong."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import official

BINS, POINTS = (2, 66), (2, 15, 3)
SHAPES = {"kp": POINTS, "yaw": BINS, "pitch": BINS, "roll": BINS, "t": (2, 3), "exp": (2, 45)}
ANGLES = {"yaw_in": (2,), "pitch_in": (2,), "roll_in": (2,)}


def call(folder: Path, name: str, shapes: dict[str, tuple[int, ...]], *options: str) -> int:
    arrays = {key: np.ones(shape, np.float32) for key, shape in shapes.items()}
    np.savez(folder / "in.npz", allow_pickle=False, **arrays)
    return official.main(
        ["run", name, "--inputs", str(folder / "in.npz"), "--outputs", str(folder / "out.npz"), *options]
    )


def test_list_names_every_case_with_its_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    assert official.main(["list"]) == 0
    text = capsys.readouterr().out
    for name in ("kp", "he", "generator", "kp_transform", "discriminator", "mapping", "animation"):
        assert f"facevid2vid_{name} " in text
    assert "weights + image, kp_source, kp_driving" in text


def test_every_case_says_what_it_is_and_has_typed_settings() -> None:
    for name, case in official.cases().items():
        assert case.__doc__, name
        for parameter in inspect.signature(case).parameters.values():
            assert parameter.kind is not parameter.KEYWORD_ONLY or parameter.annotation in (int, float, str, bool), name


def test_a_case_without_weights_runs_and_settings_count(tmp_path: Path) -> None:
    assert call(tmp_path, "facevid2vid_kp_transform", {**SHAPES, **ANGLES}) == 0
    with np.load(tmp_path / "out.npz") as file:
        sadtalker = dict(file)
    assert call(tmp_path, "facevid2vid_kp_transform", {**SHAPES, **ANGLES}, "--config", "translation_axes=xyz") == 0
    with np.load(tmp_path / "out.npz") as file:
        difference = file["kp_transformed"] - sadtalker["kp_transformed"]
    np.testing.assert_allclose(difference, np.broadcast_to([1, 0, 1], difference.shape), atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.npz", "out.npz"]


TRANSFORM = ("facevid2vid_kp_transform", {**SHAPES, **ANGLES})
WRONG: dict[str, tuple[Any, ...]] = {
    "there is no case 'facevid2vid_pose'": ("facevid2vid_pose", SHAPES),
    "needs --weights": ("facevid2vid_kp", {"image": (1, 3, 128, 128)}),
    "lacks yaw_in, pitch_in, roll_in": ("facevid2vid_kp_transform", SHAPES),
    "has unknown gaze": ("facevid2vid_kp_transform", {**SHAPES, **ANGLES, "gaze": (2,)}),
    "do not fit": ("facevid2vid_kp_transform", {**SHAPES, **ANGLES, "t": (2, 2)}),
    "has no setting axes; it has translation_axes": (*TRANSFORM, "--config", "axes=y"),
    "settings are written key=value": (*TRANSFORM, "--config", "axes"),
    "expected one argument": (*TRANSFORM, "--weights"),
    "no such file": ("facevid2vid_kp", {"image": (1, 3, 128, 128)}, "--weights", "gone.pth"),
}


@pytest.mark.parametrize("message", WRONG)
def test_mistakes_are_one_line_and_exit_code_2(
    message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, shapes, *options = WRONG[message]
    assert call(tmp_path, name, shapes, *options) == 2
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in.npz"]


def test_weights_of_another_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "w.pth")
    assert call(tmp_path, "facevid2vid_mapping", {"coeff": (1, 70, 27)}, "--weights", str(tmp_path / "w.pth")) == 2
    assert "another network's file" in capsys.readouterr().err


def test_a_setting_of_the_wrong_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--config", "temperature=warm", "--weights", str(tmp_path / "in.npz")]
    assert call(tmp_path, "facevid2vid_kp", {"image": (1, 3, 128, 128)}, *options) == 2
    assert "temperature=warm: this must be of type float" in capsys.readouterr().err
