"""The lip-sync stage: that it learns how mouth and sound belong together, says so when not, and shows what it does."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from configs.command import CONFIGS
from configs.instantiate import build, check_config
from lightning_modules.export_lip_sync import export
from lightning_modules.export_regressor import main
from lightning_modules.lip_sync import LipSyncExpert
from models.errors import UserError
from models.recognition.lip_sync import LipSync, load_lip_sync

WORDS = ["experiment=lip_sync/sync_expert", "data.shards=x", "output=y"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = SimpleNamespace(world_size=1, is_global_zero=True, should_stop=False, loggers=[])
    monkeypatch.setattr(LipSyncExpert, "trainer", trainer)


def stage(*words: str) -> LipSyncExpert:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [*WORDS, "preset=cpu", "model.width=16", "model.size=16", *words])
    torch.manual_seed(0)
    built: LipSyncExpert = build(config.module)
    return built


def batch(seed: int, count: int = 8, frames: int = 30, linked: bool = True) -> dict[str, Any]:
    """Mouths that open as loud as their sound is, or have nothing to do with it."""
    random = torch.Generator().manual_seed(seed)
    loud = torch.rand(count, frames, generator=random)
    sound = (0.02 + 0.3 * loud).repeat_interleave(640, dim=1) * torch.randn(count, 640 * frames, generator=random)
    opened = loud if linked else torch.rand(count, frames, generator=random)
    points = torch.randn(68, 2, generator=torch.Generator().manual_seed(0)).expand(count, frames, 68, 2) * 30
    points = points + 0.05 * torch.randn(points.shape, generator=random)
    points[:, :, [67, 66, 65]] = points[:, :, [61, 62, 63]]
    points[:, :, [67, 66, 65], 1] += 20 * opened[..., None]
    return {"landmarks_points": points, "sound": sound}


def test_it_learns_that_loud_mouths_are_open() -> None:
    """In seconds, for sounds that it has never heard."""
    module = stage()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.5  # its averages have few steps
    optimizer = torch.optim.Adam(module.model.parameters(), 1e-2)
    for step in range(20):
        optimizer.zero_grad()
        module.weighted(module.losses(batch(step))).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    module.model.eval()
    module.measure(batch(1000))
    values = module.validated({name: float(metric.compute()) for name, metric in module.metrics.items()})
    assert values["in_sync"] > 0.8 and values["out_of_sync"] == pytest.approx(1 - values["in_sync"])
    assert 0.17 < values["chance"] < 0.2  # sixteen windows, all within reach


def step_with(module: LipSyncExpert, contrast: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(self: Any, losses: dict[str, Tensor], norms: dict[str, Tensor]) -> None:
        self.generator_steps += 1
        self.recent = {name: float(loss) for name, loss in losses.items()}

    monkeypatch.setattr("lightning_modules.supervised.SupervisedModule.finish_step", finish)
    module.finish_step({"contrast": torch.tensor(contrast)}, {})


def test_a_loss_that_stays_at_chance_is_said_once_with_what_to_look_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = stage("module.patience=2")
    module.losses(batch(0))
    with caplog.at_level(logging.WARNING):
        step_with(module, 2.77, monkeypatch)
        assert not caplog.records
        for _ in range(3):
            step_with(module, 2.77, monkeypatch)  # ln 16
    assert len(caplog.records) == 1
    assert "after 2 steps the loss is 2.770, and guessing costs 2.773" in caplog.text
    assert "25 fps" in caplog.text and "offset" in caplog.text
    learning = stage("module.patience=2")
    learning.losses(batch(0))
    caplog.clear()
    for _ in range(3):
        step_with(learning, 2.5, monkeypatch)
    assert not caplog.records


def test_a_run_that_goes_on_has_no_loss_to_judge_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    module = stage("module.patience=2")
    module.losses(batch(0))
    monkeypatch.setattr("lightning_modules.supervised.SupervisedModule.finish_step", lambda *_: None)
    module.generator_steps = 500
    module.finish_step({"contrast": torch.tensor(2.77)}, {})
    assert not module.warned


def test_a_preview_has_a_mouth_and_a_curve() -> None:
    columns = stage().preview(batch(0, 3))
    assert {name: tuple(image.shape) for name, image in columns.items()} == {
        "mouth": (3, 3, 128, 128),
        "distance": (3, 3, 128, 128),
    }
    assert all(image.min() >= -1 and image.max() <= 1 and image.std() > 0.1 for image in columns.values())


def write_checkpoint(path: Path, stage_name: str) -> LipSync:
    network = LipSync(8, 16)
    nn.init.constant_(network.lips.layers[-1].bias, 0.25)  # type: ignore[arg-type]
    ours = {
        "version": 1,
        "stage": stage_name,
        "config": {"model": {"_target_": "models.recognition.lip_sync.LipSync", "width": 8, "size": 16}},
        "dataset": {"size": 64},
        "loggers": {},
        "generator_steps": 3,
        "average": network.state_dict(),
    }
    raw = {f"model.{key}": torch.zeros_like(value) for key, value in network.state_dict().items()}
    torch.save({"state_dict": raw, "figurehead": ours}, path)
    return network


def test_the_average_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = write_checkpoint(tmp_path / "last.ckpt", "lip_sync/sync_expert")
    assert main([str(tmp_path / "last.ckpt"), str(tmp_path / "x.safetensors"), "5"], export) == 0
    read = load_lip_sync(tmp_path / "x.safetensors")
    assert read.version == "5"
    expected = network.state_dict()
    assert all((expected[key] - value).abs().max() < 1e-3 for key, value in read.network.state_dict().items())
    write_checkpoint(tmp_path / "other.ckpt", "face3d/face_recon")
    with pytest.raises(UserError, match="is of face3d/face_recon"):
        export(tmp_path / "other.ckpt", tmp_path / "y.safetensors", "1")
    assert main([], export) == 2 and "usage" in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["paper", "cpu"])
def test_every_preset_composes_into_constructors(preset: str) -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        check_config(compose("train", [*WORDS, f"preset={preset}"]))
