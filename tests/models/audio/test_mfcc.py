"""SyncNet's MFCC against numbers of python_speech_features, and against its description in plain loops."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.fft import dct

from models.audio.mfcc import MFCC, clip_windows

CASE = np.load(Path(__file__).parents[2] / "parity" / "syncnet_mfcc" / "io.npz")


def described(samples: np.ndarray) -> np.ndarray:
    """The case's description, frame by frame."""
    emphasised = np.array([samples[0], *(samples[1:] - 0.97 * samples[:-1])])
    count = 1 if len(samples) <= 400 else 1 + int(np.ceil((len(samples) - 400) / 160))
    emphasised = np.pad(emphasised, (0, max(0, 400 + 160 * count - len(samples))))
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = np.floor(513 * 700 * (10 ** (mel / 2595) - 1) / 16000).astype(int)
    columns = []
    for start in range(0, 160 * count, 160):
        power = np.abs(np.fft.rfft(emphasised[start : start + 400], 512)) ** 2 / 512
        bands = np.zeros(26)
        for band, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:])):
            bands[band] += sum((k - low) / (middle - low) * power[k] for k in range(low, middle))
            bands[band] += sum((high - k) / (high - middle) * power[k] for k in range(middle, high))
        safe = np.where(bands == 0, np.finfo(float).eps, bands)
        column = dct(np.log(safe), norm="ortho")[:13] * (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
        column[0] = np.log(power.sum() or np.finfo(float).eps)
        columns.append(column)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-5), (torch.float32, 1e-4)])
def test_equals_the_reference(kind: torch.dtype, tolerance: float) -> None:
    mfcc = MFCC()(torch.from_numpy(CASE["in/wav"]).to(kind))
    assert mfcc.dtype == kind
    assert np.abs(mfcc.numpy() - CASE["out/mfcc"]).max() < tolerance
    assert np.abs(clip_windows(mfcc)[CASE["out/window_frames"]].numpy() - CASE["out/windows"]).max() < tolerance


@pytest.mark.parametrize("length", [1, 2, 399, 400, 401, 560, 561, 1999])
def test_any_length_and_silence(length: int) -> None:
    samples = CASE["in/wav"][:length].astype(float)
    samples[700:1400] = 0
    np.testing.assert_allclose(MFCC()(torch.from_numpy(samples)).numpy(), described(samples), atol=1e-9)


def test_a_batch_is_its_sounds() -> None:
    sounds = torch.from_numpy(CASE["in/wav"]).double()[:6000].view(2, 3, 1000)
    together = MFCC()(sounds)
    assert together.shape == (2, 3, 13, 5)
    assert torch.allclose(together[1, 2], MFCC()(sounds[1, 2]))


def test_sound_in_the_unit_range_is_another_sound() -> None:
    samples = torch.from_numpy(CASE["in/wav"]).double()
    quiet, right = MFCC()(samples / 2**15), MFCC()(samples)
    assert (right - quiet)[0].numpy() == pytest.approx(2 * np.log(2**15))
    assert torch.allclose(right[1:], quiet[1:])


@pytest.mark.parametrize("frames", [1, 5, 6, 7, 50])
def test_a_video_has_five_windows_less_than_frames(frames: int) -> None:
    assert len(clip_windows(MFCC()(torch.ones(640 * frames)))) == max(0, frames - 5)
