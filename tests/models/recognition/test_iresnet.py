"""ArcFace's network at other depths, and the faces that it is shown."""

import cv2
import numpy as np
import pytest
import torch

from models.errors import UserError
from models.face3d.alignment import ARCFACE, arcface_matrix, five_points
from models.recognition.arcface_crop import SIDE, arcface_crop
from models.recognition.iresnet import IResNet, read_iresnet
from models.weights import Weights


def landmarks(turn: float = 0.3, scale: float = 1.5, shift: tuple[float, float] = (30.0, 20.0)) -> torch.Tensor:
    """68 landmarks whose five points are the template, turned, scaled and shifted; centres at +0.5."""
    five = torch.tensor(ARCFACE, dtype=torch.float64)
    rotation = torch.tensor([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    five = scale * (five - 56) @ rotation.T + 56 * scale + torch.tensor(shift, dtype=torch.float64) + 0.5
    points = torch.zeros(68, 2, dtype=torch.float64)
    points[[36, 39]], points[[42, 45]] = five[0], five[1]
    points[[30, 48, 54]] = five[2:]
    return points


def picture(size: int) -> np.ndarray:
    """Smooth colours, uint8."""
    row, column = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    waves = [np.sin(row / 9) * np.cos(column / 13), np.sin(column / 7), np.cos((row + column) / 17)]
    return (127.5 + 120 * np.stack(waves, axis=-1)).round().astype(np.uint8)


def test_crop_is_insightfaces() -> None:
    """OpenCV's bilinear warp by the matrix to the template, black outside, as insightface does it."""
    frame, points = picture(160), landmarks(scale=1.0)
    images = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 127.5 - 1
    crop = arcface_crop(images, points[None])
    matrix = arcface_matrix(five_points(points[None]) - 0.5)[0].numpy()
    expected = cv2.warpAffine(frame.astype(np.float32), matrix, (SIDE, SIDE), borderValue=0)
    found = ((crop[0] + 1) * 127.5).permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 3  # OpenCV has places to 1/32 of a pixel
    assert np.abs(found - expected).mean() < 0.3


def test_crop_puts_the_five_points_on_the_template_at_any_size() -> None:
    """A dot at each landmark lies where the template says; the batch may hold faces of different sizes."""
    for scale in (0.8, 4.0):
        points = landmarks(scale=scale)
        size = int(140 * scale + 60)
        row, column = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
        places = torch.stack([column, row], dim=-1)
        for number, wanted in zip((36, 45, 30, 48, 54), ARCFACE):
            dot = 2 * (-(places - points[number]).square().sum(dim=-1) / (2 * (3 * scale) ** 2)).exp() - 1
            crop = arcface_crop(dot.float().expand(1, 3, -1, -1), points[None])[0, 0] + 1
            middle = [(crop.sum(dim=axis) * torch.arange(SIDE)).sum() / crop.sum() for axis in (0, 1)]
            assert [float(x) for x in middle] == pytest.approx(wanted, abs=0.1)


def test_crop_of_nobody() -> None:
    assert arcface_crop(torch.zeros(0, 3, 9, 9), torch.zeros(0, 68, 2)).shape == (0, 3, SIDE, SIDE)


def test_large_faces_do_not_alias() -> None:
    """A fine chequerboard becomes grey instead of a pattern."""
    board = torch.ones(3, 600, 600)
    board[:, ::2, ::2] = board[:, 1::2, 1::2] = -1
    crop = arcface_crop(board[None], landmarks(turn=0.0, scale=4.0)[None])
    assert crop[..., 20:-20, 20:-20].abs().max() < 0.1


def test_depth_is_read_from_the_file() -> None:
    network = IResNet((2, 1, 3, 1)).eval()
    again = read_iresnet(Weights(network.state_dict())).eval()
    face = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(network(face), again(face))
    assert network(face).shape == (2, 512)


@pytest.mark.parametrize(
    ("units", "tensors", "millions"),
    [((2, 2, 2, 2), 187, 24.03), ((3, 4, 6, 3), 331, 34.14), ((3, 4, 14, 3), 475, 43.59), ((3, 13, 30, 3), 925, 65.16)],
    ids=["r18", "r34", "r50", "r100"],
)
def test_published_depths(units: tuple[int, ...], tensors: int, millions: float) -> None:
    """How many tensors the published files hold, and how many weights."""
    with torch.device("meta"):
        weights = Weights(IResNet(units).state_dict())
        again = read_iresnet(weights)
    assert len(weights) == tensors == 18 * sum(units) + 4 * 6 + 7 + 12
    assert sum(p.numel() for p in again.parameters()) == pytest.approx(millions * 1e6, abs=1e4)
    assert [len(again.get_submodule(f"layer{stage}")) for stage in (1, 2, 3, 4)] == list(units)  # type: ignore[arg-type]


def test_another_networks_file_is_refused() -> None:
    with pytest.raises(UserError, match="the weights do not fit IResNet"):
        read_iresnet(Weights({"conv1.weight": torch.zeros(64, 3, 7, 7)}))
