"""Finding the right moment, against a loop."""

import math

import pytest
import torch

from losses.sync_contrast import sync_contrast, sync_contrast_by_chance


def test_it_is_the_mean_cross_entropy_of_both_directions() -> None:
    torch.manual_seed(0)
    lips, sound = torch.randn(2, 4, 5), torch.randn(2, 4, 5)
    costs = []
    for clip in range(2):
        for place in range(4):
            for from_, to in ((lips, sound), (sound, lips)):
                cosines = [float(torch.cosine_similarity(from_[clip, place], to[clip, j], dim=0)) for j in range(4)]
                total = sum(math.exp(cosine / 0.2) for cosine in cosines)
                costs.append(-math.log(math.exp(cosines[place] / 0.2) / total))
    assert sync_contrast(lips, sound, 0.2).item() == pytest.approx(sum(costs) / len(costs), rel=1e-5)


def test_saying_nothing_costs_what_guessing_costs_and_knowing_costs_nothing() -> None:
    nothing = torch.ones(3, 6, 8)
    assert sync_contrast(nothing, nothing, 0.1).item() == pytest.approx(sync_contrast_by_chance(6), rel=1e-5)
    known = torch.eye(6).expand(3, 6, 6)
    assert sync_contrast(known, known, 0.05).item() < 1e-5
    assert sync_contrast(known, known.roll(1, 1), 0.05).item() > 10
