"""The face-vid2vid stage from its config: every loss is there and every trained number gets a gradient."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir

from configs.command import CONFIGS
from configs.instantiate import build, check_config
from lightning_modules.sadtalker import FaceVid2Vid
from tests.toy_training import words


def module(*extra: str) -> FaceVid2Vid:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [*words(Path("x"), Path("y")), *extra])
    torch.manual_seed(0)
    built: FaceVid2Vid = build(config.module)
    built._trainer = SimpleNamespace(world_size=1, global_rank=0)  # type: ignore[assignment]
    return built


def batch(count: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = {name: torch.rand(count, 3, 32, 32, generator=generator) * 2 - 1 for name in ("source", "driving")}
    return images | {"driving_landmarks": torch.rand(count, 68, 2, generator=generator) * 32}


@pytest.fixture(autouse=True)
def rank_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaceVid2Vid, "global_rank", 0)
    monkeypatch.setattr(FaceVid2Vid, "trainer", SimpleNamespace(world_size=1))


def test_every_weight_has_its_loss_and_every_parameter_a_gradient() -> None:
    stage = module()
    game = stage.play(batch())
    assert game.losses.keys() == stage.weights.keys()
    assert all(loss.ndim == 0 and loss.isfinite() for loss in game.losses.values())
    torch.stack([stage.weights[name] * loss for name, loss in game.losses.items()]).sum().backward()  # type: ignore[no-untyped-call]
    # A fresh pose estimator has zero weights in front of translation and deformation: they learn, what is behind waits.
    assert not [name for name, parameter in stage.model.named_parameters() if parameter.grad is None]


def test_the_target_of_the_pose_is_the_one_of_the_config() -> None:
    assert type(module().pose_target).__name__ == "LandmarkPose"
    assert type(module("perceptual=msssim").perceptual).__name__ == "MSSSIM"


def test_ratio_to_the_unmoved_source() -> None:
    values = module().validated({"l1": 0.02, "unmoved_source": 0.04})
    assert values["l1_ratio"] == pytest.approx(0.5)


@pytest.mark.parametrize("preset", ["paper", "cpu"])
@pytest.mark.parametrize("trainer", ["cpu", "ddp_cpu", "gpu", "ddp"])
@pytest.mark.parametrize("logger", ["default", "wandb"])
def test_every_choice_composes_into_constructors(preset: str, trainer: str, logger: str) -> None:
    chosen = ["experiment=sadtalker/face_vid2vid", "data.shards=x", "output=y"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [*chosen, f"preset={preset}", f"trainer={trainer}", f"logger={logger}"])
    check_config(config)
    assert config.preset == preset
