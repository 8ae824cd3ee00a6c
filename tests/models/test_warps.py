"""Warps: the same change for every size, as their names say."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from models.warps import Change, Occlusion, Warp, affine, rotation, shear, thin_plate, translation, zoom


def noise(side: int = 16) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(side))


def bends(size: float = 0.1) -> Tensor:
    return size * torch.randn(2, 4, 4, 2, generator=torch.Generator().manual_seed(0))


NOTHING: dict[str, Change] = {
    "translation": translation(0, 0),
    "rotation": rotation(0),
    "zoom": zoom(1),
    "shear": shear(0),
    "thin plate": thin_plate(torch.zeros(1, 4, 4, 2)),
    "occlusion": Occlusion(0.3, 0.3, 0.3, 0.9),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_is_exactly_nothing(name: str) -> None:
    for side in (4, 64):
        assert torch.equal(NOTHING[name].image(noise(side)), noise(side))
        assert NOTHING[name].inside(side, side).all()


def test_everything_moves_where_the_names_say() -> None:
    """By pixels of 16, which are 1/8 wide; y is down."""
    image = noise()
    right = translation(0.25, 0.125).image(image)
    assert torch.equal(right[..., 1:, 2:], image[..., :-1, :-2])
    assert (right[..., :2] == 0).all() and (right[..., :1, :] == 0).all()
    assert torch.allclose(rotation(math.pi / 2).image(image), image.rot90(-1, (2, 3)), atol=1e-5)  # clockwise
    small = F.pad(F.avg_pool2d(image, 2), (4, 4, 4, 4))
    assert torch.allclose(zoom(0.5).image(image), small, atol=1e-6)
    assert torch.equal(zoom(0.5).inside(16, 16)[0], small[0, 0] != 0)
    skewed = shear(1).image(image)  # the lower a row is the further to the right
    between = (image[..., 15, 1:9] + image[..., 15, :8]) / 2  # 15/16 of 8 pixels
    assert torch.allclose(skewed[..., 15, 8:], between, atol=1e-5)


@given(st.floats(-0.5, 0.5), st.floats(-1, 1), st.floats(0.5, 2), st.floats(-0.5, 0.5))
@settings(max_examples=20, deadline=None)
def test_a_warp_and_its_inverse(x: float, angle: float, factor: float, slope: float) -> None:
    points = torch.rand(1, 9, 2) * 2 - 1
    for there, back in (
        (translation(x, -x), translation(-x, x)),
        (rotation(angle), rotation(-angle)),
        (zoom(factor), zoom(1 / factor)),
        (shear(slope), shear(-slope)),
    ):
        assert torch.allclose(back.points(there.points(points)), points, atol=1e-5)


def test_the_same_warp_for_every_size() -> None:
    """A smooth picture of 64 pixels, warped and halved twice, is the quarter warped."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    image = F.interpolate(coarse, size=64, mode="bicubic")
    for change in (translation(0.2, 0.1), rotation(0.4), zoom(1.3), shear(0.3), thin_plate(bends()[:1])):
        small = change.image(F.avg_pool2d(image, 4))
        inside = F.max_pool2d(1 - change.inside(16, 16).float(), 3, 1, 1)[:, None] == 0
        wrong = (F.avg_pool2d(change.image(image), 4) - small).abs() * inside
        assert wrong.max() < 0.05


def test_a_thin_plate_goes_through_its_points() -> None:
    moves = bends()
    axis = torch.linspace(-1, 1, 4)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    controls = torch.stack([x, y], dim=-1)
    found = thin_plate(moves).points(controls.view(1, 16, 2).expand(2, -1, -1)).view(2, 4, 4, 2)
    assert torch.allclose(found, controls - moves, atol=1e-5)


def test_a_thin_plate_of_an_affine_move_is_affine() -> None:
    """The spline is what an affine map cannot do (Bookstein 1989)."""
    turned = rotation(0.3)
    axis = torch.linspace(-1, 1, 4)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    controls = torch.stack([x, y], dim=-1)[None]
    bent = thin_plate(controls - turned.points(controls.view(1, 16, 2)).view(1, 4, 4, 2))
    assert torch.allclose(bent.spline, torch.zeros(1), atol=1e-5)
    assert torch.allclose(bent.affine, turned.affine, atol=1e-5)


def test_a_rectangle_covers_the_same_part_of_every_size() -> None:
    box = Occlusion(-0.5, -0.3, 0.2, 0.4)
    covered = [1 - box.image(torch.ones(1, 1, side, side)) for side in (4, 16, 64)]
    for part in covered:
        assert part.mean().item() == pytest.approx(0.7 * 0.7 / 4)
    assert torch.allclose(F.avg_pool2d(covered[2], 4), covered[1], atol=1e-6)
    assert box.inside(64, 64).float().mean().item() == pytest.approx(1 - 0.49 / 4, abs=0.02)


def test_a_warp_per_picture_and_one_for_all() -> None:
    each = Warp(*(torch.cat(parts) for parts in zip(*((w.affine, w.spline) for w in (zoom(2), shear(0.5))))))
    image = noise()
    assert torch.equal(each.image(image)[0], zoom(2).image(image)[0])
    assert torch.equal(each[1:].image(image[1:])[0], shear(0.5).image(image)[1])


def test_half_precision_around_it_moves_nothing() -> None:
    warp, image = thin_plate(bends()), noise()
    with torch.autocast("cpu", torch.bfloat16):
        around = warp.image(image)
    assert torch.equal(around, warp.image(image))
    assert warp.image(image.bfloat16()).dtype == torch.bfloat16


def test_gradients() -> None:
    warp = thin_plate(bends().double())
    image = noise(4).double().requires_grad_()
    assert torch.autograd.gradcheck(warp.image, image)
    moves = torch.eye(2, 3, dtype=torch.double)[None].requires_grad_()
    affine(moves).image(noise(4).double()).sum().backward()  # type: ignore[no-untyped-call]
    assert moves.grad is not None
