import pytest
import torch
from torch import Tensor

from models.errors import UserError
from models.face3d import pixel_boxes
from models.face3d.landmark_image import LINES, landmark_image


def scattered(seed: int, batch: int = 2, count: int = 70) -> Tensor:
    return torch.rand(batch, count, 2, generator=torch.Generator().manual_seed(seed)) * torch.tensor([60.0, 50.0]) - 5


def literal(points: Tensor, height: int, width: int, radius: float) -> Tensor:
    """Lines of one face by the distance of every pixel to every segment."""
    row, column = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    place, picture = torch.stack([column, row], dim=-1), torch.zeros(height, width)
    for part, lines in LINES.items():
        for line in lines:
            for first, second in zip(line, line[1:] or line):
                start, along = points[first], points[second] - points[first]
                share = ((place - start) @ along / along.square().sum().clamp(min=1e-12)).clamp(0, 1)
                distance = (place - start - share[..., None] * along).norm(dim=-1)
                thick = radius * 2 if part == "pupils" else radius
                picture = picture.maximum((thick + 0.5 - distance).clamp(0, 1))
    return picture * 2 - 1


def test_lines_are_where_every_pixel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    points = scattered(0)
    whole = landmark_image(points, 40, 50)
    assert whole.shape == (2, 1, 40, 50)
    for picture, face in zip(whole, points):
        torch.testing.assert_close(picture[0], literal(face, 40, 50, 1.0), rtol=0, atol=1e-4)
    monkeypatch.setattr(pixel_boxes, "PAIRS", 1009)
    torch.testing.assert_close(landmark_image(points, 40, 50), whole)


def test_dots() -> None:
    points = torch.full((1, 68, 2), -100.0)
    points[0, 30] = torch.tensor([10.5, 4.5])
    picture = landmark_image(points, 20, 30, style="dots")[0, 0]
    assert picture[4, 10] == 1 and picture[4, 11] == 0 and picture[4, 12] == -1
    assert int((picture > -1).sum()) == 9 and picture.amin() == -1


def test_parts_and_pupils() -> None:
    points = scattered(1)
    parts = [landmark_image(points, 40, 50, [part]) for part in LINES]
    torch.testing.assert_close(torch.stack(parts).amax(0), landmark_image(points, 40, 50))
    without = landmark_image(points[:, :68], 40, 50)
    torch.testing.assert_close(torch.stack(parts[:5]).amax(0), without)
    with pytest.raises(UserError, match="pupils"):
        landmark_image(points[:, :68], 40, 50, ["pupils"])
    with pytest.raises(UserError, match="68"):
        landmark_image(points[:, :5], 40, 50)


def test_missing_points_are_left_out() -> None:
    points = scattered(2)
    points[0, 8] = torch.nan
    points[1, 60] = torch.inf
    picture = landmark_image(points, 40, 50)
    assert picture.isfinite().all() and picture.amax() == 1
    assert (landmark_image(points + 1e6, 40, 50) == -1).all()


def test_pull_towards_a_line() -> None:
    """The picture's gradient moves a dot towards where the picture is wanted bright."""
    points = torch.full((1, 68, 2), 8.3, requires_grad=True)
    picture = landmark_image(points, 16, 16, ["nose"], style="dots", radius=2.0)
    torch.autograd.backward(picture[..., 10:].sum())
    assert points.grad is not None and points.grad.isfinite().all()
    assert points.grad[..., 0].sum() > 0.1


def test_moved_by_whole_pixels() -> None:
    points = scattered(3) / 2 + 10
    torch.testing.assert_close(
        landmark_image(points + torch.tensor([3.0, 2.0]), 60, 70)[:, :, 2:, 3:],
        landmark_image(points, 60, 70)[:, :, :-2, :-3],
        rtol=0,
        atol=1e-4,
    )
