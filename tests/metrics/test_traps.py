"""What makes published numbers wrong without a word, each tried here: ranges, train mode, ranks, seeds, ranks of
matrices, padding.
"""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torch.multiprocessing.spawn import start_processes

from evaluation.footage import FaceTracker, Piece
from evaluation.observers.inception import Inception
from evaluation.processes import Processes
from metrics.fid import FID
from metrics.frechet_distance import FrechetDistance
from metrics.kernel_distance import KernelDistance
from metrics.psnr import PSNR

D = 16


class Pooled(nn.Module):
    """In the place of Inception: a layer that would change in train mode, and the mean of every channel."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.seen = torch.empty(0)

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        self.seen = pictures
        return (self.norm(pictures.float()).mean(dim=(2, 3)),)


@pytest.fixture
def inception(monkeypatch: pytest.MonkeyPatch) -> Inception:
    monkeypatch.setattr("evaluation.observers.inception.load_inception", lambda: Pooled().eval().requires_grad_(False))
    return Inception(torch.device("cpu"))


def piece(images: Tensor) -> Piece:
    return Piece(images, FaceTracker(finder=None))  # type: ignore[arg-type]  # these observers need no faces


def features(count: int, seed: int) -> Tensor:
    return torch.randn(count, D, generator=torch.Generator().manual_seed(seed)).relu() + 0.1 * seed


def test_1_ranges(inception: Inception) -> None:
    """Images in [-1, 1] reach Inception as bytes 0 to 255, rounded and not cut; other ranges are refused."""
    every_byte = torch.arange(256).float() / 127.5 - 1
    inception.see(piece(every_byte.expand(2, 3, 1, 256)))
    seen = inception.network.seen
    assert isinstance(seen, Tensor)
    assert seen.dtype == torch.uint8
    assert seen[1, 2, 0].tolist() == list(range(256))
    for wrong in (every_byte * 127.5 + 127.5, every_byte * 2):
        with pytest.raises(ValueError, match=r"a frame must lie in \[-1, 1\]"):
            inception.see(piece(wrong.expand(1, 3, 1, 256)))


def test_2_train_mode(inception: Inception) -> None:
    """What a LightningModule does to its metrics does not reach the network, which is in no checkpoint either."""
    holder = nn.Module()
    holder.metric = FID(features=3)
    holder.train()
    for seed in range(2):
        images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        holder.metric.update(inception.see(piece(images)), inception.see(piece(images)))
    network = inception.network
    assert isinstance(network, Pooled)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(network.norm.running_mean, torch.zeros(3))  # type: ignore[arg-type]
    assert list(holder.parameters()) == []
    assert holder.state_dict() == {}


def two_ranks(rank: int, folder: str) -> None:
    """Rank 0 makes three updates of other sizes than the one that rank 1 makes."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    metric = KernelDistance(D)
    for part in ((0, 5), (5, 6), (6, 30)) if rank == 0 else ((30, 60),):
        metric.update(features(60, 1)[slice(*part)], features(60, 2)[slice(*part)])
    torch.save(metric.compute(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_3_kid_under_unequal_ranks(tmp_path: Path) -> None:
    """Every rank gets the value of all frames, however many updates each of them made."""
    start_processes(two_ranks, args=(str(tmp_path),), nprocs=2, start_method="fork")  # type: ignore[no-untyped-call]
    whole = KernelDistance(D)
    whole.update(features(60, 1), features(60, 2))
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt").item() == pytest.approx(whole.compute().item(), abs=1e-9)


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_4_seeds(kind: type[FrechetDistance | KernelDistance]) -> None:
    """Computed twice it is the same number, and nobody's random numbers change."""
    torch.manual_seed(3)
    before = torch.get_rng_state(), random.getstate()
    metric = kind(D)
    metric.update(features(40, 1), features(40, 2))
    first = metric.compute().item()
    metric._computed = None  # torchmetrics would give the number that it has kept
    assert metric.compute().item() == first
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize("count", [5, 30, 200])
def test_5_rank_deficient_fid(count: int) -> None:
    """With fewer frames than features it is what scipy's root of the product gives in float64; never below 0."""
    size = 64
    generator = torch.Generator().manual_seed(count)
    mixing = torch.randn(size, size, generator=generator)
    one, other = (torch.randn(count, size, generator=generator) @ mixing for _ in range(2))
    metric = FID(features=size)
    metric.update(one, other)
    a, b = one.double().numpy(), other.double().numpy()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    if count < size:  # scipy's root of a singular matrix is noisy: take it of the small matrix with the same values
        centred_a, centred_b = ((x - x.mean(0)) / (count - 1) ** 0.5 for x in (a, b))
        mixed = centred_a @ centred_b.T
        root = np.trace(sqrtm(mixed @ mixed.T + 1e-18 * np.eye(count))).real
    else:
        root = np.trace(sqrtm(first @ second)).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * root
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)
    same = FID(features=size)
    same.update(one, one.flip(0))
    assert 0 <= same.compute().item() < 1e-6


def test_6_padding() -> None:
    """Seven samples on two processes count seven times: the last is not repeated to make the shares equal."""
    samples = list(range(7))
    shares = [Processes(rank, 2).share(samples) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == samples
    images = torch.rand(7, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    parts, whole = [PSNR(), PSNR()], PSNR()
    for metric, share in zip([*parts, whole], [*shares, samples]):
        metric.update(images[share], images[share] * 0.5)
    assert int(parts[0].count + parts[1].count) == 7
    together = float(parts[0].total + parts[1].total) / 7
    assert together == pytest.approx(whole.compute().item(), abs=1e-9)
