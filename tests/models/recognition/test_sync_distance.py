"""Distances of shifted lips and sound, against a plain loop and a parity case."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import medfilt

from models.errors import UserError
from models.recognition.sync_distance import sync_distance

CASE = np.load(Path(__file__).parents[2] / "parity" / "syncnet_eval" / "io.npz")


@pytest.mark.filterwarnings("ignore:kernel_size exceeds volume extent")
@pytest.mark.parametrize(("frames", "shift"), [(1, 15), (3, 15), (16, 15), (40, 10), (20, 0)])
def test_equals_a_loop(frames: int, shift: int) -> None:
    rng = np.random.default_rng(frames)
    lips, sound = rng.normal(size=(2, frames, 12))
    padded = np.pad(sound, ((shift, shift), (0, 0)))
    distances = np.empty((frames, 2 * shift + 1))
    for i in range(frames):
        for j in range(2 * shift + 1):
            distances[i, j] = np.sqrt(((lips[i] - padded[i + j] + 1e-6) ** 2).sum())
    mean = distances.mean(axis=0)
    found = sync_distance(torch.from_numpy(lips), torch.from_numpy(sound), shift)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)
    assert found.error.item() == pytest.approx(mean.min())
    assert found.confidence.item() == pytest.approx(np.median(mean) - mean.min())
    assert found.offset.item() == shift - next(j for j in range(len(mean)) if mean[j] <= mean.min() + 1e-12)
    single = np.median(mean) - distances[:, shift - int(found.offset)]
    np.testing.assert_allclose(found.frame_confidence, medfilt(single, 9), atol=1e-9)


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_offset_is_how_much_earlier_the_sound_is(late: int) -> None:
    events = torch.randn(80, 16, generator=torch.Generator().manual_seed(0))
    found = sync_distance(events[20:60], events[20 + late : 60 + late])
    assert found.offset == late  # what fits the lips stands `late` frames earlier in the sound
    assert found.confidence > 1


def test_lips_without_a_face_are_left_out() -> None:
    lips, sound = torch.from_numpy(CASE["in/lip"]).clone(), torch.from_numpy(CASE["in/audio"])
    whole = sync_distance(lips, sound)
    lips[3:9] = torch.nan
    kept = torch.tensor([*range(3), *range(9, len(lips))])
    assert torch.allclose(sync_distance(lips, sound).mean, whole.distances[kept].double().mean(dim=0))


@pytest.mark.parametrize(("lips", "sound"), [((5, 4), (6, 4)), ((5, 4), (5, 3)), ((0, 4), (0, 4)), ((4,), (4,))])
def test_other_lengths_are_refused(lips: tuple[int, ...], sound: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="is the video 25 fps"):
        sync_distance(torch.zeros(lips), torch.zeros(sound))
