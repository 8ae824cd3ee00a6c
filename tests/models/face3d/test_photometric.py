"""Coefficients are found again from nothing but a rendered picture, by gradients through the renderer.

The absolute difference does it; the squared one is led astray by the few pixels where something else comes into sight,
of which the rasterizer's gradient knows nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import LinearFaceModel
from models.face3d.ict import load_ict
from models.face3d.procedural import procedural_head
from models.face3d.renderer import Rendering, render
from tests.models.face3d.toy_face import toy_face

EXPRESSION = {"jawOpen": 0.4, "browInnerUp": 0.6, "mouthSmile": 0.5, "noseSneer": 0.3, "eyeBlink": 0.5}


def neutral(model: LinearFaceModel) -> Coefficients:
    """A head turned a little, lit from the upper left."""
    found = Coefficients.zeros(1, model.n_identity, model.n_expression, model.n_texture)
    light = found.lighting.view(1, 3, 9).clone()
    light[..., 1:4] = torch.tensor([-0.3, 0.2, -0.35])
    return replace(found, lighting=light.view(1, 27), rotation=torch.tensor([[0.05, 0.2, 0.0]]))


def photometric(found: Rendering, wanted: Rendering) -> Tensor:
    both = found.mask * wanted.mask
    return ((found.image - wanted.image).abs() * both).sum() / both.sum()


def recovered(
    model: LinearFaceModel, truth: Tensor, free: Sequence[int], size: int, steps: int, rate: float = 0.05
) -> Tensor:
    """The `free` numbers of `truth` (n_expression,), searched from zero within the model's limits."""
    start, camera = neutral(model), Camera.deep3d(size)
    wanted = render(model, replace(start, expression=truth[None]), camera)
    low, high = model.expression_low[list(free)], model.expression_high[list(free)]
    numbers = torch.zeros(len(free), requires_grad=True)
    optimiser = torch.optim.Adam([numbers], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        expression = torch.zeros(1, model.n_expression).index_copy(1, torch.tensor(free), numbers[None])
        loss = photometric(render(model, replace(start, expression=expression), camera), wanted)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            numbers.copy_(numbers.clamp(low, high))
    return numbers.detach()


def named(model: LinearFaceModel) -> tuple[Tensor, list[int]]:
    """`EXPRESSION` (both sides where the model has two) as a vector, and which of its numbers have names."""
    truth = torch.zeros(model.n_expression)
    for index, name in enumerate(model.expression_names):
        truth[index] = EXPRESSION.get(name.removesuffix("_L").removesuffix("_R"), 0.0)
    return truth, [index for index, name in enumerate(model.expression_names) if name]


def test_toy_face_from_its_picture() -> None:
    model, truth = toy_face(), torch.tensor([0.5, 0.8, -0.6, 0.3])
    model.mean_texture = 0.5 + 0.3 * torch.sin(model.mean * 9)
    found = recovered(model, truth, range(4), size=48, steps=60)
    torch.testing.assert_close(found, truth, rtol=0, atol=0.05)


@pytest.mark.slow
def test_embedded_head_from_its_picture() -> None:
    model = procedural_head()
    truth, free = named(model)
    assert (truth > 0).sum() >= 5
    found = recovered(model, truth, free, size=64, steps=80, rate=0.06)
    assert (found - truth[free]).abs().amax() < 0.1


@pytest.mark.slow
def test_ict_head_from_its_picture(real_data: Path) -> None:
    """All 53 numbers at once."""
    model = load_ict(str(real_data.parent / "ict_face_model_lite.npz"))
    truth, free = named(model)
    assert len(free) == 53 and (truth > 0).sum() >= 7
    found = recovered(model, truth, free, size=96, steps=150)
    torch.testing.assert_close(found, truth[free], rtol=0, atol=0.05)
