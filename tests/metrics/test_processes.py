"""Every metric there is: two processes with unequal shares, one of them empty, give what one process gives.

A new metric needs a line in `INPUTS`, and in `ARGUMENTS` when it cannot be made without.
"""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import start_processes

import metrics.beat_align
from metrics.identity import IdentityMetric
from metrics.score_metric import ScoreMetric

CLIPS = 5
SHARES = {"unequal": (2, 3), "one empty": (0, 5)}  # how many clips each of two processes has
FOLDER = Path(__file__).parents[2] / "metrics"
Make = Callable[[int, torch.Generator], tuple[Tensor, ...]]


def pictures(frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    one, other = torch.rand(2, frames, 3, 64, 64, generator=random) * 2 - 1
    return one, other


def points(frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """No face was found in the first frame of the first set."""
    one, other = torch.rand(2, frames, 68, 2, generator=random) * 64
    one[0] = torch.nan
    return one, other


def vectors(length: int) -> Make:
    """No face was found in the first frame of the first set."""

    def make(frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        one, other = torch.randn(2, frames, length, generator=random)
        one[0] = torch.nan
        return one, other

    return make


def units(frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    one, other = torch.rand(2, frames, 17, generator=random).round()
    return one, other


def first_of(make: Make) -> Make:
    return lambda frames, random: make(frames, random)[:1]


def head_and_sound(frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    return 10 * torch.randn(frames, 6, generator=random), torch.randn(640 * frames, generator=random)


@pytest.fixture(autouse=True)
def _beats_without_librosa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import takes seconds."""
    monkeypatch.setattr(metrics.beat_align, "audio_beats", lambda sound: np.arange(3, len(sound) / 640, 8.0))


INPUTS: dict[str, Make] = {
    "L1": pictures,
    "MSE": pictures,
    "PSNR": pictures,
    "SSIM": pictures,
    "SlicedWasserstein": pictures,
    "LPIPS": vectors(40),
    "FID": vectors(6),
    "KID": vectors(6),
    "FrechetDistance": vectors(6),
    "KernelDistance": vectors(6),
    "CSIM": vectors(8),
    "IdentityDistance": vectors(8),
    "LMD": points,
    "NME": points,
    "MotionDistance": points,
    "OpeningDistance": points,
    "PoseDistance": points,
    "FrontalAngle": first_of(points),
    "AED": vectors(261),
    "APD": vectors(261),
    "ARD": vectors(261),
    "Angle": vectors(261),
    "Exp": vectors(261),
    "Gaze": vectors(261),
    "GazeError": vectors(4),
    "RotationError": vectors(3),
    "AUH": units,
    "Diversity": first_of(vectors(9)),
    "BeatAlign": head_and_sound,
    "CPBD": first_of(pictures),
    "AVOffset": vectors(12),
    "LSEC": vectors(12),
    "LSED": vectors(12),
    "SoftDTWLSED": vectors(12),
    "SoftDTWAED": vectors(261),
    "WarpError": lambda frames, random: (torch.rand(frames, generator=random),),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "LMD": {"size": 64},
    "SlicedWasserstein": {"patches": 4},
    **{name: {"features": 6} for name in ("FID", "KID", "FrechetDistance", "KernelDistance")},
}


def kinds() -> dict[str, type[ScoreMetric]]:
    """Every class of `metrics` that can be made, by name."""
    found = {}
    for file in sorted(FOLDER.glob("*.py")):
        module = importlib.import_module(f"metrics.{file.stem}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, ScoreMetric) and kind.__module__ == module.__name__ and hasattr(kind, "title"):
                found[name] = kind
    return found


def make(name: str) -> ScoreMetric:
    return kinds()[name](**ARGUMENTS.get(name, {}))


def score(name: str, clips: range) -> list[float]:
    """Value, counts and histogram of a metric over all processes; clip i has i frames more than needed."""
    metric = make(name)
    for index in clips:
        frames = max(metric.minimum_frames, 2) + index
        metric.update(*INPUTS[name](frames, torch.Generator().manual_seed(index)))
    metric.sync(distributed_available=dist.is_initialized)
    histogram = metric.histogram()["counts"] if isinstance(metric, IdentityMetric) else []
    counts = [int(metric.count), int(metric.missing), *histogram]
    metric._to_sync = False  # done already, and slow where two cores have much to do
    return [float(metric.compute()), *counts]


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    scores = {}
    for share, (first, _) in SHARES.items():
        clips = range(first) if rank == 0 else range(first, CLIPS)
        scores[share] = {name: score(name, clips) for name in INPUTS}
    torch.save(scores, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_every_metric_is_tried() -> None:
    assert sorted(set(kinds()) - set(INPUTS)) == [], "these metrics have no line in INPUTS"
    assert sorted(set(INPUTS) - set(kinds())) == [], "these metrics do not exist"


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_two_processes_equal_one(tmp_path: Path) -> None:
    expected = {name: score(name, range(CLIPS)) for name in INPUTS}
    start_processes(worker, args=(str(tmp_path),), nprocs=2, start_method="fork")  # type: ignore[no-untyped-call]
    assert expected["LMD"][1:] == [15, 5]
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        wrong = [
            f"{name}, {share}, rank {rank}: {found[share][name]} instead of {expected[name]}"
            for share in SHARES
            for name in INPUTS
            if found[share][name] != pytest.approx(expected[name], rel=1e-5, abs=1e-9)
        ]
        assert not wrong


@pytest.mark.parametrize("name", INPUTS)
def test_a_metric_holds_no_network(name: str) -> None:
    """Nothing of it is trained or saved, and what it was given lies in no checkpoint."""
    holder = nn.Module()
    holder.metric = metric = make(name)
    metric.update(*INPUTS[name](max(metric.minimum_frames, 2), torch.Generator().manual_seed(0)))
    holder.train()
    assert [module for module in metric.modules() if module is not metric] == []
    assert list(holder.parameters()) == []
    assert holder.state_dict() == {}
