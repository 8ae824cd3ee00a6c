"""Speech made worse: by its noise alone, in bounds, and never at another time."""

from typing import Any

import torch
from torch import Tensor

from datamodules.speech_augment import SpeechAugment

QUIET: dict[str, float] = {"tremble": 0, "drift": 0, "soften": 0, "colour": 0, "room": 0, "noise": 1000}


def batch(count: int = 4, frames: int = 30) -> dict[str, Any]:
    random = torch.Generator().manual_seed(0)
    sound = torch.zeros(count, 640 * frames)
    for frame in (4, 11, 23):
        sound[:, 640 * frame : 640 * frame + 160] = 0.3 * torch.randn(160, generator=random)
    return {"landmarks_points": 50 + 20 * torch.randn(count, frames, 68, 2, generator=random), "sound": sound}


def draw(seed: int = 1) -> Tensor:
    return torch.rand(4, 8, generator=torch.Generator().manual_seed(seed))


def test_equal_noise_gives_equal_speech_and_examples_differ() -> None:
    one, again, other = (SpeechAugment()(batch(), draw(seed)) for seed in (1, 1, 2))
    for name in ("landmarks_points", "sound"):
        assert torch.equal(one[name], again[name]) and not torch.equal(one[name], other[name])
        part = SpeechAugment()({key: value[2:] for key, value in batch().items()}, draw()[2:])
        torch.testing.assert_close(part[name], one[name][2:])


def test_amounts_of_nothing_change_nothing_but_the_least_noise() -> None:
    same = SpeechAugment(**QUIET)(batch(), torch.full((4, 8), 0.7))
    torch.testing.assert_close(same["landmarks_points"], batch()["landmarks_points"])
    assert (same["sound"] - batch()["sound"]).norm() < 1e-3 * batch()["sound"].norm()


def test_landmarks_stay_near_and_sound_stays_in_its_frame() -> None:
    plain = batch()
    worse = SpeechAugment(soften=0.0, noise=60.0)(plain, draw())
    side = (plain["landmarks_points"].amax(2) - plain["landmarks_points"].amin(2)).amax(-1).mean()
    away = (worse["landmarks_points"] - plain["landmarks_points"]).square().mean().sqrt()
    assert 0.001 * side < away < 0.03 * side
    for sound in worse["sound"]:
        level = sound.unflatten(0, (30, 640)).square().sum(1)
        assert {4, 11, 23} <= set(level.topk(9).indices.tolist())  # with what echoes after them
        assert level[[4, 11, 23]].min() > 3 * level[[3, 10, 22]].max()


def test_softening_takes_the_sharpness_of_a_twitch() -> None:
    plain = batch()
    plain["landmarks_points"][:] = plain["landmarks_points"][:, :1]
    plain["landmarks_points"][:, 15, 62] += 10
    soft = SpeechAugment(**{**QUIET, "soften": 1.0})(plain, draw())["landmarks_points"][:, :, 62, 0]
    rise = soft - plain["landmarks_points"][:, :1, 62, 0]
    torch.testing.assert_close(rise.sum(1), torch.full((4,), 10.0), atol=1e-2, rtol=0)
    assert (rise[:, 15] < 10).all() and (rise[:, 15] > 4 - 1e-3).all()
