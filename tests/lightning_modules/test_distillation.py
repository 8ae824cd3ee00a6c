"""A generator that learns from another one."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.distillation import Distillation, drawn
from lightning_modules.supervised import SupervisedModule
from models.errors import UserError
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.stylegan3 import StyleGAN3

SIZE, Z = 16, 8


def teacher(z_dim: int = Z) -> StyleGAN2:
    return StyleGAN2(SIZE, z_dim, Z, mapping_layers=2, channel_base=128, channel_max=16)


def distillation(of: StyleGAN2) -> Distillation:
    student = StyleGAN3(SIZE, Z, Z, channel_base=64, channel_max=8, num_layers=4, margin=2)
    weights = {"perceptual": 1.0, "l1": 1.0}
    return Distillation(
        student, of, nn.MSELoss(), weights, lambda parameters: torch.optim.Adam(parameters, 1e-2), steps=9
    )


def batch() -> dict[str, Tensor]:
    return {"image": torch.zeros(8, 3, SIZE, SIZE), "sample": torch.arange(8)}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps without a trainer, in one process."""
    torch.manual_seed(0)
    monkeypatch.setattr(SupervisedModule, "trainer", SimpleNamespace(world_size=1))
    monkeypatch.setattr(SupervisedModule, "global_rank", 0)
    yield


def test_the_model_comes_nearer_to_the_teacher_which_stays() -> None:
    of = teacher()
    module = distillation(of)
    before = {name: value.clone() for name, value in of.state_dict().items()}
    optimizer = cast(Any, module.configure_optimizers())[0][0]
    assert not any(name.startswith("teacher") for name in module.state_dict())

    def error() -> float:
        pictures = module.preview(batch())
        return float((pictures["model"] - pictures["teacher"]).abs().mean())

    at_first = error()
    for module.batches in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(module.weighted(module.losses(batch())))
        optimizer.step()
    assert error() < 0.8 * at_first
    assert all(torch.equal(value.nan_to_num(), before[name].nan_to_num()) for name, value in of.state_dict().items())


def test_both_begin_with_the_same_codes() -> None:
    of = teacher()
    module, z = distillation(of), torch.randn(2, Z)
    assert torch.equal(module.model.mapping(z), of.mapping(z))
    assert not torch.equal(drawn(module.model, z), drawn(of, z))


def test_a_teacher_of_another_z_is_refused() -> None:
    with pytest.raises(UserError, match="shape"):
        distillation(teacher(z_dim=4))
