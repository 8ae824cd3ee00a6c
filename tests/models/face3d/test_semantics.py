"""Motion vectors and windows, beyond the authors' numbers in tests/parity/test_face_models.py."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UserError
from models.face3d.coefficients import Coefficients
from models.face3d.semantics import (
    PIRENDER_WINDOW,
    SADTALKER_WINDOW,
    crop_scale,
    motion_vectors,
    still_window,
    window_index,
    windows,
    with_crop_scale,
    with_expression_of,
)


def test_what_a_vector_holds() -> None:
    raw = torch.arange(257.0)[None]
    alignment = torch.tensor([[640, 480, 0.5, 300, 200]])
    vector = motion_vectors(Coefficients.from_vector(raw, "deep3d"), alignment)[0]
    expected = [*range(80, 144), *range(224, 227), *range(254, 257), 0.5, 300, 200]
    assert vector.tolist() == expected
    assert motion_vectors(Coefficients.from_vector(raw, "deep3d"))[0].tolist() == expected[:70]


def test_sizes_follow_the_face_model() -> None:
    faces = Coefficients.zeros(4, 100, 53, 5)
    assert motion_vectors(faces, torch.zeros(4, 5)).shape == (4, 62)
    assert motion_vectors(faces).shape == (4, 59)


LENGTHS = st.sampled_from([1, SADTALKER_WINDOW, PIRENDER_WINDOW])


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 40), LENGTHS, st.lists(st.integers(1, 3), max_size=2))
def test_windows_against_a_loop(frames: int, length: int, axes: list[int]) -> None:
    vectors = torch.randn(*axes, frames, 6, generator=torch.Generator().manual_seed(frames))
    half = length // 2
    rows = [[min(max(near, 0), frames - 1) for near in range(i - half, i + half + 1)] for i in range(frames)]
    assert window_index(frames, length).tolist() == rows
    expected = torch.stack([vectors[..., row, :].transpose(-1, -2) for row in rows], dim=-3)
    torch.testing.assert_close(windows(vectors, length), expected, rtol=0, atol=0)


@pytest.mark.parametrize(("frames", "length", "words"), [(5, 26, "middle"), (5, -1, "middle"), (0, 27, "no frame")])
def test_windows_that_cannot_be(frames: int, length: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        windows(torch.zeros(frames, 73), length)


def test_only_the_crops_scale_is_adapted_to_another_person() -> None:
    """The ratio is taken at the driving frame that resembles the source, whatever the others are."""
    driving = torch.rand(6, 73, generator=torch.Generator().manual_seed(0))
    driving[:, 70] = torch.tensor([9.0, 9, 9, 2, 9, 9])
    source = torch.cat([driving[3, :67], torch.zeros(3), torch.tensor([3.0, 128, 128])])
    ratio, frame = crop_scale(driving, source)
    assert frame == 3
    torch.testing.assert_close(ratio, torch.tensor([1.5]))
    made = with_crop_scale(windows(driving), ratio)
    change = made / windows(driving)
    torch.testing.assert_close(change[:, 70], torch.full((6, 27), 1.5))
    torch.testing.assert_close(change[:, :70], torch.ones(6, 70, 27))
    torch.testing.assert_close(change[:, 71:], torch.ones(6, 2, 27))


def test_expression_of_one_and_pose_of_another() -> None:
    driving, other = torch.rand(3, 73), torch.rand(73)
    mixed = with_expression_of(windows(driving), still_window(other))
    torch.testing.assert_close(mixed[:, :64], windows(driving)[:, :64])
    torch.testing.assert_close(mixed[:, 64:], other[64:, None].expand(3, 9, 27))
