"""LSE-C, LSE-D and the softly aligned metrics."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from metrics.av_offset import AVOffset
from metrics.lip_sync import MINIMUM, LipSyncMetric
from metrics.lse_c import LSEC
from metrics.lse_d import LSED
from metrics.soft_dtw_aed import SoftDTWAED
from metrics.soft_dtw_lse_d import SoftDTWLSED
from models.errors import UserError
from models.face3d.coefficients import Coefficients

CASE = np.load(Path(__file__).parents[1] / "parity" / "syncnet_eval" / "io.npz")
ALL: list[type[LipSyncMetric]] = [LSEC, LSED, SoftDTWLSED]


def clip(frames: int = 40, late: int = 0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Lips, and sound that fits them `late` frames earlier."""
    events = torch.randn(frames + 40, 16, generator=torch.Generator().manual_seed(seed))
    return events[20 : 20 + frames], events[20 + late : 20 + late + frames]


def test_equals_the_published_arithmetic() -> None:
    for metric, name in ((LSED(), "out/lse_d"), (LSEC(), "out/lse_c")):
        metric.update(torch.from_numpy(CASE["in/lip"]), torch.from_numpy(CASE["in/audio"]))
        assert metric.compute().item() == pytest.approx(CASE[name].item(), abs=1e-4)


def test_the_mean_is_over_clips_however_long() -> None:
    clips = [clip(30, 2, seed=1), clip(90, 12, seed=2)]
    for kind in ALL:
        each = []
        both = kind()
        for lips, sound in clips:
            one = kind()
            one.update(lips, sound)
            each.append(one.compute().item())
            both.update(lips, sound)
        assert both.compute().item() == pytest.approx(np.mean(each), rel=1e-6)
        assert (both.count.item(), both.missing.item(), both.counted, both.whole_clip) == (2, 0, "clips", True)


@pytest.mark.parametrize("kind", ALL)
def test_clips_that_are_too_short_are_refused_in_words(kind: type[LipSyncMetric]) -> None:
    metric = kind(stand_in="embedded")
    metric.update(*clip(MINIMUM))
    assert (metric.minimum_frames, metric.count.item()) == (MINIMUM + 5, 1)
    assert kind(window=15).minimum_frames == MINIMUM + 15
    with pytest.raises(UserError, match=r"LSE-.\[embedded\] needs clips of at least 21 frames .* has 15 embeddings"):
        metric.update(*clip(MINIMUM - 1))
    assert metric.count + metric.missing == 1


def test_a_video_that_is_not_25_fps_is_refused() -> None:
    """At 30 fps there are more frames than sound for them."""
    lips, sound = clip(60)
    with pytest.raises(UserError, match="needs all frames of a 25 fps video"):
        LSED().update(lips, sound[:50])


def test_lost_faces_are_left_out_and_lost_clips_counted() -> None:
    lips, sound = clip(40, 3)
    for kind in ALL:
        some, none = lips.clone(), lips.clone()
        some[10:14], none[:30] = torch.nan, torch.nan
        metric = kind()
        metric.update(some, sound)
        metric.update(none, sound)
        assert metric.compute().isfinite()
        assert (metric.count.item(), metric.missing.item()) == (1, 1)


@pytest.mark.parametrize("late", [0, 6, -10])
def test_fitting_sound_scores_better_than_other_sound(late: int) -> None:
    values = {}
    for kind in ALL:
        fitting, other = kind(), kind()
        lips, sound = clip(late=late)
        fitting.update(lips, sound)
        other.update(lips, clip(seed=5)[1])
        values[kind.title] = fitting.compute().item(), other.compute().item()
    assert values["LSE-D"][0] < values["LSE-D"][1] - 1
    assert values["LSE-C"][0] > values["LSE-C"][1] + 1
    assert values["SoftDTW-LSE-D"][0] < values["SoftDTW-LSE-D"][1] - 0.5


def test_soft_alignment_forgives_what_one_shift_does_not() -> None:
    lips, _ = clip(60)
    wavering = lips[[min(59, i + (4 if i // 15 % 2 else 0)) for i in range(60)]]  # now in time, now four frames late
    rigid, soft = LSED(), SoftDTWLSED()
    rigid.update(wavering, lips)
    soft.update(wavering, lips)
    assert soft.compute() < 0.5 * rigid.compute()


def coefficients(expression: Tensor) -> Tensor:
    """As an observer sees them: Deep3D's network does not see gaze."""
    count = len(expression)
    sizes = {"identity": 80, "texture": 80, "rotation": 3, "translation": 3, "lighting": 27, "gaze": 4}
    parts = {name: torch.zeros(count, size) for name, size in sizes.items()}
    parts["gaze"] += torch.nan
    return Coefficients(expression=expression, **parts).to_vector("hifihead")


def test_aligned_expressions() -> None:
    time = torch.arange(80) / 25
    waves = torch.sin(time[:, None] * torch.linspace(1, 6, 64))
    late = torch.cat([waves[:1].expand(5, -1), waves[:-5]])
    aligned, same = SoftDTWAED(), SoftDTWAED(gamma=1e-5)
    aligned.update(coefficients(late), coefficients(waves))
    same.update(coefficients(waves), coefficients(waves))
    side_by_side = (late - waves).abs().mean()
    assert aligned.compute() < 0.3 * side_by_side
    assert same.compute().item() == pytest.approx(0, abs=1e-6)
    assert (aligned.label, aligned.higher_is_better, aligned.whole_clip) == ("SoftDTW-AED", False, True)


def test_expressions_without_a_face() -> None:
    metric = SoftDTWAED()
    seen, unseen = torch.rand(6, 64), torch.full((6, 64), torch.nan)
    metric.update(coefficients(torch.cat([seen, unseen])), coefficients(torch.cat([seen, seen])))
    metric.update(coefficients(unseen), coefficients(seen))
    assert (metric.count.item(), metric.missing.item()) == (1, 1)
    with pytest.raises(ValueError, match="coefficients are"):
        metric.update(torch.zeros(4, 261), torch.zeros(5, 261))


@pytest.mark.parametrize("late", [-7, 0, 3, 10])
def test_offset_is_how_late_the_sound_is(late: int) -> None:
    lips = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    metric = AVOffset()
    metric.update(lips, lips.roll(late, dims=0))
    assert metric.compute().item() == abs(late)
    assert (metric.label, metric.unit) == ("AV-Offset", "frames")
