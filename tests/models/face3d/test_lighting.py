"""Spherical harmonics: orthogonal, with one length per band; plain light; gradients."""

import math

import torch

from models.face3d.lighting import AMBIENT, harmonics, shade


def sphere(rings: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors (N, 3) and the areas (N,) that they stand for: exact for low orders."""
    height = (torch.arange(rings, dtype=torch.float64) + 0.5) * 2 / rings - 1
    turn = torch.arange(2 * rings, dtype=torch.float64) * math.pi / rings
    z, angle = torch.meshgrid(height, turn, indexing="ij")
    radius = (1 - z**2).sqrt()
    vectors = torch.stack([radius * angle.cos(), radius * angle.sin(), z], dim=-1).view(-1, 3)
    return vectors, torch.full((len(vectors),), 4 * math.pi / len(vectors), dtype=torch.float64)


def test_bands_are_orthogonal_and_of_one_length() -> None:
    vectors, areas = sphere()
    basis = harmonics(vectors)
    product = basis.T @ (basis * areas[:, None])
    lengths = torch.tensor([math.pi**2] + 3 * [4 * math.pi**2 / 3] + 5 * [math.pi**2 / 2], dtype=torch.float64)
    torch.testing.assert_close(product, torch.diag(lengths), atol=2e-3, rtol=0)


def test_no_coefficients_are_plain_white_light() -> None:
    albedo, normals = torch.rand(2, 7, 3), torch.nn.functional.normalize(torch.randn(2, 7, 3), dim=-1)
    expected = albedo * AMBIENT * math.pi / math.sqrt(4 * math.pi)
    torch.testing.assert_close(shade(albedo, normals, torch.zeros(2, 27)), expected)


def test_light_from_the_right_above_in_front() -> None:
    """Signs of the first band, per colour: red from the right, green from above, blue from the front."""
    lighting = torch.zeros(1, 3, 9)
    lighting[0, 0, 3], lighting[0, 1, 1], lighting[0, 2, 2] = -0.5, -0.5, 0.5
    normals = torch.cat([torch.eye(3), -torch.eye(3)])[None]
    lit = shade(torch.ones(1, 6, 3), normals, lighting.flatten(1))[0]
    change = lit - AMBIENT * math.sqrt(math.pi) / 2
    strength = 0.5 * 2 * math.pi / math.sqrt(3) * math.sqrt(3) / math.sqrt(4 * math.pi)
    torch.testing.assert_close(change, torch.cat([torch.eye(3), -torch.eye(3)]) * strength)


def test_pictures_are_lit_like_vertices() -> None:
    generator = torch.Generator().manual_seed(0)
    albedo, normals = (torch.randn(2, 3, 4, 3, generator=generator) for _ in range(2))
    lighting = torch.randn(2, 27, generator=generator)
    flat = shade(albedo.flatten(1, 2), normals.flatten(1, 2), lighting)
    torch.testing.assert_close(shade(albedo, normals, lighting), flat.view_as(albedo))


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    arguments = [torch.randn(2, *size, dtype=torch.float64, generator=generator) for size in ((3, 3), (3, 3), (27,))]
    for argument in arguments:
        argument.requires_grad_()
    assert torch.autograd.gradcheck(shade, arguments)
