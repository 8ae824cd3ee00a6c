"""Both backends against a literal check of every pixel with every triangle, and against each other; gradients."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.errors import UserError
from models.face3d import pixel_boxes, rasterizer_numba, rasterizer_torch
from models.face3d import rasterizer as module
from models.face3d.camera import Camera
from models.face3d.rasterizer import Fragments, interpolate, rasterize

CAMERA = Camera(40, 56, 60.0, 27.3, 19.1)


def mesh(seed: int, spread: float, size: float, triangles: int = 60, batch: int = 2) -> tuple[Tensor, Tensor]:
    """Loose triangles of about `size` decimetres, scattered over `spread` in front of the camera."""
    generator = torch.Generator().manual_seed(seed)
    middles = torch.randn(batch, triangles, 1, 3, generator=generator) * spread
    corners = middles + torch.randn(batch, triangles, 3, 3, generator=generator) * size
    points = corners.flatten(1, 2) + torch.tensor([0.0, 0.0, 10.0])
    points[..., 2].clamp_(min=1.0)
    return points, torch.randperm(3 * triangles, generator=generator).view(-1, 3)


def literal(points: Tensor, triangles: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Triangle, depth and whether the answer is certain, from every pixel's ray cut with every triangle's plane."""
    corners = points.double()[:, triangles][:, :, None, None]  # (B, F, 1, 1, corner, 3)
    row, column = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    ray = torch.stack(
        [
            (column + 0.5 - camera.centre_x) / camera.focal,
            (camera.centre_y - row - 0.5) / camera.focal,
            torch.ones_like(row),
        ],
        dim=-1,
    ).double()
    a, b, c = corners.unbind(-2)
    parts = torch.stack([(ray * torch.linalg.cross(*pair)).sum(-1) for pair in ((b, c), (c, a), (a, b))], dim=-1)
    weights = parts / parts.sum(-1, keepdim=True)
    depth = (weights * corners[..., 2]).sum(-1)
    margin = weights.amin(-1)
    depth = depth.where((margin >= 0) & torch.isfinite(depth), torch.inf)
    two, order = depth.topk(2, dim=1, largest=False)
    certain = (margin.abs() > 1e-6).all(1) & ((two[:, 1] - two[:, 0] > 1e-6) | two[:, 0].isinf())
    return order[:, 0].where(two[:, 0].isfinite(), -1), two[:, 0].where(two[:, 0].isfinite(), 0), certain


@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize(("spread", "size"), [(2.0, 1.5), (1.0, 8.0), (3.0, 0.05)])
def test_nearest_triangle_of_every_pixel(backend: module.Backend, spread: float, size: float) -> None:
    points, triangles = mesh(0, spread, size)
    found = rasterize(points, triangles, CAMERA, backend)
    triangle, depth, certain = literal(points, triangles, CAMERA)
    assert certain.float().mean() > 0.98
    assert torch.equal(found.triangle[certain], triangle[certain])
    torch.testing.assert_close(found.depth[certain].double(), depth[certain], rtol=1e-5, atol=0)
    torch.testing.assert_close(found.barycentric.sum(-1), found.mask.float(), rtol=0, atol=1e-6)


def agree(points: Tensor, triangles: Tensor, camera: Camera) -> Fragments:
    ours, other = (rasterize(points, triangles, camera, backend) for backend in ("numba", "torch"))
    assert torch.equal(ours.triangle, other.triangle)
    torch.testing.assert_close(ours.barycentric, other.barycentric, rtol=0, atol=1e-6, equal_nan=True)
    torch.testing.assert_close(ours.depth, other.depth, rtol=1e-6, atol=0, equal_nan=True)
    return ours


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    spread=st.floats(0.1, 50),
    size=st.sampled_from([1e-4, 0.02, 0.3, 2.0, 30.0, 1e4]),
    snap=st.sampled_from([None, 0.5, 0.25]),
)
def test_backends_agree_on_random_meshes(seed: int, spread: float, size: float, snap: float | None) -> None:
    points, triangles = mesh(seed, spread, size, triangles=30)
    if snap:  # corners, edges and depths that meet exactly at pixel centres
        points = torch.cat([(points[..., :2] / snap).round() * snap, points[..., 2:].round().clamp(min=1)], dim=-1)
    agree(points, triangles, Camera(31, 33, 16.0, 16.5, 15.5))


def test_what_cannot_be_drawn_is_left_out() -> None:
    good = torch.tensor([[-1.0, -1, 10], [1, -1, 10], [0, 1, 10]])
    bad = good[None].repeat(7, 1, 1) - torch.tensor([0.0, 0, 1])  # nearer, so that they would be seen
    bad[0, 1, 2] = 0.0  # on the camera's plane
    bad[1, 2, 2] = -3.0  # behind it
    bad[2, 0, 0] = torch.nan
    bad[3, 0, 2] = torch.inf
    bad[4, 0, 1] = -torch.inf
    bad[5, 2] = bad[5, 0]  # two corners alike: no area
    bad[6, 2] = (bad[6, 0] + bad[6, 1]) / 2  # three on a line
    points = torch.cat([bad, good[None]]).flatten(0, 1)[None]
    found = agree(points, torch.arange(24).view(8, 3), CAMERA)
    assert set(found.triangle.flatten().tolist()) == {-1, 7}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_both_sides_are_seen_and_the_first_of_equals_wins(order: list[int]) -> None:
    points = torch.tensor([[[-1.0, -1, 5], [1, -1, 5], [0, 1, 5]]])
    found = agree(points, torch.tensor([order] * 3), CAMERA)
    assert set(found.triangle.flatten().tolist()) == {-1, 0}


def test_no_cracks_between_neighbours() -> None:
    """A picture covered by a fan of triangles with corners on pixel centres, edges through others."""
    angles = torch.arange(64) / 64 * 2 * torch.pi
    rim = torch.stack([20 * angles.cos(), 20 * angles.sin(), torch.full_like(angles, 10)], dim=-1)
    points = torch.cat([torch.tensor([[0.0, 0, 10]]), rim])[None]
    triangles = torch.stack([torch.zeros(64).long(), torch.arange(64) + 1, torch.arange(1, 65) % 64 + 1], dim=-1)
    assert agree(points, triangles, Camera(33, 33, 16.0, 16.5, 16.5)).mask.all()


def test_nothing_to_draw() -> None:
    for points, triangles in (
        (torch.rand(2, 5, 3), torch.zeros(0, 3).long()),
        (torch.rand(0, 5, 3), torch.zeros(1, 3).long()),
        (torch.rand(2, 3, 3) + torch.tensor([90.0, 0, 1]), torch.arange(3)[None]),
    ):
        found = agree(points, triangles, CAMERA)
        assert found.triangle.shape == (len(points), 40, 56) and not found.mask.any()
        assert interpolate(found, triangles, torch.rand(len(points), points.shape[1], 2)).abs().sum() == 0


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_corners_that_do_not_exist(backend: module.Backend) -> None:
    with pytest.raises(IndexError):
        rasterize(torch.ones(1, 3, 3), torch.tensor([[0, 1, 3]]), CAMERA, backend)


def test_torch_works_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    points, triangles = mesh(1, 1.0, 2.0)
    whole = rasterizer_torch.nearest(points, triangles, CAMERA)
    monkeypatch.setattr(pixel_boxes, "PAIRS", 997)
    assert torch.equal(rasterizer_torch.nearest(points, triangles, CAMERA), whole)


def test_other_number_types() -> None:
    points, triangles = mesh(2, 1.0, 1.0)
    exact = rasterize(points.double(), triangles, CAMERA)
    assert exact.depth.dtype == torch.float64
    assert torch.equal(exact.triangle, rasterize(points, triangles, CAMERA).triangle)
    half = rasterize(points.bfloat16(), triangles, CAMERA)
    assert half.depth.dtype == torch.float32
    assert interpolate(half, triangles, points.bfloat16()).isfinite().all()
    strided = points.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(rasterize(strided, triangles, CAMERA).depth, rasterize(points, triangles, CAMERA).depth)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_gradients(backend: module.Backend) -> None:
    generator = torch.Generator().manual_seed(3)
    points, triangles = mesh(3, 0.5, 2.0, triangles=3, batch=2)
    camera = Camera(6, 7, 12.0, 3.3, 3.1)
    colours = torch.rand(2, 9, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    points = points.double().requires_grad_()
    assert rasterize(points, triangles, camera, backend).mask.sum() > 20

    def picture(points: Tensor, colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fragments = rasterize(points, triangles, camera, backend)
        return interpolate(fragments, triangles, colours), fragments.depth, fragments.barycentric

    assert torch.autograd.gradcheck(picture, (points, colours), eps=1e-7, atol=1e-5)


def test_interpolation_is_the_same_with_and_without_gradients() -> None:
    points, triangles = mesh(4, 1.0, 1.0)
    attributes = torch.rand(2, points.shape[1], 5)
    plain = interpolate(rasterize(points, triangles, CAMERA), triangles, attributes)
    leaf = points.clone().requires_grad_()
    traced = interpolate(rasterize(leaf, triangles, CAMERA), triangles, attributes)
    torch.testing.assert_close(plain, traced.detach(), rtol=0, atol=1e-6)
    torch.autograd.backward(traced.sum())
    assert leaf.grad is not None and leaf.grad.isfinite().all()


def test_interpolation_is_perspective_correct() -> None:
    """A floor that runs away from the camera shows its own coordinates where the rays meet it."""
    points = torch.tensor([[[-9.0, -1, 2], [9, -1, 2], [9, -1, 40], [-9, -1, 40]]])
    fragments = rasterize(points, torch.tensor([[0, 1, 2], [0, 2, 3]]), CAMERA)
    seen = interpolate(fragments, torch.tensor([[0, 1, 2], [0, 2, 3]]), points)
    column = torch.arange(56) + 0.5
    expected = (column - CAMERA.centre_x) / CAMERA.focal * seen[..., 2]
    torch.testing.assert_close(seen[..., 0], expected * fragments.mask, rtol=0, atol=1e-4)
    torch.testing.assert_close(seen[..., 2], fragments.depth)


def test_missing_numba_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    points, triangles = mesh(5, 1.0, 1.0)
    expected = rasterize(points, triangles, CAMERA)
    monkeypatch.setattr(rasterizer_numba, "available", lambda: False)
    monkeypatch.setattr(module, "_told_of_missing_numba", False)
    with caplog.at_level(logging.WARNING):
        first, second = rasterize(points, triangles, CAMERA), rasterize(points, triangles, CAMERA)
    assert [record.name for record in caplog.records] == ["models.face3d.rasterizer"]
    assert torch.equal(first.triangle, expected.triangle) and torch.equal(second.triangle, expected.triangle)
    torch.testing.assert_close(
        interpolate(first, triangles, points), interpolate(expected, triangles, points), rtol=0, atol=1e-5
    )


def test_nvdiffrast_is_asked_for_by_name() -> None:
    points, triangles = mesh(6, 1.0, 1.0)
    with pytest.raises(UserError, match="nvdiffrast"):
        rasterize(points, triangles, CAMERA, "nvdiffrast")


def test_compiles_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A checkout that belongs to someone else, and no home folder: the code is compiled each time, without a word."""
    root = Path(__file__).parents[3]
    code = """
import numpy as np
from numba.core import caching
from models.face3d import rasterizer_numba
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda *_: None)
picture = np.zeros((1, 2, 2, 1))
mesh = np.zeros((1, 2, 2), int), np.full((1, 2, 2, 3), 1 / 3), np.array([[0, 1, 2]]), np.full((1, 3, 1), 5.0)
rasterizer_numba.compiled(rasterizer_numba.interpolate)(*mesh, picture)
assert np.allclose(picture, 5)
"""
    copy = tmp_path / "models" / "face3d"
    copy.mkdir(parents=True)
    shutil.copy(root / "models/face3d/rasterizer_numba.py", copy)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(copy.rglob("*.nbi"))


def test_first_pixel_is_the_top_left_one() -> None:
    """y grows upwards in the world and downwards in the picture."""
    points = torch.tensor([[[-10.0, 10, 10], [-4, 10, 10], [-10, 4, 10]]])
    mask = rasterize(points, torch.tensor([[0, 1, 2]]), Camera(10, 10, 5.0, 5.0, 5.0)).mask[0]
    expected = np.add.outer(np.arange(10), np.arange(10)) <= 2
    assert torch.equal(mask, torch.from_numpy(expected))
