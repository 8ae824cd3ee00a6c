"""SWD: a distance between sets of pictures."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from metrics.sliced_wasserstein import DIRECTIONS, SlicedWasserstein


def pictures(count: int = 4, side: int = 32, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def distance(ours: Tensor, theirs: Tensor, *, pieces: int = 1, patches: int = 64) -> float:
    metric = SlicedWasserstein(patches)
    for a, b in zip(ours.chunk(pieces), theirs.chunk(pieces)):
        metric.update(a, b)
    return float(metric.compute())


def test_equal_sets_are_not_apart_in_whatever_order_they_come() -> None:
    order = torch.randperm(4, generator=torch.Generator().manual_seed(1))
    assert distance(pictures(), pictures()) == 0
    assert distance(pictures(), pictures()[order]) == pytest.approx(0, abs=1e-3)
    assert distance(pictures(), pictures(seed=1)) == pytest.approx(
        distance(pictures()[order], pictures(seed=1), pieces=2), rel=1e-4
    )


def test_it_is_the_same_both_ways() -> None:
    there, back = distance(pictures(), pictures(seed=1)), distance(pictures(seed=1), pictures())
    assert there > 0 and there == pytest.approx(back)


def test_it_grows_with_noise_and_blur() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 6, 32), torch.linspace(0, 6, 32), indexing="ij")
    phases = torch.arange(4)[:, None, None, None] * torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    real = 0.5 * torch.sin(x + phases) * torch.cos(y - phases)
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    worse = [distance((real + size * noise).clamp(-1, 1), real) for size in (0, 0.02, 0.1, 0.3)]
    assert worse == sorted(worse) and worse[0] == 0 < worse[1]


def test_against_loops() -> None:
    """Pictures of 16 pixels are one level: patches, normalised by colour, projected, sorted, compared."""
    ours, theirs, patches = pictures(3, 16), pictures(3, 16, seed=1) * 0.5, 5
    places = torch.randint(100, (patches,), generator=torch.Generator().manual_seed(0)).tolist()  # 10 x 10 of them

    def described(images: Tensor) -> np.ndarray:
        cut = [i[:, p // 10 : p // 10 + 7, p % 10 : p % 10 + 7].double().numpy() for i in images for p in places]
        colours = np.stack(cut)  # (N P, 3, 7, 7)
        mean, deviation = colours.mean(axis=(0, 2, 3)), colours.std(axis=(0, 2, 3), ddof=1)
        return ((colours - mean[:, None, None]) / deviation[:, None, None]).reshape(len(cut), -1)

    directions = torch.randn(147, DIRECTIONS, generator=torch.Generator().manual_seed(1)).double().numpy()
    a, b = described(ours), described(theirs)
    total = 0.0
    for direction in directions.T / np.linalg.norm(directions, axis=0)[:, None]:
        total += float(np.abs(np.sort(a @ direction) - np.sort(b @ direction)).mean())
    assert distance(ours, theirs, patches=patches) == pytest.approx(1000 * total / DIRECTIONS, rel=1e-4)


def test_pictures_of_one_colour_give_a_number() -> None:
    assert math.isfinite(distance(torch.zeros(2, 3, 32, 32), pictures(2)))


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_what_cannot_be_compared() -> None:
    assert math.isnan(float(SlicedWasserstein().compute()))
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        SlicedWasserstein().update(pictures() * 2, pictures())
