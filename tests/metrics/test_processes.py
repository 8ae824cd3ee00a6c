"""Every metric gives on two processes with unequal (and no) samples what it gives on one."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from metrics.csim import CSIM
from metrics.frame_mean import FrameMean
from metrics.identity_distance import IdentityDistance
from metrics.l1 import L1
from metrics.lmd import LMD
from metrics.motion_distance import MotionDistance
from metrics.nme import NME
from metrics.opening_distance import OpeningDistance
from metrics.pose_distance import PoseDistance
from metrics.psnr import PSNR
from metrics.ssim import SSIM

CLIPS = 5


def embed(images: Tensor) -> Tensor:
    embedding = images.flatten(1)[:, :8].clone()
    embedding[embedding[:, 0] > 0.8] = torch.nan
    return embedding


def metrics() -> list[FrameMean]:
    return [
        L1(), PSNR(), SSIM(), CSIM(embed), IdentityDistance(embed),
        LMD(64), NME(), MotionDistance(), PoseDistance(), OpeningDistance(),
    ]  # fmt: skip


def clip(index: int) -> dict[str, tuple[Tensor, Tensor]]:
    """One clip of `index + 2` frames."""
    generator = torch.Generator().manual_seed(index)
    images = torch.rand(2, index + 2, 3, 16, 16, generator=generator) * 2 - 1
    points = torch.rand(2, index + 2, 68, 2, generator=generator) * 64
    points[0, 0, 0] = torch.nan
    return {"images": (images[0], images[1]), "points": (points[0], points[1])}


def score(clips: list[int]) -> dict[str, list[float]]:
    results = {}
    for metric in metrics():
        kind = "images" if isinstance(metric, L1 | PSNR | SSIM | CSIM | IdentityDistance) else "points"
        for index in clips:
            metric.update(*clip(index)[kind])
        value = metric.compute().item()
        metric.sync(distributed_available=dist.is_initialized) if dist.is_initialized() else None
        results[metric.label] = [value, metric.count.item(), metric.missing.item()]
    return results


def worker(rank: int, world: int, folder: str, first: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store{first}", rank=rank, world_size=world)
    torch.save(score(list(range(first)) if rank == 0 else list(range(first, CLIPS))), f"{folder}/{first}-{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
@pytest.mark.parametrize("first", [2, 0])
def test_two_processes_equal_one(tmp_path: Path, first: int) -> None:
    spawn(worker, args=(2, str(tmp_path), first), nprocs=2)  # type: ignore[no-untyped-call]
    expected = score(list(range(CLIPS)))
    assert expected["LMD"][1:] == [15, 5]
    for rank in range(2):
        found = torch.load(tmp_path / f"{first}-{rank}.pt", weights_only=True)
        assert found.keys() == expected.keys()
        for label, values in expected.items():
            assert found[label] == pytest.approx(values, rel=1e-9, nan_ok=True), label
