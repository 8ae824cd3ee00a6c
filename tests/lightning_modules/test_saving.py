"""When checkpoints are written, that they are whole, and what the other commands read from them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_modules.callbacks.average import Average
from lightning_modules.callbacks.saving import Saving
from lightning_modules.checkpoints import read_checkpoint
from losses.frozen import Frozen
from models.errors import UserError
from tests.lightning_modules.toy import Toy, fit, output

CONFIG = {"model": {"_target_": "somewhere", "sizes": [1, 2]}, "seed": 0}


def saving(folder: Path, **options: int) -> Saving:
    return Saving(folder, "method/stage", CONFIG, {"size": 16, "crop": "fomm"}, **options)  # type: ignore[arg-type]


def test_policy_counts_generator_steps(tmp_path: Path) -> None:
    fit(Toy(steps=5, accumulation=2), saving(tmp_path, every=2, keep_every=4), val_check_interval=4)
    assert output(tmp_path) == ["best.ckpt", "last.ckpt", "step_00000004.ckpt"]
    assert read_checkpoint(tmp_path / "last.ckpt").generator_steps == 5
    assert read_checkpoint(tmp_path / "step_00000004.ckpt").generator_steps == 4


def test_the_end_is_saved_where_a_kept_one_falls_on_it_too(tmp_path: Path) -> None:
    fit(Toy(steps=4), saving(tmp_path, every=3, keep_every=4))
    assert output(tmp_path) == ["best.ckpt", "last.ckpt", "step_00000004.ckpt"]
    assert read_checkpoint(tmp_path / "last.ckpt").generator_steps == 4


def test_a_killed_write_leaves_the_previous_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(Toy(steps=2), saving(tmp_path))
    before = (tmp_path / "last.ckpt").read_bytes()

    def half(self: object, path: Path, *_: object, **__: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("lightning.pytorch.Trainer.save_checkpoint", half)
    with pytest.raises(OSError, match="disk full"):
        fit(Toy(steps=2), saving(tmp_path))
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_reading_gives_the_averaged_weights_and_the_plain_config(tmp_path: Path) -> None:
    module, average = Toy(steps=3), Average(decay=0.5)
    fit(module, average, saving(tmp_path))
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert checkpoint.averaged
    assert average.model is not None
    assert torch.equal(checkpoint.weights["conv.weight"], average.model.state_dict()["conv.weight"])
    assert (checkpoint.config, checkpoint.stage) == (CONFIG, "method/stage")
    assert checkpoint.dataset == {"size": 16, "crop": "fomm"}


def test_without_an_average_the_raw_weights_are_read(tmp_path: Path) -> None:
    module = Toy(steps=1)
    fit(module, saving(tmp_path))
    checkpoint = read_checkpoint(tmp_path / "last.ckpt")
    assert not checkpoint.averaged
    assert torch.equal(checkpoint.weights["conv.weight"], module.model.conv.weight)
    module.model.load_state_dict(checkpoint.weights)


def test_frozen_networks_and_metrics_are_not_in_the_file(tmp_path: Path) -> None:
    module = Toy(steps=1)
    module.frozen = Frozen(nn.Linear(100, 100))
    fit(module, saving(tmp_path))
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert {key.split(".")[0] for key in stored["state_dict"]} == {"model", "discriminator"}
    assert sum(len(group["params"]) for group in stored["optimizer_states"][0]["param_groups"]) == len(
        list(module.model.parameters())
    )


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_files_that_cannot_be_read_are_one_plain_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.ckpt"
    if content is None:
        fit(Toy(steps=1), saving(tmp_path))
        whole = (tmp_path / "last.ckpt").read_bytes()
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"x\.ckpt \({len(content)} bytes\) cannot be read: it is truncated or not a"):
        read_checkpoint(path)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_checkpoint(tmp_path / "none.ckpt")
    torch.save({"generator": {}}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="not written by train"):
        read_checkpoint(tmp_path / "other.pth")
