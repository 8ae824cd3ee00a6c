"""From a checkpoint of a training to the weights that are shipped."""

from pathlib import Path

import pytest
import torch

from lightning_modules.export_regressor import main
from models.face3d.embedded import read_embedded
from models.face3d.procedural import procedural_head
from models.face3d.regressor import Regressor
from models.face3d.resnet import ResNet

HEAD = "models.face3d.procedural.procedural_head"


def write_checkpoint(path: Path, face_model: str = HEAD) -> Regressor:
    """As train.py writes it, with an average that differs from the raw weights."""
    network = Regressor(procedural_head(), ResNet((1, 1), 4, False), 32)
    torch.nn.init.constant_(network.heads["gaze"].bias, 0.25)  # type: ignore[arg-type]
    backbone = {"_target_": "models.face3d.resnet.ResNet", "blocks": [1, 1], "width": 4, "bottleneck": False}
    ours = {
        "version": 1,
        "stage": "face3d/face_recon",
        "config": {"face_model": {"_target_": face_model}, "model": {"size": 32, "landmarks": 0, "backbone": backbone}},
        "dataset": {"size": 64},
        "loggers": {},
        "generator_steps": 3,
        "average": network.state_dict(),
    }
    raw = {f"model.{key}": torch.zeros_like(value) for key, value in network.state_dict().items()}
    torch.save({"state_dict": raw, "figurehead": ours}, path)
    return network


def test_the_average_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_checkpoint(tmp_path / "last.ckpt")
    file = tmp_path / "weights.safetensors"
    assert main([str(tmp_path / "last.ckpt"), str(file), "5"]) == 0
    read = read_embedded(file)
    assert read.version == "5"
    assert (read.network(torch.zeros(1, 3, 32, 32)).gaze == 0.25).all()
    assert "wrote" in capsys.readouterr().out


def test_another_face_model_and_a_lack_of_words_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "last.ckpt", "models.face3d.bfm.load_bfm")
    assert main([str(tmp_path / "last.ckpt"), str(tmp_path / "x.safetensors"), "1"]) == 2
    assert "load_bfm, not the procedural head" in capsys.readouterr().err
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
