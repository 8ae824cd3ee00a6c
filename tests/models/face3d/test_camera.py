"""Deep3D's camera: closed forms, sizes, gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.face3d.camera import Camera
from models.face3d.rotation import place


def test_origin_and_axes() -> None:
    camera = Camera.deep3d(224)
    world = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5]])
    seen = camera.view(world)
    assert seen[:, 2].tolist() == [10, 10, 10, 5]
    pixels = camera.project(seen)
    torch.testing.assert_close(pixels, torch.tensor([[112, 112], [213.5, 112], [112, 10.5], [112, 112]]))


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.integers(16, 1024))
def test_pixels_lead_back_to_the_point(x: float, y: float, z: float, size: int) -> None:
    camera = Camera.deep3d(size)
    point = camera.view(torch.tensor([x, y, z], dtype=torch.float64))
    column, row = camera.project(point)
    back = torch.stack([(column - camera.centre_x), (camera.centre_y - row)]) * point[2] / camera.focal
    torch.testing.assert_close(back, point[:2])


@pytest.mark.parametrize("size", [112, 256, 448])
def test_other_sizes_show_the_same_picture(size: int) -> None:
    points = Camera.deep3d().view(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)))
    expected = Camera.deep3d(224).project(points) * (size / 224)
    torch.testing.assert_close(Camera.deep3d(size).project(points), expected)


def test_gradients_of_the_whole_chain() -> None:
    generator = torch.Generator().manual_seed(0)
    camera = Camera.deep3d(224)
    arguments = [torch.randn(2, *size, dtype=torch.float64, generator=generator) for size in ((4, 3), (3,), (3,))]
    for argument in arguments:
        argument.requires_grad_()
    assert torch.autograd.gradcheck(lambda *parts: camera.project(camera.view(place(*parts))), arguments)
