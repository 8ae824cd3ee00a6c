"""What every stage must do, whatever it trains: found from `configs/experiment`, tried with its CPU preset."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir

from tests.commands import run_command

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted(
    str(path.relative_to(ROOT / "configs/experiment").with_suffix(""))
    for path in (ROOT / "configs/experiment").rglob("*.yaml")
)
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("experiment", EXPERIMENTS)]


def words(experiment: str, shards: Path, output: Path, steps: int, *more: str) -> list[str]:
    """The command line of a training of `steps` steps, two visits of a segment per batch, on its way to two steps."""
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        base = [f"experiment={experiment}", "preset=cpu", f"data.shards={shards}", f"output={output}"]
        view = compose("train", [*base]).data.view
    examples = next(view[key] for key in ("pairs", "images", "windows") if key in view)
    return [
        *base,
        f"data.batch_size={2 * examples}",
        f"module.steps={steps}",
        "module.log_every=1",
        "validate_every=2",
        "callbacks.saving.keep_every=1",
        "data.visits_per_segment=1",
        "trainer.precision=32-true",
        *more,
    ]


@pytest.fixture
def train(speakers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains an experiment into a folder of `tmp_path` and returns the folder."""

    def run(experiment: str, name: str, *more: str) -> Path:
        assert run_command("train", words(experiment, speakers, tmp_path / name, 2, *more), monkeypatch) == 0
        return tmp_path / name

    return run


def stored(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def first_loss(output: Path) -> float:
    rows = [row for path in output.glob("logs/csv/*/metrics.csv") for row in csv.DictReader(path.open())]
    return next(float(row["train/total"]) for row in rows if row["step"] == "1" and row.get("train/total"))


def test_fits_saves_and_resumes(train: Any, experiment: str) -> None:
    """Killed after step 1 and resumed, it ends in the very weights of the run that never stopped."""
    from configs.instantiate import build
    from lightning_modules.checkpoints import read_checkpoint

    whole = train(experiment, "whole")
    checkpoint = read_checkpoint(whole / "checkpoints" / "last.ckpt")
    assert checkpoint.stage == experiment
    assert checkpoint.generator_steps == 2
    network = build(checkpoint.config["model"])
    network.load_state_dict(checkpoint.weights)
    assert any((whole / "samples").iterdir())
    ours = stored(whole / "checkpoints" / "last.ckpt")
    module = build(checkpoint.config["module"])
    assert {key.split(".")[0] for key in ours["state_dict"]} == set(module.networks())  # nothing frozen, no metric

    killed = whole.with_name("killed") / "checkpoints"
    killed.mkdir(parents=True)
    shutil.copy(whole / "checkpoints" / "step_00000001.ckpt", killed / "last.ckpt")
    resumed = stored(train(experiment, "killed", "resume=true") / "checkpoints" / "last.ckpt")
    assert ours["state_dict"].keys() == resumed["state_dict"].keys()
    assert all(torch.equal(value, resumed["state_dict"][key]) for key, value in ours["state_dict"].items())
    assert resumed["figurehead"]["generator_steps"] == 2


def test_two_processes_compute_what_one_does(train: Any, speakers: Path, tmp_path: Path, experiment: str) -> None:
    one, two = train(experiment, "one"), tmp_path / "two"
    command = [sys.executable, str(ROOT / "train.py"), *words(experiment, speakers, two, 1, "trainer=ddp_cpu")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert first_loss(two) == pytest.approx(first_loss(one), rel=1e-4)
