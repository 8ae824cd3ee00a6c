"""Rotation, angles and the keypoint transform: properties, not stored numbers (those are in tests/parity)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.sadtalker.keypoint_transform import (
    RADIANS_PER_DEGREE,
    HeadMotion,
    bins_to_degrees,
    rotation_matrix,
    transform_keypoints,
)

ANGLE = st.floats(-math.pi, math.pi)


def motion(batch: int = 2, keypoints: int = 4, **parts: Tensor) -> HeadMotion:
    """No motion, except for `parts`."""
    zero = torch.zeros(batch)
    still = {"translation": torch.zeros(batch, 3), "deformation": torch.zeros(batch, keypoints, 3)}
    return HeadMotion(**{"yaw": zero, "pitch": zero, "roll": zero, **still, **parts})


@given(ANGLE, ANGLE, ANGLE)
@settings(max_examples=50, deadline=None)
def test_rotation_is_orthonormal_and_no_mirror(yaw: float, pitch: float, roll: float) -> None:
    rotation = rotation_matrix(*torch.tensor([[yaw], [pitch], [roll]], dtype=torch.float64))
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64)[None])
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(1, dtype=torch.float64))


@pytest.mark.parametrize(
    ("axis", "point", "expected"),
    [("yaw", (1, 0, 0), (0, 0, -1)), ("pitch", (0, 1, 0), (0, 0, 1)), ("roll", (1, 0, 0), (0, 1, 0))],
)
def test_each_angle_turns_its_plane(axis: str, point: tuple[int, ...], expected: tuple[int, ...]) -> None:
    quarter = torch.full((1,), math.pi / 2)
    moved = transform_keypoints(torch.tensor([[point]]).float(), motion(1, 1, **{axis: quarter}))
    torch.testing.assert_close(moved, torch.tensor([[expected]]).float(), atol=1e-6, rtol=0)


def test_rotations_are_applied_roll_first_pitch_last() -> None:
    yaw, pitch, roll = torch.rand(3, 2)
    zero = torch.zeros(2)
    apart = rotation_matrix(zero, pitch, zero) @ rotation_matrix(yaw, zero, zero) @ rotation_matrix(zero, zero, roll)
    torch.testing.assert_close(rotation_matrix(yaw, pitch, roll), apart)


def test_no_motion_keeps_the_keypoints_and_one_person_serves_many_motions() -> None:
    canonical = torch.randn(1, 4, 3)
    torch.testing.assert_close(transform_keypoints(canonical, motion(batch=5)), canonical.expand(5, -1, -1))


@pytest.mark.parametrize(("axes", "kept"), [("xyz", (1, 2, 3)), ("y", (0, 2, 0)), ("", (0, 0, 0))])
def test_translation_axes(axes: str, kept: tuple[int, ...]) -> None:
    canonical, translation = torch.randn(2, 4, 3), torch.tensor([[1.0, 2.0, 3.0]]).expand(2, -1)
    moved = transform_keypoints(canonical, motion(translation=translation), axes)
    torch.testing.assert_close(moved - canonical, torch.tensor(kept).float().expand(2, 4, -1))


def test_deformation_is_added_after_the_rotation() -> None:
    canonical, deformation = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    turned = motion(yaw=torch.rand(2))
    both = motion(yaw=turned.yaw, deformation=deformation)
    difference = transform_keypoints(canonical, both) - transform_keypoints(canonical, turned)
    torch.testing.assert_close(difference, deformation)


def test_bins_are_three_degrees_from_minus_99() -> None:
    certain = 1e3 * torch.eye(66)
    torch.testing.assert_close(bins_to_degrees(certain), torch.arange(-99.0, 99.0, 3.0))
    torch.testing.assert_close(bins_to_degrees(torch.zeros(66)), torch.tensor(-1.5))  # the middle of -99 and 96


def test_motion_from_logits_is_in_radians_and_can_be_cut() -> None:
    logits = torch.randn(3, 5, 66)
    whole = HeadMotion.from_logits(logits[0], logits[1], logits[2], torch.randn(5, 3), torch.randn(5, 12))
    assert whole.deformation.shape == (5, 4, 3)
    torch.testing.assert_close(whole.angles[:, 1], bins_to_degrees(logits[1]) * RADIANS_PER_DEGREE)
    part = whole[1:3]
    torch.testing.assert_close(part.yaw, whole.yaw[1:3])
    assert part.logits is not None
    assert part.logits.shape == (2, 3, 66)
