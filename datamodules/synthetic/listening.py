"""Mouth, emphasis and phrases from sound alone, for recordings whose words nobody wrote down.

A rough reading by energy and spectrum, not a recogniser: loud and voiced opens the jaw (more where the low formant is
high), a low or high second formant rounds or spreads the lips, hiss shows the teeth, and a short dip of the energy
within speech closes the lips, since it may be a p, b or m. In sixteen stretches of real talk its jaw correlates with
the opening of the speakers' lips by 0.2 on average: it moves when they speak, as much as they do, but not as they do.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.signal import find_peaks

from datamodules.synthetic.mouth import JAW, NUMBERS, PRESS, ROUND, SPREAD, TEETH
from datamodules.synthetic.speech import Accent

RATE = 16000
_HOP, _WINDOW = 160, 480  # samples
_PER_SECOND = RATE // _HOP
_RANGE = 32.0  # dB from loud speech down to where the mouth rests
_SILENCE = -5.0  # dB of a window whose samples have a root mean square of about 0.003
_QUIET = 0.15  # level below which nobody speaks
_AHEAD = 0.04  # seconds by which a mouth shapes itself before it is heard; 0.04 to 0.16 fit real talk alike
_LONGEST_DIP = 0.16  # seconds that lips stay shut within speech
_SHORTEST_PAUSE = 0.25  # seconds


@dataclass(frozen=True)
class Heard:
    """mouth: (T, 7), see `mouth.NUMBERS`; accents and phrases as those of `speech.Utterance`."""

    mouth: np.ndarray
    accents: tuple[Accent, ...]
    phrases: tuple[tuple[float, float], ...]


def listen(samples: np.ndarray, times: np.ndarray, strength: float = 1.0) -> Heard:
    """What a recording (N,) at 16 kHz says about the speaker's mouth at times (T,) in seconds."""
    level, first, second, hiss = _features(samples)
    at = np.arange(len(level)) / _PER_SECOND
    path = np.zeros((len(level), len(NUMBERS)))
    voiced = level * (1 - hiss)
    path[:, JAW] = voiced * np.clip((first - 260) / 380, 0.2, 1) * strength + 0.1 * hiss * level
    path[:, ROUND] = voiced * np.clip((1500 - second) / 350, 0, 1) * strength
    path[:, SPREAD] = voiced * np.clip((second - 1650) / 450, 0, 1) * strength + 0.4 * hiss * level
    path[:, TEETH] = 0.2 * voiced + 0.6 * hiss * level
    path = gaussian_filter1d(path, 0.04 * _PER_SECOND, axis=0)
    shut = _dips(level)
    path[:, PRESS] = gaussian_filter1d(shut.astype(float), 1.0)
    path[shut, JAW] *= 0.2
    ahead = np.where(np.arange(len(NUMBERS)) == PRESS, 0, _AHEAD)
    mouth = np.stack([np.interp(times + lead, at, column) for lead, column in zip(ahead, path.T, strict=True)], axis=1)
    return Heard(np.clip(mouth, 0, 1), _accents(level), _phrases(level))


def _features(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Level 0 to 1, places of the low and of the second formant in Hz, share of hiss; 100 per second."""
    padded = np.pad(samples.astype(np.float64), _WINDOW // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(pieces * np.hanning(_WINDOW))) ** 2
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    decibel = 10 * np.log10(power.sum(1) + 1e-9)
    loud = max(float(np.percentile(decibel, 95)), _SILENCE)
    level = np.clip((decibel - loud) / _RANGE + 1, 0, 1)
    high, low = power[:, hertz > 3800].sum(1), power[:, (hertz > 100) & (hertz < 3000)].sum(1)
    hiss = np.clip(1.6 * high / (high + low + 1e-9) - 0.3, 0, 1)
    return level, _centre(power, hertz, 200, 1000), _centre(power, hertz, 900, 2600), hiss


def _centre(power: np.ndarray, hertz: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n,) mean frequency of a band in Hz; the magnitude weighs, so that one strong harmonic does not decide."""
    band = (hertz >= low) & (hertz <= high)
    weights = np.sqrt(power[:, band]) + 1e-9
    return weights @ hertz[band] / weights.sum(1)


def _dips(level: np.ndarray) -> np.ndarray:
    """(n,) bool: where it is quiet for a moment between loud stretches."""
    reach = int(_LONGEST_DIP * _PER_SECOND)
    before = maximum_filter1d(level, reach, origin=reach // 2 - 1)
    after = maximum_filter1d(level, reach, origin=-(reach // 2 - 1))
    return level < np.minimum(before, after) - 0.45


def _accents(level: np.ndarray) -> tuple[Accent, ...]:
    """Peaks of the syllables' energy."""
    slow = gaussian_filter1d(level, 0.07 * _PER_SECOND)
    peaks, facts = find_peaks(slow, height=0.5, prominence=0.08, distance=int(0.3 * _PER_SECOND))
    strengths = np.clip(facts["prominences"] / 0.4, 0.3, 1)
    return tuple(Accent(float(p) / _PER_SECOND, float(s)) for p, s in zip(peaks, strengths, strict=True))


def _phrases(level: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Stretches of speech between pauses, in seconds."""
    speaking = np.flatnonzero(level > _QUIET)
    if not len(speaking):
        return ()
    breaks = np.flatnonzero(np.diff(speaking) > _SHORTEST_PAUSE * _PER_SECOND)
    starts, ends = speaking[np.r_[0, breaks + 1]], speaking[np.r_[breaks, len(speaking) - 1]] + 1
    return tuple((float(a) / _PER_SECOND, float(b) / _PER_SECOND) for a, b in zip(starts, ends, strict=True))
