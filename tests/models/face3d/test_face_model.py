"""The linear face model, its eyeballs and normals, on meshes small enough to check by hand."""

import math
from typing import Any

import pytest
import torch

from models.errors import UserError
from models.face3d.face_model import Eyeballs, LinearFaceModel, triangles_around, vertex_normals

OCTAHEDRON = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
SIDES = torch.tensor([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])


def two_eyes() -> LinearFaceModel:
    """Two octahedra of radius 0.1 as eyes; identity moves both up, expression does nothing."""
    centres = torch.tensor([[-0.3, 0.0, 0.8], [0.3, 0.0, 0.8]])
    mean = torch.cat([0.1 * OCTAHEDRON + centre for centre in centres])
    up = torch.tensor([0.0, 1.0, 0.0])
    return LinearFaceModel(
        "eyes",
        "1",
        mean=mean,
        identity_basis=up.expand(1, 12, 3),
        expression_basis=torch.zeros(2, 12, 3),
        mean_texture=torch.full((12, 3), 0.5),
        texture_basis=torch.ones(1, 12, 3),
        triangles=torch.cat([SIDES, SIDES + 6]),
        landmarks=torch.arange(68) % 12,
        eyes=Eyeballs([torch.arange(6), torch.arange(6, 12)], centres, up.expand(1, 2, 3), torch.tensor([4, 10])),
    )


def test_shape_and_texture_are_linear() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = {"mean": (6, 3), "identity_basis": (4, 6, 3), "expression_basis": (2, 6, 3)}
    colours = {"mean_texture": (6, 3), "texture_basis": (3, 6, 3)}
    parts: dict[str, Any] = {key: torch.randn(size, generator=generator) for key, size in (sizes | colours).items()}
    model = LinearFaceModel("toy", "1", **parts, triangles=SIDES, landmarks=torch.arange(68) % 6)
    identity, expression, texture = (torch.randn(3, size, generator=generator) for size in (4, 2, 3))
    shape = parts["mean"] + torch.einsum("bi,inc->bnc", identity, parts["identity_basis"])
    shape = shape + torch.einsum("bi,inc->bnc", expression, parts["expression_basis"])
    torch.testing.assert_close(model.shape(identity, expression, torch.ones(3, 4)), shape)
    albedo = parts["mean_texture"] + torch.einsum("bi,inc->bnc", texture, parts["texture_basis"])
    torch.testing.assert_close(model.texture(texture), albedo)
    torch.testing.assert_close(model.landmarks68(shape)[:, 7], shape[:, 1])
    torch.testing.assert_close(model.pupils(shape)[:, 0], shape[:, torch.arange(36, 42) % 6].mean(1))
    assert (model.n_identity, model.n_expression, model.n_texture) == (4, 2, 3)
    assert not model.has_eyes
    assert model.expression_low.tolist() == [-math.inf] * 2
    assert not model.state_dict()  # a face model's file is never copied into checkpoints


def test_a_basis_of_another_mesh_is_refused() -> None:
    with pytest.raises(UserError, match=r"texture basis is \(1, 5, 3\), expected \(n, 6, 3\)"):
        LinearFaceModel(
            "toy",
            "1",
            mean=OCTAHEDRON,
            identity_basis=torch.zeros(1, 6, 3),
            expression_basis=torch.zeros(1, 6, 3),
            mean_texture=OCTAHEDRON,
            texture_basis=torch.zeros(1, 5, 3),
            triangles=SIDES,
            landmarks=torch.zeros(68),
        )


def test_coefficients_of_another_face_model_are_refused() -> None:
    model = two_eyes()
    with pytest.raises(UserError, match="eyes has 2 numbers of expression, these coefficients have 64: they belong to"):
        model.shape(torch.zeros(1, 1), torch.zeros(1, 64))
    with pytest.raises(UserError, match="eyes has 1 numbers of texture"):
        model.texture(torch.zeros(1, 80))


def test_gaze_turns_each_eye_about_its_own_centre() -> None:
    """Image-left eye first: it looks 0.3 down, the other 0.4 to the right of the image; identity has moved both."""
    model, gaze = two_eyes(), torch.tensor([[0.3, 0.0, 0.0, 0.4]])
    identity = torch.tensor([[0.5]])
    pupils = model.pupils(model.shape(identity, torch.zeros(1, 2), gaze))[0]
    left = torch.tensor([-0.3, 0.5, 0.8]) + 0.1 * torch.tensor([0, -math.sin(0.3), math.cos(0.3)])
    right = torch.tensor([0.3, 0.5, 0.8]) + 0.1 * torch.tensor([math.sin(0.4), 0, math.cos(0.4)])
    torch.testing.assert_close(pupils, torch.stack([left, right]))
    still = model.shape(identity, torch.zeros(1, 2), torch.zeros(1, 4))
    torch.testing.assert_close(still, model.shape(identity, torch.zeros(1, 2)))


def test_gradients_reach_everything_that_moves_vertices() -> None:
    model = two_eyes().double()
    parts = [torch.full((1, size), 0.2, dtype=torch.float64, requires_grad=True) for size in (1, 2, 4)]
    assert torch.autograd.gradcheck(model.shape, parts)
    shape = model.shape(*parts).detach().requires_grad_()
    assert torch.autograd.gradcheck(model.normals, (shape,))


def test_normals_point_outwards_and_do_not_weigh_areas() -> None:
    stretched = torch.stack([OCTAHEDRON, OCTAHEDRON * torch.tensor([3.0, 1, 1])])
    normals = vertex_normals(stretched, SIDES, triangles_around(SIDES, 6))
    torch.testing.assert_close(normals[0], OCTAHEDRON)
    torch.testing.assert_close(normals[1], OCTAHEDRON)  # by symmetry, at each corner
    lone = vertex_normals(OCTAHEDRON[None], SIDES[:1], triangles_around(SIDES[:1], 6))[0]
    torch.testing.assert_close(lone[[0, 2, 4]], torch.full((3, 3), math.sqrt(1 / 3)))
    assert lone[[1, 3, 5]].abs().max() == 0  # a vertex of no triangle has none


def test_triangles_around_by_counting() -> None:
    triangles = torch.randint(0, 9, (30, 3), generator=torch.Generator().manual_seed(0))
    for vertex, row in enumerate(triangles_around(triangles, 10)):
        expected = [number for number, corners in enumerate(triangles.tolist()) for c in corners if c == vertex]
        assert row[row < 30].tolist() == expected
