"""The landmark metrics on heads that are built here."""

import math

import pytest
import torch
from torch import Tensor

from metrics.landmarks import interocular, opening
from metrics.lmd import LMD
from metrics.motion_distance import MotionDistance
from metrics.nme import NME
from metrics.opening_distance import OpeningDistance
from metrics.pose_distance import PoseDistance, rotation_angle
from models.head_pose import _HEAD, _RIGID, head_rotation


def face(frames: int = 5, seed: int = 0) -> Tensor:
    """Landmarks with eyes 80 px apart, moving a little."""
    generator = torch.Generator().manual_seed(seed)
    points = 128 + 40 * torch.rand(68, 2, generator=generator)
    points[36], points[45] = torch.tensor([88.0, 100.0]), torch.tensor([168.0, 100.0])
    return points + 4 * torch.randn(frames, 1, 2, generator=generator) * torch.ones(frames, 68, 2)


def turned(yaw: float, pitch: float = 0.0) -> tuple[Tensor, Tensor]:
    """Weak-perspective landmarks `(1, 68, 2)` of the rough head after a rotation, and the rotation."""
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    rotation = torch.tensor([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ torch.tensor(
        [[1, 0, 0], [0, cp, -sp], [0, sp, cp]]
    )
    points = torch.zeros(1, 68, 2)
    points[0, _RIGID] = 60 * (torch.tensor(_HEAD) @ rotation.T)[:, :2] + 128
    return points, rotation[None]


def test_lmd_is_in_pixels_and_nme_per_interocular() -> None:
    target = face()
    prediction = target + torch.tensor([3.0, 4.0])
    lmd, nme = LMD(256, "mesh"), NME("mesh")
    lmd.update(prediction, target)
    nme.update(prediction, target)
    assert lmd.compute().item() == pytest.approx(5, rel=1e-5)
    assert nme.compute().item() == pytest.approx(100 * 5 / 80, rel=1e-4)
    assert interocular(target).tolist() == pytest.approx([80.0] * 5, rel=1e-4)
    assert (lmd.label, lmd.unit, nme.label) == ("LMD[mesh]", "px of 256", "NME[mesh]")


def test_missing_faces_are_counted() -> None:
    target = face()
    prediction = target.clone()
    prediction[2] = torch.nan
    for metric in (LMD(256), NME(), MotionDistance(), PoseDistance(), OpeningDistance()):
        metric.update(prediction, target)
        assert (metric.count.item(), metric.missing.item()) == (4, 1), metric.label
        assert metric.compute().item() == pytest.approx(0, abs=1e-4), metric.label


def test_motion_distance_forgets_size_place_and_shape() -> None:
    driving = face()
    shape = 20 * torch.randn(68, 2, generator=torch.Generator().manual_seed(5))
    shape[36] = shape[45] = 0
    other_person = 2 * (driving + shape) + 30
    metric = MotionDistance()
    metric.update(other_person, driving)
    assert metric.compute().item() == pytest.approx(0, abs=1e-3)


def test_motion_distance_of_a_still_picture_is_the_motion() -> None:
    still = face(1).expand(4, 68, 2)
    driving = still.clone()
    driving[::2, :, 0] += 8
    metric = MotionDistance()
    metric.update(still, driving)
    assert metric.compute().item() == pytest.approx(100 * 4 / 80, rel=1e-4)


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (0.5, 0.0), (-0.7, 0.3), (0.2, -0.4)])
def test_head_rotation_is_recovered(yaw: float, pitch: float) -> None:
    points, rotation = turned(yaw, pitch)
    assert head_rotation(points)[0].flatten().tolist() == pytest.approx(rotation[0].flatten().tolist(), abs=1e-4)


def test_pose_distance_is_in_degrees() -> None:
    metric = PoseDistance()
    metric.update(turned(0.5)[0], turned(0.1)[0])
    assert metric.compute().item() == pytest.approx(math.degrees(0.4), abs=0.05)
    assert rotation_angle(torch.eye(3)[None], torch.eye(3)[None]).item() == pytest.approx(0, abs=1e-3)


def test_opening_of_a_mouth() -> None:
    points = face(1)
    points[0, 60], points[0, 64] = torch.tensor([0.0, 0.0]), torch.tensor([20.0, 0.0])
    for place, (upper, lower) in enumerate([(61, 67), (62, 66), (63, 65)]):
        points[0, upper], points[0, lower] = torch.tensor([5.0 * place, -3.0]), torch.tensor([5.0 * place, 3.0])
    assert opening(points)[0, 0].item() == pytest.approx(6 / 20)
    assert opening(points * 3 + 7)[0].tolist() == pytest.approx(opening(points)[0].tolist(), rel=1e-4)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be landmarks \(N, 68, 2\)"):
        LMD(256).update(torch.zeros(2, 5, 2), torch.zeros(2, 5, 2))
    with pytest.raises(ValueError, match="2 frames of landmarks are compared with 3"):
        NME().update(torch.zeros(2, 68, 2), torch.zeros(3, 68, 2))
