"""Diversity and alignment with beats, against numpy, a plain loop, and a click track."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from metrics import beat_align as module
from metrics.beat_align import BeatAlign, audio_beats, beat_align, motion_beats
from metrics.diversity import Diversity
from models.errors import UserError


def nodding(frames: int, period: float, start: float = 0.0) -> Tensor:
    """Head motion `(T, 6)` whose speed (number i: from frame i to i + 1) rests at `start` + n `period` / 2."""
    time = torch.arange(frames, dtype=torch.float64) - start - 0.5
    pitch = 8 * torch.cos(2 * math.pi * time / period)
    angles = torch.stack([torch.zeros_like(pitch), pitch, torch.zeros_like(pitch)], dim=1).float()
    return torch.cat([angles, angles], dim=1)


def test_diversity_is_numpys_spread() -> None:
    motion = torch.randn(20, 3 + 5, generator=torch.Generator().manual_seed(0))
    metric = Diversity()
    metric.update(motion)
    assert float(metric.compute()) == pytest.approx(np.std(motion[:, 3:].numpy(), axis=0).mean(), rel=1e-6)
    louder = Diversity()
    louder.update(3 * motion)
    assert float(louder.compute()) == pytest.approx(3 * float(metric.compute()), rel=1e-6)


def test_diversity_of_a_still_head_is_nothing_and_of_no_head_is_missing() -> None:
    still, none = Diversity(), Diversity("landmarks", unit="degrees")
    still.update(torch.ones(4, 6))
    assert still.compute() == 0
    none.update(torch.full((4, 6), torch.nan))
    assert (
        none.compute().isnan() and none.missing == 1 and (none.label, none.unit) == ("Diversity[landmarks]", "degrees")
    )
    some = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    both = Diversity(), Diversity()
    both[0].update(some)
    both[1].update(torch.cat([some, torch.full((2, 6), torch.nan)]))
    assert both[0].compute() == both[1].compute()


def test_motion_beats_are_where_the_head_rests() -> None:
    beats = motion_beats(nodding(100, 40, start=10)[:, :3].numpy())
    inner = beats[(beats > 5) & (beats < 95)]  # the smoothing mirrors the ends
    assert inner == pytest.approx([10, 30, 50, 70, 90], abs=1)
    assert len(motion_beats(np.ones((50, 3)))) == 0


def looped(sound: list[float], motion: list[float]) -> float:
    """Siyao et al. 2022: mean over the sound's beats of exp(-min |t_motion - t_sound|^2 / (2 sigma^2)), sigma 3."""
    total = 0.0
    for beat in sound:
        total += math.exp(-min((other - beat) ** 2 for other in motion) / (2 * 3**2))
    return total / len(sound)


def test_alignment_is_the_published_sum() -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        sound, motion = random.uniform(0, 200, 12), random.uniform(0, 200, 9)
        assert beat_align(sound, motion) == pytest.approx(looped(list(sound), list(motion)), rel=1e-12)
    assert beat_align(sound, sound) == 1
    assert beat_align(sound, np.empty(0)) == 0
    assert math.isnan(beat_align(np.empty(0), motion))


def test_shifted_sound_aligns_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    motion = nodding(120, 60, start=15)
    scores = []
    for shift in range(0, 11, 2):
        monkeypatch.setattr(module, "audio_beats", lambda audio, shift=shift: np.arange(15.0, 120, 30)[:3] + shift)
        metric = BeatAlign()
        metric.update(motion, torch.zeros(120 * 640))
        scores.append(float(metric.compute()))
    assert scores[0] > 0.9 and all(later < earlier for earlier, later in pairwise(scores)), scores


@pytest.mark.slow  # librosa.beat takes seconds to import
def test_beats_of_a_click_track() -> None:
    random = np.random.default_rng(0)
    sound = np.zeros(16_000 * 8, np.float32)
    for start in range(8_000, len(sound) - 800, 8_000):  # 120 a minute
        sound[start : start + 800] = random.normal(0, 0.5, 800) * np.linspace(1, 0, 800)
    beats = audio_beats(torch.from_numpy(sound))
    from_click = np.abs(beats[:, None] - np.arange(12.5, 200, 12.5)).min(axis=1)
    assert len(beats) >= 10 and from_click.max() < 1.5  # 60 ms
    assert len(audio_beats(torch.zeros(16_000))) == 0


def test_what_is_missing_and_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "audio_beats", lambda audio: np.array([30.0, 60.0]))
    motion = nodding(90, 60)
    gaps = motion.clone()
    gaps[40:44] = torch.nan
    whole, patched, none, still = BeatAlign(), BeatAlign(), BeatAlign(), BeatAlign()
    for metric, seen in ((whole, motion), (patched, gaps), (none, motion * torch.nan), (still, torch.ones(90, 6))):
        metric.update(seen, torch.zeros(90 * 640))
    assert float(patched.compute()) == pytest.approx(float(whole.compute()), abs=0.02)
    assert none.compute().isnan() and none.missing == 1
    assert still.compute() == 0 and still.count == 1
    with pytest.raises(ValueError, match="90 frames need 640 samples"):
        whole.update(motion, torch.zeros(1000))
    with pytest.raises(UserError, match="look through a head pose observer"):
        Diversity().update(torch.zeros(4, 68, 2))
