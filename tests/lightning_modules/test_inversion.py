"""The stages that train encoders: what stays frozen, when deltas come, what the game is about, that it is learnt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_modules.encoding import Encoding
from lightning_modules.inversion import E4E, PSP
from losses.adversarial import NonSaturating
from losses.ms_ssim import MSSSIM
from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.encoder_inversion import EncoderInversion
from models.inversion.gradual_style import GradualStyleEncoder
from models.stylegan.latent_discriminator import LatentDiscriminator
from models.stylegan.stylegan2 import StyleGAN2

SIDE, CODES, WIDTH = 32, 8, 16
SIZES: dict[str, Any] = {"codes": CODES, "style_dim": WIDTH, "size": SIDE, "units": [1, 1, 1, 1], "head_width": 16}
SIZES |= {"widths": [8, 16, 16, 16]}


def generator() -> StyleGAN2:
    torch.manual_seed(5)
    made = StyleGAN2(SIDE, z_dim=WIDTH, w_dim=WIDTH, mapping_layers=2, channel_base=256, channel_max=16)
    for parameter in made.mapping.layers.parameters():
        parameter.data.mul_(3)  # codes that differ
    return made


def training(**options: Any) -> dict[str, Any]:
    return {"generator": generator(), "perceptual": MSSSIM(0.2), "steps": 3, "log_every": 1, **options}


def psp(channels: int = 6, **options: Any) -> PSP:
    chosen = training(passes=2 if channels == 6 else 1, weights={"l2": 1.0, "perceptual": 0.8, "codes": 0.1})
    torch.manual_seed(0)
    model = GradualStyleEncoder(input_channels=channels, **SIZES)
    return PSP(model, optimizer=lambda parameters: torch.optim.Adam(parameters, 3e-3), **(chosen | options))


def e4e(**options: Any) -> E4E:
    weights = {"l2": 1.0, "perceptual": 0.8, "delta": 1e-3, "adversarial": 0.1, "codes": 0.1}
    torch.manual_seed(0)
    return E4E(
        Encoder4Editing(**SIZES),
        discriminator=LatentDiscriminator(WIDTH, 3),
        adversarial=NonSaturating(),
        generator_optimizer=lambda parameters: torch.optim.Adam(parameters, 3e-3),
        discriminator_optimizer=lambda parameters: torch.optim.Adam(parameters, 1e-3),
        **(training(weights=weights, first_delta=1, delta_every=1) | options),
    )


@torch.no_grad()
def pictures(count: int, seed: int) -> Tensor:
    """Of the generator, so that there is something to find."""
    made = generator()
    z = torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))
    return made(made.map(z)).image.clamp(-1, 1)


def fit(module: Encoding, batch: int = 2) -> Trainer:
    images: Any = [{"image": image} for image in pictures(batch * 2, seed=1)]
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=-1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, DataLoader(images, batch_size=batch), DataLoader(images, batch_size=batch))
    return trainer


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage whose methods are called without a trainer."""
    monkeypatch.setattr(Encoding, "trainer", SimpleNamespace(world_size=1))


@pytest.mark.parametrize(
    ("steps", "deltas"), [(0, 0), (9, 0), (10, 1), (12, 1), (13, 2), (31, CODES - 1), (99, CODES - 1)]
)
def test_deltas_come_one_after_the_other(steps: int, deltas: int) -> None:
    module = e4e(first_delta=10, delta_every=3)
    module.generator_steps = steps
    (codes,) = module.invert(pictures(2, seed=3))
    like_first = (codes == codes[:, :1]).all(dim=2).all(dim=0).tolist()
    assert like_first == [True] + [False] * deltas + [True] * (CODES - 1 - deltas)


@pytest.mark.parametrize("make", [psp, e4e])
def test_the_generator_stays_as_it_is_and_out_of_the_checkpoint(make: Any, tmp_path: Path) -> None:
    module = make()
    before = generator().state_dict()
    trainer = fit(module)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)

    held = module.generator.network
    held.mapping.w_mean.fill_(torch.nan)  # it was looked for, which is no training
    assert all(torch.equal(value, before[key]) or "w_mean" in key for key, value in held.state_dict().items())
    assert not held.training and not any(parameter.requires_grad for parameter in held.parameters())
    assert {key.split(".")[0] for key in kept["state_dict"]} == set(module.networks())
    trained = [
        parameter
        for optimizer in trainer.optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert {id(parameter) for parameter in trained} == {
        id(parameter) for network in module.networks().values() for parameter in network.parameters()
    }
    again = make()
    again.on_load_checkpoint(kept)
    assert again.generator_steps == 3
    if isinstance(again, E4E):
        assert again.deltas == module.deltas == 3


@pytest.mark.slow
@pytest.mark.parametrize("make", [psp, e4e])
def test_losses_fall(make: Any, alone: None) -> None:
    module = make()
    optimizer = torch.optim.Adam(module.model.parameters(), 5e-3)
    totals = []
    for step in range(20):
        module.batches = module.generator_steps = step
        batch = {"image": pictures(4, seed=step)}
        losses = module.losses(batch) if isinstance(module, PSP) else module.play(batch).losses
        assert set(losses) == {name for name in module.weights if module.wants(name)}
        totals.append(module.weighted(losses))
        optimizer.zero_grad()
        totals[-1].backward()
        optimizer.step()
    assert torch.stack(totals[-5:]).mean() < 0.8 * torch.stack(totals[:5]).mean()


@pytest.mark.parametrize("make", [psp, e4e])
def test_an_encoder_that_knows_nothing_gives_the_mean_picture(make: Any) -> None:
    """So of its error, 1 is left."""
    module = make().eval()
    for head in module.model.styles:
        nn.init.zeros_(head.linear.weight)
    image = pictures(2, seed=0)
    module.measure({"image": image})
    values = module.validated({name: float(metric.compute()) for name, metric in module.metrics.items()})
    held = module.generator.network
    mean = held(held.mapping.w_mean[None]).image.clamp(-1, 1)
    assert values["mean_picture"] == pytest.approx(1)
    assert values["l1"] == pytest.approx(float((image - mean).abs().mean()) / 2, rel=1e-4)
    columns = module.preview({"image": image})
    assert list(columns) == ["image", *(f"pass {n}" for n in range(1, len(columns)))]
    assert torch.allclose(columns["pass 1"], mean.expand(2, -1, -1, -1), atol=1e-5)


def test_the_game_is_about_codes(alone: None) -> None:
    """Of a still encoder whose codes lie beside W: they are told apart; R1 comes in every second batch."""
    module = e4e(r1_every=2)
    module.generator_steps = 4
    module.model.latent_avg += 0.5
    optimizer = torch.optim.Adam(module.discriminator.parameters(), 2e-2)
    for step in range(10):
        module.batches = step
        game = module.play({"image": pictures(4, seed=step)})
        assert game.fake.shape == (4, 5, WIDTH) and game.real.shape == (4, WIDTH)
        judged = module.judge(game)
        assert ("r1" in judged) == (step % 2 == 0)
        optimizer.zero_grad()
        judged["discriminator"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert judged["discriminator"] < 0.7  # knowing nothing it is 1.39
    assert module.discriminator(game.real).mean() > 0 > module.discriminator(game.fake).mean()


def test_passes_are_those_of_inference() -> None:
    module = psp().eval()
    image = pictures(2, seed=7)
    found = EncoderInversion(module.generator.network, module.model, refinements=2).invert(image).codes
    with torch.no_grad():
        assert torch.allclose(module.invert(image)[-1], found, atol=1e-5)


def test_a_loss_of_weight_0_is_not_computed(alone: None) -> None:
    class Never(nn.Module):
        def forward(self, *_: Tensor) -> Tensor:
            raise AssertionError

    module = psp(3, weights={"l2": 1.0, "perceptual": 0.0, "identity": 0.0, "w_norm": 0.005}, perceptual=Never())
    with torch.no_grad():
        losses = module.losses({"image": pictures(2, seed=0)})
        offsets = module.model(pictures(2, seed=0)) - module.model.latent_avg
    assert set(losses) == {"l2", "w_norm"}
    assert float(losses["w_norm"].detach()) == pytest.approx(
        float(offsets.square().sum(dim=(1, 2)).sqrt().mean()), rel=1e-4
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weights": {"l2": 1.0, "lpips": 0.8}}, "unknown lpips; this stage has l2, perceptual"),
        ({"weights": {"identity": 0.1}}, "needs module.identity"),
        ({"channels": 3, "passes": 2}, "model.input_channels=6"),
        ({"generator": StyleGAN2(16, 8, 8, 1, 64, 8)}, "set model.codes=6 model.style_dim=8"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        psp(**options)
