"""A head of a few hundred points for tests: half an ellipsoid with the 68 landmarks where a face has them."""

import torch
from torch import Tensor

from models.face3d.coefficients import Coefficients
from models.face3d.face_model import LinearFaceModel

# x to the right, y up, in decimetres, of the landmarks from the left in the image: jaw, brow, nose, eye, mouth
_JAW = [(0.75 * x, -0.15 - 0.75 * (1 - x * x) ** 0.5) for x in torch.linspace(-1, 1, 17).tolist()]
_BROW = [(-0.55, 0.5), (-0.45, 0.58), (-0.34, 0.6), (-0.24, 0.57), (-0.14, 0.52)]
_NOSE = [(0.0, 0.3), (0.0, 0.17), (0.0, 0.06), (0.0, -0.06)]
_NOSE += [(-0.13, -0.12), (-0.07, -0.14), (0, -0.15), (0.07, -0.14), (0.13, -0.12)]
_EYE = [(-0.45, 0.3), (-0.37, 0.34), (-0.28, 0.34), (-0.2, 0.29), (-0.28, 0.26), (-0.37, 0.26)]
_LIPS = [(-0.26, -0.42), (-0.16, -0.37), (-0.06, -0.35), (0, -0.36), (0.06, -0.35), (0.16, -0.37), (0.26, -0.42)]
_LIPS += [(0.16, -0.5), (0.07, -0.54), (0, -0.55), (-0.07, -0.54), (-0.16, -0.5)]
_INNER = [(-0.22, -0.42), (-0.08, -0.41), (0, -0.41), (0.08, -0.41), (0.22, -0.42)]
_INNER += [(0.08, -0.44), (0, -0.44), (-0.08, -0.44)]
MIRRORED_BROW = [(-x, y) for x, y in reversed(_BROW)]
MIRRORED_EYE = [(-_EYE[i][0], _EYE[i][1]) for i in (3, 2, 1, 0, 5, 4)]
LANDMARKS = [*_JAW, *_BROW, *MIRRORED_BROW, *_NOSE, *_EYE, *MIRRORED_EYE, *_LIPS, *_INNER]


def toy_face(identity: int = 6, expression: int = 4, texture: int = 3) -> LinearFaceModel:
    """The head; the first expression opens the mouth, the others are noise."""
    random = torch.Generator().manual_seed(0)
    turn, rise = torch.meshgrid(torch.linspace(-1.2, 1.2, 16), torch.linspace(-1.2, 1.2, 16), indexing="ij")
    grid = torch.stack([0.8 * turn.sin() * rise.cos(), 1.1 * rise.sin()], -1).view(-1, 2)
    flat = torch.cat([torch.tensor(LANDMARKS), grid])
    bulge = (1 - (flat[:, 0] / 0.95) ** 2 - (flat[:, 1] / 1.25) ** 2).clamp(min=0).sqrt()
    nose = 0.3 * torch.exp(-(flat[:, 0] ** 2 + (flat[:, 1] + 0.06) ** 2) / 0.02)
    mean = torch.cat([flat, (0.7 * bulge + nose)[:, None]], dim=1)
    jaw = torch.zeros(expression, *mean.shape)
    jaw[0, :, 1] = -0.3 * torch.sigmoid((-0.43 - mean[:, 1]) * 60)
    jaw[1:] = 0.02 * torch.randn(jaw[1:].shape, generator=random)
    cells = torch.arange(256).view(16, 16) + 68
    corners = [cells[:-1, :-1], cells[1:, :-1], cells[1:, 1:], cells[:-1, 1:]]
    a, b, c, d = (corner.flatten() for corner in corners)
    return LinearFaceModel(
        "toy",
        "1",
        mean=mean,
        identity_basis=0.03 * torch.randn(identity, *mean.shape, generator=random),
        expression_basis=jaw,
        mean_texture=torch.full_like(mean, 0.6),
        texture_basis=0.05 * torch.randn(texture, *mean.shape, generator=random),
        triangles=torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)]),
        landmarks=torch.arange(68),
        expression_names=["jawOpen", *[""] * (expression - 1)],
        expression_low=torch.tensor([0.0, *[-3.0] * (expression - 1)]),
        expression_high=torch.tensor([1.0, *[3.0] * (expression - 1)]),
    )


def draw(model: LinearFaceModel, count: int, seed: int = 0) -> Coefficients:
    """Random faces, some a decimetre off the axis, turned by up to half a radian."""
    random = torch.Generator().manual_seed(seed)

    def signed(size: int, most: float) -> Tensor:
        return (2 * torch.rand(count, size, generator=random) - 1) * most

    expression = signed(model.n_expression, 1)
    expression[:, 0] = expression[:, 0].abs()
    return Coefficients(
        identity=torch.randn(count, model.n_identity, generator=random),
        expression=expression,
        texture=torch.randn(count, model.n_texture, generator=random),
        rotation=signed(3, 0.5),
        translation=signed(3, 0.4),
        lighting=0.1 * torch.randn(count, 27, generator=random),
        gaze=signed(4, 0.3),
    )
