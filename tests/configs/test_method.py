"""A checkpoint becomes an animator, or one line says why not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from configs.command import CONFIGS
from configs.method import choose_device, crop_node, load_method
from models.errors import UserError

Change = Callable[[dict[str, Any]], None]
FOMM = "preparation.crop.FommCrop"


@pytest.fixture
def node() -> DictConfig:
    loaded = OmegaConf.load(CONFIGS / "method" / "sadtalker.yaml")
    assert isinstance(loaded, DictConfig)
    return loaded


@pytest.fixture
def changed(tiny_checkpoint: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """A copy of the checkpoint after a change of its content."""

    def write(change: Change) -> Path:
        stored = torch.load(tiny_checkpoint, weights_only=True)
        change(stored)
        torch.save(stored, tmp_path / "changed.ckpt")
        return tmp_path / "changed.ckpt"

    return write


def test_a_checkpoint_becomes_an_animator(node: DictConfig, tiny_checkpoint: Path) -> None:
    method = load_method(node, tiny_checkpoint, "cpu")
    assert (method.animator.size, method.name) == (64, "sadtalker")
    assert method.crop is not None
    assert method.crop["_target_"] == FOMM
    assert method.facts["stage"] == "sadtalker/face_vid2vid"
    assert len(method.facts["sha256"]) == 16


def test_a_crop_with_its_settings_is_kept(node: DictConfig, changed: Callable[[Change], Path]) -> None:
    path = changed(lambda stored: stored["figurehead"]["dataset"].update(crop={"_target_": FOMM, "margin": 0.3}))
    assert load_method(node, path, "cpu").crop == {"_target_": FOMM, "margin": 0.3}


def test_what_the_checkpoint_lacks_is_read_beside_its_shards(
    node: DictConfig, changed: Callable[[Change], Path], tmp_path: Path
) -> None:
    totals: dict[str, Any] = {"kind": "clips", "size": 128, "shards": [], "identities": {}, "licence": "", "totals": {}}
    (tmp_path / "dataset.json").write_text(
        json.dumps({"format": "figurehead", "version": 1, "fps": 25, "analyser": {}, **totals})
    )
    (tmp_path / "preparation.json").write_text(json.dumps({"settings": {"crop": {"_target_": FOMM, "margin": 0.4}}}))

    def forget(stored: dict[str, Any]) -> None:
        stored["figurehead"]["dataset"] = {}
        stored["figurehead"]["config"]["data"] = {"shards": str(tmp_path), "view": {"size": None}}

    method = load_method(node, changed(forget), "cpu")
    assert method.animator.size == 128
    assert method.crop == {"_target_": FOMM, "margin": 0.4}


def _other_stage(stored: dict[str, Any]) -> None:
    stored["figurehead"]["stage"] = "hifihead/render"


def _other_weights(stored: dict[str, Any]) -> None:
    stored["state_dict"].popitem()


def _no_size(stored: dict[str, Any]) -> None:
    stored["figurehead"]["dataset"] = {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_stage, "is of the training hifihead/render, and method=sadtalker takes sadtalker/face_vid2vid"),
        (_other_weights, "its weights do not fit the network of its config"),
        (_no_size, "does not say at which image size it was trained"),
    ],
)
def test_what_does_not_fit_is_named(
    node: DictConfig, changed: Callable[[Change], Path], change: Change, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_method(node, changed(change), "cpu")


def test_crops_and_devices_have_names() -> None:
    assert crop_node("ffhq")["_target_"] == "preparation.crop.FfhqCrop"
    with pytest.raises(UserError, match="crop=round is not known; there are ffhq, fomm, hdtf"):
        crop_node("round")
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type
