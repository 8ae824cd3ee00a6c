"""Every `inversion=`: its keys exist, and those without outside files invert a picture."""

from typing import Any

import hydra
import pytest
import torch
from omegaconf import DictConfig

from configs.command import CONFIGS, options
from configs.instantiate import build, check_config
from models.errors import MissingAsset
from models.inversion.inversion import Inverter, reconstruct
from models.stylegan.stylegan2 import StyleGAN2

STAND_IN = "perceptual@inversion.objective.perceptual=msssim"
FEW = {"steps": 1}


def node(*overrides: str) -> DictConfig:
    with hydra.initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return hydra.compose(overrides=["+inversion=" + overrides[0], *overrides[1:]]).inversion


def generator() -> StyleGAN2:
    torch.manual_seed(0)
    return StyleGAN2(size=64, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=4).eval()


@pytest.mark.parametrize("name", options("inversion"))
def test_keys_exist(name: str) -> None:
    check_config({"inversion": node(name)})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("embedded_w_plus", {}),
        ("embedded_features", {"start": FEW}),
        ("embedded_pti", {"start": FEW}),
    ],
)
def test_the_small_ones_invert(name: str, changes: dict[str, Any]) -> None:
    made = generator()
    config = node(name)
    config.merge_with({**FEW, **changes})
    inverter: Inverter = build(config, generator=made)
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    inversion = inverter.invert(image)
    assert reconstruct(made, inversion).shape == image.shape
    assert inverter.settings["objective"]["perceptual"] == "MSSSIM(alpha=0.2)"


def test_a_missing_network_is_named_and_a_stand_in_is_a_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match="asset alexnet is missing"):
        build(node("optimise_w_plus", "inversion.objective.identity=null"), generator=generator())
    without = ["inversion.objective.identity=null", "inversion.objective.identity_weight=0"]
    inverter = build(node("optimise_w_plus", STAND_IN, *without), generator=generator())
    assert inverter.settings["objective"]["perceptual"] == "MSSSIM(alpha=0.2)"
    assert inverter.settings["steps"] == 1000 and inverter.settings["objective"]["offsets_weight"] == 0.002
    tuning = build(node("pti", STAND_IN, "inversion.enough=null"), generator=generator())
    assert tuning.settings["start"]["objective"]["perceptual"] == "MSSSIM(alpha=0.2)"  # of the pivot too
