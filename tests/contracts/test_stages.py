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

from configs.instantiate import build
from lightning_modules.checkpoints import read_checkpoint
from tests.commands import run_command

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted(
    str(path.relative_to(ROOT / "configs/experiment").with_suffix(""))
    for path in (ROOT / "configs/experiment").rglob("*.yaml")
)
pytestmark = pytest.mark.slow


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


@pytest.fixture(scope="module", params=EXPERIMENTS)
def experiment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(experiment: str, speakers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training of two steps."""
    output = tmp_path_factory.mktemp("training") / "whole"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert run_command("train", words(experiment, speakers, output, 2), monkeypatch) == 0
    return output


def stored(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def first_loss(output: Path) -> float:
    rows = [row for path in output.glob("logs/csv/*/metrics.csv") for row in csv.DictReader(path.open())]
    return next(float(row["train/total"]) for row in rows if row["step"] == "1" and row.get("train/total"))


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit by bit; what is not known (NaN) is the same too."""
    return torch.equal(one.nan_to_num(), other.nan_to_num()) and torch.equal(one.isnan(), other.isnan())


def test_fits_saves_and_resumes(
    whole: Path, experiment: str, speakers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after step 1 and resumed, it ends in the very weights of the run that never stopped."""
    checkpoint = read_checkpoint(whole / "checkpoints" / "last.ckpt")
    assert checkpoint.stage == experiment
    assert checkpoint.generator_steps == 2
    network = build(checkpoint.config["model"])
    network.load_state_dict(checkpoint.weights)
    assert any((whole / "samples").iterdir())
    ours = stored(whole / "checkpoints" / "last.ckpt")
    module = build(checkpoint.config["module"])
    assert {key.split(".")[0] for key in ours["state_dict"]} == set(module.networks())  # nothing frozen, no metric

    last = tmp_path / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    shutil.copy(whole / "checkpoints" / "step_00000001.ckpt", last)
    assert run_command("train", words(experiment, speakers, tmp_path, 2, "resume=true"), monkeypatch) == 0
    resumed = stored(last)
    assert ours["state_dict"].keys() == resumed["state_dict"].keys()
    assert all(same(value, resumed["state_dict"][key]) for key, value in ours["state_dict"].items())
    assert resumed["figurehead"]["generator_steps"] == 2


def test_two_processes_compute_what_one_does(whole: Path, speakers: Path, tmp_path: Path, experiment: str) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *words(experiment, speakers, tmp_path, 1, "trainer=ddp_cpu")]
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
    module = build(read_checkpoint(whole / "checkpoints" / "last.ckpt").config["module"])
    assert first_loss(tmp_path) == pytest.approx(first_loss(whole), rel=module.split_tolerance)
