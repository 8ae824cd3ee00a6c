"""How often the right moment is found, against a loop."""

import pytest
import torch

from metrics.in_sync import InSync, InSyncByChance


def test_against_a_loop() -> None:
    torch.manual_seed(0)
    lips, sound = torch.randn(3, 40, 2), torch.randn(3, 40, 2)
    hits = guesses = 0.0
    for clip in range(3):
        for place in range(40):
            tried = [j for j in range(40) if abs(j - place) <= 15]
            best = min(tried, key=lambda j: float((lips[clip, place] - sound[clip, j]).norm()))
            hits += abs(best - place) <= 1
            guesses += sum(abs(j - place) <= 1 for j in tried) / len(tried)
    metric, chance = InSync(), InSyncByChance()
    for part in (slice(0, 1), slice(1, 3)):
        metric.update(lips[part], sound[part])
        chance.update(lips[part], sound[part])
    assert metric.compute().item() == pytest.approx(hits / 120)
    assert chance.compute().item() == pytest.approx(guesses / 120)


def test_what_is_in_sync_is_found_within_a_frame() -> None:
    lips = torch.arange(40.0)[None, :, None]
    for late, share in ((0, 1.0), (1, 1.0), (2, 0.05)):  # the last two frames of a shift by two find an end
        metric = InSync()
        metric.update(lips, lips - late)
        assert metric.compute().item() == pytest.approx(share, abs=0.03)


def test_in_the_middle_of_a_long_clip_three_of_31_are_right() -> None:
    chance = InSyncByChance()
    chance.update(torch.zeros(1, 300, 1), torch.zeros(1, 300, 1))
    assert chance.compute().item() == pytest.approx(3 / 31, abs=1e-2)
