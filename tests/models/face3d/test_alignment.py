"""The alignment: its map and the way back, the warp against it and against Pillow's crop, the ArcFace matrix."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from models.errors import UserError
from models.face3d import alignment as al
from models.face3d.camera import Camera
from models.face3d.rotation import place
from tests.models.face3d.toy_face import draw, toy_face

MODEL = toy_face()
STANDARD = al.five_points(MODEL.landmarks68(MODEL.mean[None])[0])


def landmarks(count: int, size: int, seed: int = 0) -> torch.Tensor:
    faces, camera = draw(MODEL, count, seed), Camera.deep3d(size)
    points = MODEL.landmarks68(MODEL.shape(faces.identity, faces.expression))
    return camera.project(camera.view(place(points, faces.rotation, faces.translation)))


@settings(max_examples=30, deadline=None)
@given(some.integers(64, 600), some.floats(0.3, 3), some.floats(-50, 300), some.floats(-50, 300))
def test_the_map_and_its_reverse(size: int, scale: float, across: float, up: float) -> None:
    alignment = torch.tensor([[size, size + 7, scale, across, up]], dtype=torch.float64)
    points = torch.rand(1, 9, 2, dtype=torch.float64) * size
    assert torch.allclose(al.to_frame(al.to_aligned(points, alignment), alignment), points, atol=1e-9)
    middle = torch.tensor([[[across, size + 7 - up]]], dtype=torch.float64)
    assert torch.allclose(al.to_aligned(middle, alignment), torch.full((1, 1, 2), 112.0, dtype=torch.float64))


def test_identity_alignment_is_deep3ds_camera() -> None:
    small, large = landmarks(3, 100), landmarks(3, 224)
    alignment = al.identity_alignment(100).expand(3, 5)
    assert torch.allclose(al.to_aligned(small, alignment), large, atol=1e-4)


def test_a_frame_that_is_scaled_and_moved_is_aligned_alike() -> None:
    points = landmarks(4, 256)
    first = al.align_frames(points, STANDARD, 256, 256)
    second = al.align_frames(points * 1.7 + 20, STANDARD, 640, 480)
    assert torch.allclose(al.to_aligned(points, first), al.to_aligned(points * 1.7 + 20, second), atol=1e-3)
    assert torch.allclose(first[:, 2] / second[:, 2], torch.tensor(1.7, dtype=torch.float64), rtol=1e-5)


def test_the_warp_puts_pixels_where_the_map_says() -> None:
    """A ramp of colours reads back the place that every pixel came from."""
    middles = torch.arange(200) + 0.5
    ramp = torch.stack([middles.expand(200, -1), middles[:, None].expand(-1, 200), torch.zeros(200, 200)]) / 100 - 1
    alignment = torch.tensor([[200, 200, 1.5, 101.3, 95.2], [200, 200, 2.1, 90.0, 110.7]], dtype=torch.float64)
    for size in (224, 64, 37):
        warped = al.warp(ramp[None].expand(2, -1, -1, -1), alignment, size)
        centres = (torch.stack(torch.meshgrid(*[torch.arange(size)] * 2, indexing="xy"), -1) + 0.5) * 224 / size
        wanted = al.to_frame(centres.view(1, -1, 2).expand(2, -1, -1).double(), alignment)
        seen = ((warped[:, :2] + 1) * 100).flatten(2).transpose(1, 2)
        inside = ((wanted > 2) & (wanted < 198)).all(-1)
        assert inside.float().mean() > 0.7
        assert (seen - wanted)[inside].abs().max() < 0.05


def test_outside_of_the_frame_is_black() -> None:
    alignment = torch.tensor([[64, 64, 1.0, 32.0, 32.0]], dtype=torch.float64)
    warped = al.warp(torch.ones(1, 3, 64, 64), alignment, 112)
    assert (warped[0, :, 0] == -1).all() and (warped[0, :, 56, 56] == 1).all()


def test_the_warp_is_the_authors_crop_but_for_rounding() -> None:
    random = np.random.default_rng(0)
    coarse = torch.from_numpy(random.uniform(-1, 1, (1, 3, 12, 12))).float()
    smooth = torch.nn.functional.interpolate(coarse, size=180, mode="bicubic").clamp(-1, 1)
    frame = ((smooth[0].movedim(0, -1) + 1) * 127.5).round().to(torch.uint8).numpy()
    found = al.align_frames(landmarks(1, 180), STANDARD, 180, 180)
    theirs = torch.from_numpy(al.crop(frame, found[0])).movedim(-1, 0).float() / 127.5 - 1
    assert (al.warp(smooth, found)[0] - theirs)[:, 8:-8, 8:-8].abs().mean() < 0.05


def test_arcface_matrix_undoes_a_similarity() -> None:
    template = torch.tensor(al.ARCFACE, dtype=torch.float64)
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64) * 1.9
    points = (template @ turn.T + torch.tensor([7.0, -3.0]))[None]
    matrix = al.arcface_matrix(points)[0]
    assert torch.allclose(points[0] @ matrix[:, :2].T + matrix[:, 2], template, atol=1e-9)


def test_landmarks_that_are_no_face_and_frames_that_are_no_picture_are_refused() -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    point = torch.full((1, 68, 2), 30.0)
    for points in (point, point * torch.nan, point + 1e-3 * torch.randn(1, 68, 2)):
        with pytest.raises(UserError, match="no face"):
            al.crop(frame, al.align_frames(torch.nan_to_num(points, torch.inf), STANDARD, 64, 64)[0])
    with pytest.raises(UserError, match="uint8"):
        al.crop(frame.astype(np.float32), al.identity_alignment(64))
