"""train.py from the command line to the checkpoint: exact resume, two processes, what is in the file, plain errors."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.checkpoints import read_checkpoint
from tests.commands import run_command
from tests.datamodules.conftest import write_shards
from tests.toy_training import words

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 training segments: an epoch is 4 batches of 4 examples."""
    return write_shards(tmp_path_factory.mktemp("shards"), 8, held_out=2)


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, shards: Path, tmp_path: Path) -> Any:
    """Trains into a folder of `tmp_path` and returns the folder; fails on another exit code than `code`."""

    def run(name: str, code: int = 0, **values: object) -> Path:
        output = tmp_path / name
        assert run_command("train", words(shards, output, **values), monkeypatch) == code
        return output

    return run


def stored(output: Path, name: str = "last.ckpt") -> dict[str, Any]:
    return torch.load(output / "checkpoints" / name, weights_only=True)


def same(left: Any, right: Any, where: str = "") -> list[str]:
    """Where two trees of plain values and tensors differ."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), where
        return [place for key in left for place in same(left[key], right[key], f"{where}.{key}")]
    if isinstance(left, list | tuple):
        return [
            place for i, (a, b) in enumerate(zip(left, right, strict=True)) for place in same(a, b, f"{where}[{i}]")
        ]
    equal = torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right
    return [] if equal else [where]


def losses(output: Path) -> dict[int, float]:
    """Generator step -> total loss, out of the CSV logs of all starts of a run."""
    found = {}
    for path in sorted(output.glob("logs/csv/*/metrics.csv")):
        for row in csv.DictReader(path.open()):
            if row.get("train/total"):
                found[int(row["step"])] = float(row["train/total"])
    return found


@pytest.mark.parametrize("stop", [3, 4])  # in mid-epoch, and where an epoch ends
def test_resume_equals_the_run_that_never_stopped(train: Any, stop: int) -> None:
    whole = train("whole", module__steps=6)
    parts = train("parts", module__steps=stop)
    train("parts", module__steps=6, resume="true")
    ours, theirs = stored(parts), stored(whole)
    for key in ("state_dict", "optimizer_states"):
        assert not same(ours[key], theirs[key], key)
    assert not same(ours["figurehead"]["average"], theirs["figurehead"]["average"])
    assert same(ours["figurehead"]["average"], {k[6:]: v for k, v in ours["state_dict"].items() if k[:6] == "model."})
    assert losses(parts) == pytest.approx(losses(whole))
    assert sorted(losses(parts)) == [1, 2, 3, 4, 5, 6]  # generator steps, not optimiser steps


def test_checkpoint_is_small_plain_and_enough(train: Any, shards: Path) -> None:
    output = train("run", module__steps=2, validate_every=1)
    content = stored(output)
    assert {key.split(".")[0] for key in content["state_dict"]} == {"model", "discriminator"}
    checkpoint = read_checkpoint(output / "checkpoints" / "last.ckpt")
    assert checkpoint.stage == "sadtalker/face_vid2vid"
    assert checkpoint.generator_steps == 2
    assert checkpoint.averaged
    assert checkpoint.dataset["size"] == 32
    assert checkpoint.config["data"]["shards"] == str(shards)
    from configs.instantiate import build

    build(checkpoint.config["model"]).load_state_dict(checkpoint.weights)
    names = sorted(path.name for path in (output / "checkpoints").iterdir())
    assert names == ["best.ckpt", "last.ckpt"]  # and no .part
    assert {path.suffix for path in (output / "samples").iterdir()} == {".png", ".mp4"}


def test_finished_and_foreign_folders(train: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    train("file", code=2)
    assert "file is no folder that can be written to" in capsys.readouterr().err
    train("run", module__steps=1)
    train("run", module__steps=1, resume="true")
    assert "already has 1 generator steps" in capsys.readouterr().out
    train("run", code=2, module__steps=2)
    assert "resume=true" in capsys.readouterr().err


def test_accumulation_counts_generator_steps(train: Any) -> None:
    output = train("run", module__steps=3, data__accumulation=2)
    assert stored(output)["figurehead"]["batches"] == 6
    assert sorted(losses(output)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"perceptual": "vgg19"}, "asset vgg19 is missing"),
        ({"perceptual": "msssm"}, "perceptual=msssm is not there; did you mean msssim?"),
        ({"preset": "hd"}, "preset=hd is not there"),
        ({"module__stepz": 3}, "did you mean module.steps?"),
        ({"module__clip": "much"}, "module.clip='much'"),
        ({"data__batch_size": 3}, "batch_size=3 is not a multiple of 2"),
    ],
)
def test_mistakes_are_one_line(
    train: Any,
    values: dict[str, object],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path / "assets"))
    output = train("run", code=2, **values)
    error = capsys.readouterr().err
    assert message in error
    assert error.strip().splitlines()[-1].startswith("error: ")
    assert not (output / "checkpoints").exists()


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_two_processes_train_as_one(train: Any, shards: Path, tmp_path: Path) -> None:
    one, two = train("one", module__steps=3, validate_every=3), tmp_path / "two"
    done = launch(*words(shards, two, module__steps=3, validate_every=3), "trainer=ddp_cpu")
    assert done.returncode == 0, done.stderr
    assert "rank 1 of 2" in done.stderr
    ours, theirs = losses(two), losses(one)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-5)
    assert ours == pytest.approx(theirs, rel=1e-3)  # Adam makes whole steps of rounding errors
    ours, theirs = stored(two)["state_dict"], stored(one)["state_dict"]
    assert ours.keys() == theirs.keys()


@pytest.mark.slow
def test_multirun_with_two_processes_is_refused(shards: Path, tmp_path: Path) -> None:
    done = launch("--multirun", *words(shards, tmp_path / "run"), "trainer=ddp_cpu", "seed=0,1")
    assert done.returncode == 2
    assert "--multirun with trainer.devices=2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_wandb_offline_continues_its_run(train: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("HOME", str(tmp_path))  # no key in ~/.netrc
    output = train("run", module__steps=1, logger="wandb")
    first = read_checkpoint(output / "checkpoints" / "last.ckpt").loggers["WandbLogger"]
    train("run", module__steps=2, logger="wandb", resume="true")
    second = read_checkpoint(output / "checkpoints" / "last.ckpt").loggers["WandbLogger"]
    assert first == second
    import wandb

    wandb.teardown()  # what it has read of this test's environment does not reach the tests that follow
    folders = [path.name for path in (output / "logs" / "wandb").iterdir() if path.name.startswith("offline-run")]
    assert folders
    assert all(name.endswith(first) for name in folders)
