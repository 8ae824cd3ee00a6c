"""The MFCC that SyncNet hears, of python_speech_features 0.6 with its defaults, and its windows per video frame."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RATE = 16000
LENGTH = 400  # samples of a frame
STEP = 160
N_FFT = 512
BANDS = 26
COEFFICIENTS = 13
LIFTER = 22
COLUMNS = 20  # of the window that belongs to five video frames: 0.2 s
COLUMNS_PER_FRAME = 4  # 100 columns and 25 video frames per second
EPSILON = torch.finfo(torch.float64).eps  # what the logarithm of nothing is taken of


class MFCC(nn.Module):
    """Mel-frequency cepstral coefficients of 16 kHz sound whose samples are 16-bit integers, not numbers in [-1, 1].

    Pre-emphasis 0.97, rectangular frames of 400 samples every 160 (the last one padded with zeros), power spectrum of
    512 divided by 512, 26 triangular HTK mel bands over 0 to 8000 Hz without area normalisation, natural logarithm,
    orthonormal DCT-II, sine lifter 22; the first coefficient is replaced by the logarithm of the frame's energy.
    """

    bank: Tensor
    cosines: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", htk_bank(), persistent=False)
        self.register_buffer("cosines", liftered_cosines(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(..., N) values of -32768..32767 in a float type -> (..., 13, 1 + ceil((N - 400) / 160)) in that type.

        Scaled to [-1, 1] the first coefficient would be lower by 20.8, and SyncNet would hear something else.
        """
        emphasised = torch.cat([samples[..., :1], samples[..., 1:] - 0.97 * samples[..., :-1]], dim=-1)
        columns = 1 + max(0, -((LENGTH - samples.shape[-1]) // STEP))
        frames = F.pad(emphasised, (0, (columns - 1) * STEP + LENGTH - samples.shape[-1])).unfold(-1, LENGTH, STEP)
        power = torch.fft.rfft(frames, N_FFT).abs().square() / N_FFT
        bands = _logarithm(power @ self.bank.to(power).T)
        coefficients = bands @ self.cosines.to(power)
        energy = _logarithm(power.sum(dim=-1, keepdim=True))
        return torch.cat([energy, coefficients[..., 1:]], dim=-1).transpose(-1, -2)


def _logarithm(values: Tensor) -> Tensor:
    return values.masked_fill(values == 0, EPSILON).log()


def clip_windows(mfcc: Tensor) -> Tensor:
    """Columns 4 f to 4 f + 19 for the five frames of 25 fps video from each f on: (13, N) -> (n, 13, 20)."""
    if mfcc.shape[-1] < COLUMNS:
        return mfcc.new_empty(0, mfcc.shape[0], COLUMNS)
    return mfcc.unfold(-1, COLUMNS, COLUMNS_PER_FRAME).transpose(0, 1)


def htk_bank() -> Tensor:
    """(26, 257) float64: triangles between whole FFT bins, equally spaced on the HTK mel scale up to half the rate."""
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    mels = torch.linspace(0, top, BANDS + 2, dtype=torch.float64)
    edges = ((N_FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / RATE).floor()[:, None]
    bins = torch.arange(N_FFT // 2 + 1, dtype=torch.float64)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


def liftered_cosines() -> Tensor:
    """(26, 13) float64: the first columns of the orthonormal DCT-II, coefficient n times 1 + 11 sin(pi n / 22)."""
    number = torch.arange(COEFFICIENTS, dtype=torch.float64)
    phase = math.pi / BANDS * (torch.arange(BANDS, dtype=torch.float64)[:, None] + 0.5) * number
    scale = torch.where(number == 0, math.sqrt(1 / BANDS), math.sqrt(2 / BANDS))
    return phase.cos() * scale * (1 + LIFTER / 2 * torch.sin(math.pi * number / LIFTER))
