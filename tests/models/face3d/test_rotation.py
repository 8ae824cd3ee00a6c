"""Euler angles against closed forms and back."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.face3d.rotation import place, rotation_angles, rotation_matrix

PITCH, YAW, ROLL = torch.eye(3, dtype=torch.float64) * math.pi / 6
ANGLE = st.floats(-3.1, 3.1)


def test_each_axis() -> None:
    sin, cos = 0.5, math.sqrt(0.75)
    expected = [
        [[1, 0, 0], [0, cos, -sin], [0, sin, cos]],
        [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]],
        [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]],
    ]
    turned = rotation_matrix(torch.stack([PITCH, YAW, ROLL]))
    torch.testing.assert_close(turned, torch.tensor(expected, dtype=torch.float64))


def test_order_of_the_axes() -> None:
    both = rotation_matrix(PITCH + YAW + ROLL)
    torch.testing.assert_close(both, rotation_matrix(ROLL) @ rotation_matrix(YAW) @ rotation_matrix(PITCH))


def test_where_the_face_looks() -> None:
    """Positive pitch looks down, positive yaw to the right of the image, positive roll sinks the image-left eye."""
    nose, left_eye = torch.tensor([0.0, 0, 1]).double(), torch.tensor([-1.0, 0, 0]).double()
    assert (rotation_matrix(PITCH) @ nose)[1] < 0
    assert (rotation_matrix(YAW) @ nose)[0] > 0
    assert (rotation_matrix(ROLL) @ left_eye)[1] < 0


@settings(deadline=None, max_examples=50)
@given(ANGLE, st.floats(-1.55, 1.55), ANGLE)
def test_angles_of_the_matrix(pitch: float, yaw: float, roll: float) -> None:
    angles = torch.tensor([pitch, yaw, roll], dtype=torch.float64)
    matrix = rotation_matrix(angles)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrix), torch.tensor(1.0).double())
    torch.testing.assert_close(rotation_angles(matrix), angles, atol=1e-8, rtol=0)


def test_place_turns_about_the_origin_then_moves() -> None:
    points = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles, shift = torch.stack([PITCH + ROLL, YAW]), torch.tensor([[1.0, 2, 3], [0, 0, 0]]).double()
    expected = torch.stack([(rotation_matrix(a) @ p.T).T + s for a, p, s in zip(angles, points, shift)])
    torch.testing.assert_close(place(points, angles, shift), expected)
