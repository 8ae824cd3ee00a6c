from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import LinearFaceModel
from models.face3d.lighting import shade
from models.face3d.renderer import Rendering, render
from models.face3d.rotation import place, rotation_matrix
from tests.models.face3d.toy_face import draw, toy_face

SIZE = 64
CAMERA = Camera.deep3d(SIZE)


@pytest.fixture(scope="module")
def model() -> LinearFaceModel:
    return toy_face()


def test_ranges_and_background(model: LinearFaceModel) -> None:
    found = render(model, draw(model, 3), CAMERA)
    shapes = {"image": (3, 3), "mask": (3, 1), "normals": (3, 3), "depth": (3, 1)}
    for name, shape in shapes.items():
        assert getattr(found, name).shape == (*shape, SIZE, SIZE)
        assert getattr(found, name).is_contiguous()
    assert found.landmarks.shape == (3, 68, 2) and found.pupils.shape == (3, 2, 2)
    inside = found.mask.bool()
    assert 0.1 < found.mask.mean() < 0.9
    assert found.image.amin() == -1 and found.image.amax() <= 1
    assert (found.image.movedim(1, -1)[~inside[:, 0]] == -1).all()
    assert not found.depth[~inside].any() and (found.depth[inside] > 8).all()
    torch.testing.assert_close(found.normals.norm(dim=1, keepdim=True), found.mask, rtol=0, atol=1e-5)


def test_pixels_at_landmarks_show_what_is_there(model: LinearFaceModel) -> None:
    """Colour, normal and depth at the picture's place of a vertex are the vertex's own, also with the head turned."""
    smooth = {"identity": torch.zeros(2, model.n_identity), "expression": torch.zeros(2, model.n_expression)}
    coefficients, camera = replace(draw(model, 2), **smooth), Camera.deep3d(512)
    found = render(model, coefficients, camera)
    shape = model.shape(coefficients.identity, coefficients.expression)
    world = place(shape, coefficients.rotation, coefficients.translation)
    pixels = camera.project(camera.view(world))
    normals = model.normals(shape) @ rotation_matrix(coefficients.rotation).transpose(1, 2)
    colours = shade(model.texture(coefficients.texture), normals, coefficients.lighting).clamp(0, 1) * 2 - 1
    looked_at = 0
    for face in range(2):
        for vertex in range(68 + 3 * 16 + 3, 68 + 13 * 16, 17):  # inside the grid
            x, y = (pixels[face, vertex]).int().tolist()
            if not (0 <= x < 512 and 0 <= y < 512) or normals[face, vertex, 2] < 0.3:
                continue
            looked_at += 1
            assert found.depth[face, 0, y, x].item() == pytest.approx(10 - world[face, vertex, 2].item(), abs=0.02)
            torch.testing.assert_close(found.normals[face, :, y, x], normals[face, vertex], rtol=0, atol=0.1)
            torch.testing.assert_close(found.image[face, :, y, x], colours[face, vertex], rtol=0, atol=0.1)
    assert looked_at >= 10
    torch.testing.assert_close(found.landmarks, pixels[:, model.landmarks])


def test_what_the_picture_does_when_the_head_moves(model: LinearFaceModel) -> None:
    """Signs: right and up in the world, yaw to the right of the image, light from above."""
    start = Coefficients.zeros(1, model.n_identity, model.n_expression, model.n_texture)

    def middle(found: Rendering) -> tuple[float, float]:
        where = found.mask[0, 0].nonzero().float().mean(0)
        return where[1].item(), where[0].item()

    x, y = middle(render(model, start, CAMERA))
    assert (x, y) == pytest.approx((SIZE / 2 - 0.5, SIZE / 2 - 0.5), abs=1)
    right = middle(render(model, replace(start, translation=torch.tensor([[0.2, 0.3, 0.0]])), CAMERA))
    assert right[0] > x + 2 and right[1] < y - 3
    turned = render(model, replace(start, rotation=torch.tensor([[0.0, 0.4, 0.0]])), CAMERA)
    assert turned.landmarks[0, 30, 0] > render(model, start, CAMERA).landmarks[0, 30, 0] + 2
    light = torch.zeros(1, 3, 9)
    light[..., 1] = -0.3  # the second function is minus y
    above = render(model, replace(start, lighting=light.view(1, 27)), CAMERA)
    bright = above.image.mean(1)[0]
    assert bright[SIZE // 2 - 12, SIZE // 2] > bright[SIZE // 2 + 12, SIZE // 2] + 0.1


def test_one_face_in_anothers_light_and_colours(model: LinearFaceModel) -> None:
    faces = draw(model, 2)
    source, driving = faces[:1], faces[1:]
    mixed = render(
        model,
        replace(source, expression=driving.expression, rotation=driving.rotation, translation=driving.translation),
        CAMERA,
    )
    same_place = render(model, replace(driving, identity=source.identity), CAMERA)
    assert torch.equal(mixed.mask, same_place.mask)
    assert not torch.equal(mixed.image, same_place.image)


def test_gradients_reach_all_parts(model: LinearFaceModel) -> None:
    coefficients = draw(model, 2).map(lambda part: part.requires_grad_())
    found = render(model, coefficients, CAMERA)
    torch.autograd.backward(found.image.square().mean() + found.depth.mean() + found.normals[:, 0].mean())
    for field in fields(Coefficients):
        gradient = getattr(coefficients, field.name).grad
        if field.name == "gaze":  # the toy has no eyes
            assert gradient is None
        else:
            assert gradient.isfinite().all() and gradient.abs().sum() > 0
    plain = render(model, coefficients.map(torch.Tensor.detach), CAMERA)
    torch.testing.assert_close(plain.image, found.image.detach(), rtol=0, atol=1e-5)


def test_autocast_and_half_precision_do_not_touch_geometry(model: LinearFaceModel) -> None:
    coefficients = draw(model, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = render(model, coefficients, CAMERA)
    assert torch.equal(found.landmarks, render(model, coefficients, CAMERA).landmarks)
    half = coefficients.map(lambda part: part.bfloat16())
    assert render(model, half, CAMERA).image.dtype == torch.float32
    torch.testing.assert_close(
        render(model, half, CAMERA).image, render(model, half.map(lambda part: part.float()), CAMERA).image
    )


def test_backends_draw_the_same(model: LinearFaceModel) -> None:
    coefficients = draw(model, 2, seed=1)
    ours, other = (render(model, coefficients, CAMERA, backend) for backend in ("numba", "torch"))
    for field in fields(Rendering):
        torch.testing.assert_close(getattr(ours, field.name), getattr(other, field.name), rtol=0, atol=1e-5)


def test_backends_draw_the_same_heads(real_data: Path) -> None:
    from models.face3d.ict import load_ict
    from models.face3d.rasterizer import rasterize

    model = load_ict(str(real_data.parent / "ict_face_model_lite.npz"))
    coefficients = draw(model, 2, seed=2)
    shape = model.shape(coefficients.identity, coefficients.expression.abs(), coefficients.gaze)
    points = CAMERA.view(place(shape, coefficients.rotation, coefficients.translation))
    ours, other = (rasterize(points, model.triangles, CAMERA, backend) for backend in ("numba", "torch"))
    assert ours.mask.float().mean() > 0.3
    assert torch.equal(ours.triangle, other.triangle)
    torch.testing.assert_close(ours.barycentric, other.barycentric, rtol=0, atol=1e-6)
