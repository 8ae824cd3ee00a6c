"""Angles from landmarks agree with the rotation that the keypoints undergo; the loss is in degrees."""

import math

import pytest
import torch

from losses.head_pose import HopenetPose, LandmarkPose, head_pose
from models.errors import MissingAsset, UserError
from models.head_pose import _HEAD, _RIGID, euler_angles
from models.recognition.hopenet import Hopenet
from models.sadtalker.keypoint_transform import rotation_matrix

ANGLES = torch.tensor([[0.3, -0.2, 0.1], [-0.5, 0.05, -0.2], [0.0, 0.0, 0.0]])


def test_euler_angles_undo_the_rotation_matrix_of_the_keypoints() -> None:
    assert torch.allclose(euler_angles(rotation_matrix(*ANGLES.unbind(1))), ANGLES, atol=1e-6)


def test_landmarks_of_a_turned_head_give_its_angles() -> None:
    points = torch.zeros(3, 68, 2)
    points[:, _RIGID] = 50 * (torch.tensor(_HEAD) @ rotation_matrix(*ANGLES.unbind(1)).mT)[..., :2] + 64
    assert torch.allclose(LandmarkPose()({"driving_landmarks": points}), ANGLES, atol=1e-4)


def test_loss_is_the_sum_of_degrees_and_skips_unknown_poses() -> None:
    target = torch.zeros(2, 3)
    target[1] = math.nan
    angles = torch.tensor([[math.radians(1), math.radians(-2), 0.0], [1.0, 1.0, 1.0]], requires_grad=True)
    loss = head_pose(angles, target)
    assert loss.item() == pytest.approx(3.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert angles.grad is not None
    assert angles.grad[1].count_nonzero() == 0
    assert angles.grad.isfinite().all()


def test_landmarks_missing_from_the_batch_are_one_plain_line() -> None:
    with pytest.raises(UserError, match=r"data\.view\.landmarks=true"):
        LandmarkPose()({"driving": torch.zeros(1, 3, 8, 8)})


def test_hopenet_without_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match=r"hopenet.*head_pose=landmarks"):
        HopenetPose()


@pytest.mark.slow
def test_hopenet_gives_three_angles_in_bins() -> None:
    with torch.no_grad():
        assert Hopenet().eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 66)
