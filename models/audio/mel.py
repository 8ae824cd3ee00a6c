"""The mel spectrogram of Wav2Lip, which SadTalker and the lip-sync networks share, and its windows per video frame."""

from typing import Literal

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

RATE = 16000
N_FFT = 800  # also the length of the Hann window
HOP = 200
BANDS = 80
COLUMNS = 16  # of the window that belongs to one video frame: 0.2 s
MARGIN = N_FFT // 2 + 1  # samples before the first column's centre: half a window, and one for the pre-emphasis


class MelSpectrogram(nn.Module):
    """Log-mel spectrogram in [-4, 4] of 16 kHz sound; silence is -4.

    Pre-emphasis 0.97, periodic Hann window of 800, hop 200, magnitudes, 80 area-normalised Slaney bands over 55 to
    7600 Hz, 20 log10 with a floor of -100 dB, shifted by -20 dB, scaled to [-4, 4] and clipped.

    Args:
        padding: what lies beyond the ends of the sound: `zeros` (librosa >= 0.9, SadTalker) or `reflect` (librosa 0.7,
            with which the published Wav2Lip weights were trained). Only the two columns at each end differ.
    """

    bank: Tensor

    def __init__(self, padding: Literal["zeros", "reflect"] = "zeros") -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("bank", slaney_bank(), persistent=False)

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) samples in [-1, 1] -> (B, 80, 1 + N // 200); column c is centred on sample 200 c."""
        emphasised = wav - 0.97 * F.pad(wav, (1, 0))[..., :-1]
        margin = N_FFT // 2
        return self._columns(
            _reflected(emphasised, margin) if self.padding == "reflect" else F.pad(emphasised, (margin, margin))
        )

    def excerpt(self, wav: Tensor) -> Tensor:
        """Columns of a piece of sound that brings its own surroundings.

        (B, 801 + 200 (n - 1)) samples, of which the first lies `MARGIN` samples before the centre of the first wanted
        column -> (B, 80, n).
        """
        return self._columns(wav[..., 1:] - 0.97 * wav[..., :-1])

    def _columns(self, padded: Tensor) -> Tensor:
        window = torch.hann_window(N_FFT, dtype=padded.dtype, device=padded.device)
        pieces = padded.unfold(-1, N_FFT, HOP) * window
        magnitude = torch.fft.rfft(pieces).abs()
        mel = rearrange(magnitude @ self.bank.to(padded.dtype).T, "... columns bands -> ... bands columns")
        decibel = 20 * mel.clamp(min=1e-5).log10() - 20
        return (8 * (decibel + 100) / 100 - 4).clamp(-4, 4)


def _reflected(wav: Tensor, margin: int) -> Tensor:
    """The sound between its mirror images, as often as the margins take: padding by torch does it only once."""
    last = wav.shape[-1] - 1
    places = torch.arange(-margin, last + 1 + margin, device=wav.device).remainder(max(1, 2 * last))
    return wav[..., torch.minimum(places, 2 * last - places)]


def frame_columns(frames: np.ndarray, total: int) -> np.ndarray:
    """The 16 mel columns of each 25 fps video frame, as SadTalker's inference takes them.

    (k,) frame numbers -> (k, 16) column numbers, clamped into [0, total - 1]; the window starts two frames before its
    own. The window of frame i + 2 is the one that SyncNet pairs with the five frames from i on.
    """
    starts = np.fix(16 * (np.asarray(frames) - 2) / 5).astype(np.int64)  # 80 columns per second, truncated towards 0
    return np.clip(starts[:, None] + np.arange(COLUMNS), 0, total - 1)


def slaney_bank(low: float = 55.0, high: float = 7600.0) -> Tensor:
    """(80, 401) triangular filters, equally spaced on Slaney's mel scale, each of area 1."""
    step, corner, log_step = 200 / 3, 1000.0, np.log(6.4) / 27  # linear up to 1 kHz, logarithmic above

    def to_mel(hertz: float) -> float:
        return hertz / step if hertz < corner else corner / step + float(np.log(hertz / corner)) / log_step

    mels = np.linspace(to_mel(low), to_mel(high), BANDS + 2)
    above = corner * np.exp(log_step * (mels - corner / step))
    edges = np.where(mels < corner / step, mels * step, above)
    bins = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(bank.astype(np.float32))
