"""The small file of a method's embedded weights."""

from pathlib import Path

import pytest
import torch

from lightning_modules.checkpoints import read_checkpoint
from lightning_modules.export_checkpoint import export
from lightning_modules.export_regressor import main


def test_the_small_file_is_the_same_network(tiny_checkpoint: Path, tmp_path: Path) -> None:
    small = tmp_path / "weights" / "embedded.ckpt"
    assert main([str(tiny_checkpoint), str(small)], export) == 0
    before, after = read_checkpoint(tiny_checkpoint), read_checkpoint(small)
    assert (before.stage, before.dataset, before.averaged) == (after.stage, after.dataset, after.averaged)
    assert before.config["model"] == after.config["model"]
    assert small.stat().st_size < 0.7 * tiny_checkpoint.stat().st_size
    for key, value in before.weights.items():
        torch.testing.assert_close(after.weights[key].to(value.dtype), value, rtol=1e-3, atol=1e-6)


def test_averaged_weights_stay_averaged(tiny_checkpoint: Path, tmp_path: Path) -> None:
    stored = torch.load(tiny_checkpoint, weights_only=True)
    stored["figurehead"]["average"] = {"w": torch.ones(2)}
    torch.save(stored, tmp_path / "averaged.ckpt")
    assert main([str(tmp_path / "averaged.ckpt"), str(tmp_path / "small.ckpt")], export) == 0
    small = read_checkpoint(tmp_path / "small.ckpt")
    assert small.averaged
    assert small.weights["w"].tolist() == [1, 1]


def test_wrong_words_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], export) == 2
    assert main([str(tmp_path / "absent.ckpt"), str(tmp_path / "small.ckpt")], export) == 2
    assert "Traceback" not in capsys.readouterr().err
