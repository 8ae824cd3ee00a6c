from pathlib import Path

import numpy as np
import pytest
import torch

from models.audio.mel import MARGIN, MelSpectrogram, frame_columns, slaney_bank
from models.audio.one_at_a_time import import_librosa

CASE = np.load(Path(__file__).parents[2] / "parity" / "wav2lip_mel" / "io.npz")


@pytest.mark.parametrize(("padding", "name"), [("zeros", "out/mel"), ("reflect", "out/mel_reflect")])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-4), (torch.float64, 1e-6)])
def test_equals_the_reference(padding: str, name: str, dtype: torch.dtype, tolerance: float) -> None:
    mel = MelSpectrogram(padding)(torch.from_numpy(CASE["in/wav"])[None].to(dtype))[0]  # type: ignore[arg-type]
    assert np.abs(mel.numpy() - CASE[name]).max() < tolerance


def test_windows_of_video_frames() -> None:
    columns = frame_columns(np.arange(50), CASE["out/mel"].shape[1])
    assert (columns == CASE["out/sad_index"]).all()
    assert (CASE["out/mel"].T[columns[CASE["out/frames"]]].swapaxes(1, 2) == CASE["out/sad_window"]).all()
    assert (columns[3:45, 0] == CASE["out/syncnet_start"][1:43]).all()  # SyncNet's five frames from i on: frame i + 2


def test_an_excerpt_equals_the_columns_of_the_whole() -> None:
    wav = torch.from_numpy(CASE["in/wav"])[None]
    mel = MelSpectrogram()
    first, count = 40, 23
    start = first * 200 - MARGIN
    excerpt = mel.excerpt(wav[:, start : start + (count - 1) * 200 + 801])
    assert torch.allclose(excerpt, mel(wav)[..., first : first + count], atol=1e-5)


def test_silence_and_full_scale() -> None:
    assert (MelSpectrogram()(torch.zeros(1, 4000)) == -4).all()
    assert MelSpectrogram()(torch.randn(1, 4000) * 100).max() == 4


def test_filters_equal_librosa() -> None:
    reference = import_librosa("filters").mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    assert np.abs(slaney_bank().numpy() - reference).max() < 1e-7


def test_batches_and_gradients() -> None:
    wav = (torch.rand(3, 2000) - 0.5).requires_grad_()
    mel = MelSpectrogram()(wav)
    assert mel.shape == (3, 80, 11)
    mel.sum().backward()
    assert wav.grad is not None and torch.isfinite(wav.grad).all()
