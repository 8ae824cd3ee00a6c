"""Generators that are decoders too: both halves learn, and both are where another training starts."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.checkpoints import VERSION
from lightning_modules.stage import StageModule
from lightning_modules.variational import Variational, VariationalGAN, VariationalStart
from losses.adversarial import NonSaturating
from models.stylegan.discriminator import Discriminator
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.variational_encoder import VariationalEncoder

SIZE, Z = 16, 8
WEIGHTS = {"perceptual": 1.0, "l1": 1.0, "divergence": 1e-4}


def generator() -> StyleGAN2:
    return StyleGAN2(SIZE, Z, Z, mapping_layers=2, channel_base=128, channel_max=16)


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, 5e-3)


def start(file: str | None = None) -> VariationalStart:
    encoder = VariationalEncoder(SIZE, Z, 128, 16)
    return VariationalStart(generator(), encoder, nn.MSELoss(), WEIGHTS, adam, file, steps=9)


def game(file: str | None = None) -> VariationalGAN:
    return VariationalGAN(
        VariationalEncoder(SIZE, Z, 128, 16),
        nn.MSELoss(),
        file,
        model=generator(),
        discriminator=Discriminator(SIZE, 128, 16),
        adversarial=NonSaturating(),
        weights=WEIGHTS | {"adversarial": 0.1},
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        steps=9,
    )


def optimizers(module: StageModule) -> list[torch.optim.Optimizer]:
    return cast(Any, module.configure_optimizers())[0]


def count(optimizer: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in optimizer.param_groups)


def batch() -> dict[str, Tensor]:
    """Pictures of one colour each: eight numbers say more than enough."""
    colours = torch.rand(8, 3, 1, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {"image": colours.expand(-1, -1, SIZE, SIZE).contiguous(), "sample": torch.arange(8)}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps without a trainer, in one process."""
    torch.manual_seed(0)
    monkeypatch.setattr(Variational, "trainer", SimpleNamespace(world_size=1))
    monkeypatch.setattr(Variational, "global_rank", 0)
    yield


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    module = start()
    facts = {"model": {"_target_": "models.stylegan.stylegan2.StyleGAN2", **module.model.arguments}}
    stored = {"state_dict": module.state_dict(), "figurehead": {"version": VERSION, "config": facts}}
    torch.save(stored, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_both_halves_learn_to_make_pictures_again() -> None:
    module = start()
    (optimizer,) = optimizers(module)
    assert count(optimizer) == len([*module.model.parameters(), *module.encoder.parameters()])

    def error() -> float:
        return float((module.preview(batch())["decoded"] - batch()["image"]).abs().mean())

    before = error()
    for module.batches in range(25):
        optimizer.zero_grad()
        torch.autograd.backward(module.weighted(module.losses(batch())))
        optimizer.step()
    assert error() < 0.7 * before


def test_starts_with_both_halves_of_another_training(checkpoint: Path) -> None:
    earlier = torch.load(checkpoint, weights_only=True)["state_dict"]
    for module in (start(file=str(checkpoint)), game(str(checkpoint))):
        ours = module.state_dict()
        assert all(torch.equal(ours[name], value) for name, value in earlier.items() if "w_mean" not in name)


def test_the_game_makes_the_pictures_of_the_batch_too() -> None:
    module = game()
    played = module.play(batch())
    assert played.losses.keys() == module.weights.keys()
    assert played.real is not played.fake
    torch.autograd.backward(module.weighted(played.losses))
    assert all(p.grad is not None for p in module.encoder.parameters())
    halves = [*module.model.parameters(), *module.encoder.parameters()]
    judges = list(module.discriminator.parameters())
    assert [count(optimizer) for optimizer in optimizers(module)] == [len(halves), len(judges)]
