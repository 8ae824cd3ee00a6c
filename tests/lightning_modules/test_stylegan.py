"""The stage of StyleGAN: what is done in which step, and that a resumed training is the one that was not stopped."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

import lightning_modules.stylegan
from configs.command import CONFIGS
from configs.instantiate import build
from lightning_modules.adversarial import Game
from lightning_modules.stage import held
from lightning_modules.stylegan import StyleGAN
from losses.adversarial import NonSaturating
from models.stylegan.adaptive_augment import AdaptiveAugment
from models.stylegan.discriminator import Discriminator
from models.stylegan.stylegan2 import StyleGAN2

SIZE = 8
COUNT = 4


def stage(**options: Any) -> StyleGAN:
    torch.manual_seed(0)
    chosen: dict[str, Any] = {
        "weights": {"adversarial": 1.0, "path_length": 2.0},
        "generator_optimizer": lambda parameters: torch.optim.Adam(parameters, 2e-3, (0.0, 0.99)),
        "discriminator_optimizer": lambda parameters: torch.optim.Adam(parameters, 2e-3, (0.0, 0.99)),
        "steps": 4,
        "log_every": 1,
        **options,
    }
    generator = StyleGAN2(SIZE, z_dim=4, w_dim=4, mapping_layers=2, channel_base=32, channel_max=8)
    return StyleGAN(generator, Discriminator(SIZE, 32, 8), NonSaturating(), **chosen)


def batch() -> dict[str, Tensor]:
    image = torch.rand(COUNT, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {"image": image, "sample": torch.arange(COUNT)}


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Steps without a trainer, in one process."""
    strategy = SimpleNamespace(reduce=lambda value, reduce_op: value)
    monkeypatch.setattr(StyleGAN, "trainer", SimpleNamespace(world_size=1, strategy=strategy))
    monkeypatch.setattr(StyleGAN, "global_rank", 0)
    yield


def fit(module: StyleGAN, start: Path | None = None) -> Trainer:
    """Every epoch is one batch, always the same."""
    examples: Any = [dict(zip(batch(), values)) for values in zip(*batch().values())]
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=-1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        limit_val_batches=0,
    )
    trainer.fit(module, DataLoader(examples, batch_size=COUNT), ckpt_path=start, weights_only=True)
    return trainer


@pytest.mark.usefixtures("alone")
def test_r1_comes_in_every_nth_batch_and_counts_as_often() -> None:
    module = stage(r1=3.0, r1_every=2)
    real = batch()["image"]
    game = Game({}, real=real, fake=torch.zeros_like(real))
    found = []
    for module.batches in range(5):
        found.append(module.judge(game).get("r1"))
    assert [value is not None for value in found] == [True, False, True, False, True]

    step, place = 1e-3, real.clone().double().requires_grad_()
    judge = module.discriminator.double()
    (slope,) = torch.autograd.grad(judge(place).sum(), place)
    ahead = (judge(place + step * slope) - judge(place - step * slope)).sum() / (2 * step)  # |slope|^2 over the batch
    assert found[0] is not None
    assert found[0].item() == pytest.approx(2 * 3 / 2 * ahead.item() / COUNT, rel=1e-3)


@pytest.mark.usefixtures("alone")
def test_path_length_is_held_at_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    def lengths(image: Tensor, codes: Tensor, noise: Tensor) -> Tensor:
        asked.append(tuple(image.shape))
        return torch.tensor([3.0, 5.0]) + 0 * image.sum()

    monkeypatch.setattr(lightning_modules.stylegan, "path_lengths", lengths)
    module = stage(path_length_every=2)
    found = []
    for module.batches in range(4):
        found.append(module.play(batch()).losses.get("path_length"))
    assert [value is not None for value in found] == [True, False, True, False]
    assert asked == [(COUNT // 2, 3, SIZE, SIZE)] * 2
    means = [0.04, 0.04 + 0.01 * (4 - 0.04)]
    for value, mean in zip(found[::2], means):
        assert value is not None
        assert value.item() == pytest.approx(2 * ((3 - mean) ** 2 + (5 - mean) ** 2) / 2, rel=1e-5)
    assert module.path_length is not None and module.path_length.item() == pytest.approx(means[1])


@pytest.mark.usefixtures("alone")
def test_mixed_pictures_change_their_code_once() -> None:
    def changes(mixing: float, number: int = 0) -> Tensor:
        module = stage(mixing=mixing)
        module.batches = number
        codes = module.codes(64)
        return (codes[:, 1:] != codes[:, :-1]).any(dim=2).sum(dim=1)

    assert (changes(0.0) == 0).all()
    assert (changes(1.0) == 1).all()
    assert 0.3 < changes(0.5).float().mean() < 0.7
    assert torch.equal(changes(0.5), changes(0.5)) and not torch.equal(changes(0.5), changes(0.5, number=1))


@pytest.mark.usefixtures("alone")
def test_the_mean_of_w_follows_the_weights() -> None:
    module = stage()
    module.preview(batch())
    old = module.model.mapping.w_mean.clone()
    assert old.isfinite().all()
    module.play(batch())
    assert module.model.mapping.w_mean.isnan().all()
    with torch.no_grad():
        for parameter in module.model.mapping.parameters():
            parameter.add_(1)
    module.preview(batch())
    assert not torch.allclose(module.model.mapping.w_mean, old)


@pytest.mark.usefixtures("alone")
def test_previews_and_measurements_are_always_the_same() -> None:
    module = stage()
    one, other = (module.preview(batch())["generated"] for _ in range(2))
    assert torch.equal(one, other) and one.shape == (COUNT, 3, SIZE, SIZE)


@pytest.mark.usefixtures("alone")
def test_the_side_that_is_not_taught_gets_no_gradient() -> None:
    module = stage(path_length_every=1)
    with held(module.discriminator):
        game = module.play(batch())
        module.weighted(game.losses).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in module.discriminator.parameters())
    assert all(parameter.grad is not None for parameter in module.model.parameters())
    module.model.zero_grad(set_to_none=True)
    with held(module.model):
        torch.stack(list(module.judge(game).values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in module.model.parameters())
    assert all(parameter.grad is not None for parameter in module.discriminator.parameters())


@pytest.mark.usefixtures("alone")
def test_the_discriminator_sees_nothing_but_changed_pictures() -> None:
    module = stage(augment=AdaptiveAugment(), r1_every=100)
    module.batches = 1
    assert module.augment is not None
    module.augment.p.fill_(1.0)
    seen: list[Tensor] = []
    module.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    game = module.play(batch())
    module.judge(game)
    assert len(seen) == 3
    for picture, shown in zip((game.fake, game.real, game.fake), seen):
        assert (picture != shown).flatten(1).any(dim=1).all()
    assert module.augment.pictures.item() == COUNT


def test_a_resumed_training_is_the_one_that_was_not_stopped(tmp_path: Path) -> None:
    def train(steps: int, start: Path | None = None) -> tuple[StyleGAN, Trainer]:
        augment = AdaptiveAugment(target=-2.0, length=4 * COUNT, every=2)  # rises by a half in 2 batches
        module = stage(steps=steps, r1_every=3, path_length_every=2, mixing=0.5, augment=augment)
        return module, fit(module, start)

    whole, _ = train(5)
    _, trainer = train(3)
    trainer.save_checkpoint(tmp_path / "3.ckpt")
    resumed, _ = train(5, tmp_path / "3.ckpt")
    assert whole.augment is not None and whole.augment.p.item() == 1
    assert whole.path_length is not None and resumed.path_length is not None
    assert torch.equal(whole.path_length, resumed.path_length)
    for (name, ours), theirs in zip(whole.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(ours, theirs) or (name.endswith("w_mean") and ours.isnan().all()), name


def test_ada_may_be_turned_on_in_the_middle_of_a_training(tmp_path: Path) -> None:
    fit(stage(steps=1)).save_checkpoint(tmp_path / "1.ckpt")
    module = stage(steps=2, augment=AdaptiveAugment())
    fit(module, tmp_path / "1.ckpt")
    assert module.generator_steps == 2
    fit(module).save_checkpoint(tmp_path / "2.ckpt")
    fit(stage(steps=3), tmp_path / "2.ckpt")


@pytest.mark.parametrize(("words", "kind"), [([], type(None)), (["ada=default"], AdaptiveAugment)])
def test_the_config_says_whether_there_is_ada(words: list[str], kind: type) -> None:
    chosen = ["experiment=stylegan/stylegan2", "preset=cpu", "size=8", "data.shards=x", "output=y", *words]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        module = build(compose("train", chosen).module)
    assert isinstance(module.augment, kind)
