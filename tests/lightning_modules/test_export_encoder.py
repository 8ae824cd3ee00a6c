"""From a checkpoint of an encoder to the weights that are shipped."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.export_encoder import export
from lightning_modules.export_regressor import main
from models.inversion.e4e import Encoder4Editing
from models.inversion.pretrained import read_encoder

ENCODER: dict[str, Any] = {"codes": 6, "style_dim": 8, "size": 32, "units": [1, 1, 1, 1], "widths": [4, 8, 12, 16]}


def write_checkpoint(path: Path, stage: str, network: nn.Module, arguments: dict[str, Any], steps: int = 9) -> None:
    """As train.py writes it, with an average that differs from the raw weights."""
    target = f"{type(network).__module__}.{type(network).__name__}"
    module = {"first_delta": 4, "delta_every": 1} if stage == "inversion/e4e" else {}
    ours = {
        "version": 1,
        "stage": stage,
        "config": {"model": {"_target_": target, **arguments}, "module": module},
        "dataset": {"size": 64},
        "loggers": {},
        "generator_steps": steps,
        "average": network.state_dict(),
    }
    raw = {f"model.{key}": torch.zeros_like(value) for key, value in network.state_dict().items()}
    torch.save({"state_dict": raw, "figurehead": ours}, path)


def test_an_encoder_with_the_mean_of_w(tmp_path: Path) -> None:
    encoder = Encoder4Editing(head_width=8, **ENCODER).eval()
    encoder.latent_avg.fill_(3)
    write_checkpoint(tmp_path / "last.ckpt", "inversion/e4e", encoder, {"head_width": 8, **ENCODER})
    assert main([str(tmp_path / "last.ckpt"), str(tmp_path / "e.safetensors")], export) == 0
    read, image = read_encoder(tmp_path / "e.safetensors"), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(read(image), encoder(image), rtol=0.02, atol=0.02)
    assert (read.latent_avg == 3).all()


def test_what_cannot_be_shipped_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = Encoder4Editing(head_width=8, **ENCODER)
    words = [str(tmp_path / "last.ckpt"), str(tmp_path / "e.safetensors")]
    write_checkpoint(tmp_path / "last.ckpt", "inversion/e4e", encoder, {"head_width": 8, **ENCODER}, steps=8)
    assert main(words, export) == 2
    assert "comes at generator step 8, and it was trained for 8" in capsys.readouterr().err
    write_checkpoint(tmp_path / "last.ckpt", "face3d/face_recon", encoder, {})
    assert main(words, export) == 2
    assert "is of face3d/face_recon, which trains no encoder" in capsys.readouterr().err
    assert not (tmp_path / "e.safetensors").exists()
