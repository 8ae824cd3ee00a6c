from pathlib import Path

import pytest
from omegaconf import OmegaConf

from configs.command import CONFIGS
from configs.row_logger import wandb_settings
from models.errors import UserError


@pytest.fixture(autouse=True)
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in to W&B."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_logger_of_training_serves_rows() -> None:
    config = OmegaConf.create({"output": "out", "logger": OmegaConf.load(CONFIGS / "logger" / "wandb.yaml")})
    expected = {"project": "figurehead", "name": None, "group": None, "offline": None}
    assert wandb_settings(config.logger) == expected
    assert wandb_settings(None) is None
    config.stage = "sadtalker/face_vid2vid"
    assert wandb_settings(config.logger) == {**expected, "group": "sadtalker/face_vid2vid"}


def test_what_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="logger=wandb alone"):
        wandb_settings(OmegaConf.create({"csv": {}}))
    online = OmegaConf.create({"wandb": {"project": "p", "name": None, "group": None, "offline": False}})
    with pytest.raises(UserError, match=r"logger\.wandb\.offline=false needs a key"):
        wandb_settings(online)
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert wandb_settings(online) == {"project": "p", "name": None, "group": None, "offline": False}
    monkeypatch.setattr("models.wandb_key.find_spec", lambda name: None)
    with pytest.raises(UserError, match="the package wandb is not installed"):
        wandb_settings(online)
