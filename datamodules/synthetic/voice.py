"""A voice made in code: glottal pulses and noise through the resonances of a vocal tract (Klatt, 1980).

`speak` turns an utterance into tracks of control values (`vocal_tract.py`) and these into sound.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from datamodules.synthetic.speech import Utterance
from datamodules.synthetic.vocal_tract import CONTROL_RATE, Controls, controls

RATE = 16000
_STEP = RATE // CONTROL_RATE  # samples from one control value to the next
_FINER = 4  # steps of the glottal pulse per sample, against aliasing
_HIGH_PASS = 0.98  # pole of the high pass, 50 Hz
_SPEECH_LEVEL = 0.1  # root mean square of loud passages


@dataclass(frozen=True)
class Voice:
    """How somebody sounds.

    pitch: Hz, mean; melody: semitones from the mean to a strong accent; tract: scale of the formants, 1 for a vocal
    tract of 17.5 cm, higher for shorter ones; open_quotient: share of a period in which the vocal folds are open;
    tilt: 0 bright to 1 dark; breath: loudness of the noise in the voice, 0 to 1; jitter, shimmer: irregularity of
    periods and amplitudes (standard deviation, fraction); loudness: factor; room: noise of the room, relative to
    speech; rate: speed of speech, 1 is usual.
    """

    pitch: float
    melody: float
    tract: float
    open_quotient: float
    tilt: float
    breath: float
    jitter: float
    shimmer: float
    loudness: float
    room: float
    rate: float


def draw_voice(rng: np.random.Generator, low: float) -> Voice:
    """A random voice near `low`: from 0, the highest voices of women, to 1, the lowest of men."""
    low = float(np.clip(low + rng.normal(0, 0.13), 0, 1))
    return Voice(
        pitch=float(215 * (105 / 215) ** low * np.exp(rng.normal(0, 0.1))),
        melody=float(rng.uniform(2.0, 5.5)),
        tract=float(1.2 - 0.2 * low + rng.normal(0, 0.025)),
        open_quotient=float(rng.uniform(0.5, 0.72) + 0.06 * (1 - low)),
        tilt=float(rng.uniform(0.15, 0.7)),
        breath=float(rng.uniform(0.02, 0.25)),
        jitter=float(rng.uniform(0.003, 0.012)),
        shimmer=float(rng.uniform(0.01, 0.05)),
        loudness=float(rng.uniform(0.75, 1.2)),
        room=float(10 ** rng.uniform(-3.2, -2.4)),
        rate=float(rng.uniform(0.88, 1.15)),
    )


def speak(utterance: Utterance, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """The sound of an utterance: (16000 * seconds,) float32 at 16 kHz, within [-0.95, 0.95], without offset."""
    count = round(utterance.seconds * RATE)
    tracks = controls(utterance, voice.pitch, voice.melody, voice.tract, rng)
    sound = synthesise(tracks, voice, count, rng)
    level = np.sqrt(np.mean(np.sort(sound**2)[count // 2 :])) + 1e-9  # of the louder half
    sound = sound * (_SPEECH_LEVEL * voice.loudness / level) + rng.normal(0, _SPEECH_LEVEL * voice.room, count)
    sound -= sound.mean()
    return (sound / max(1.0, np.abs(sound).max() / 0.95)).astype(np.float32)


def synthesise(tracks: Controls, voice: Voice, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) float64 samples from control values, at no particular level."""
    periods = rng.standard_normal((int(count / RATE * 800) + 8, 2))
    irregular = 1 + np.clip(periods, -2.5, 2.5) * [voice.jitter, voice.shimmer]
    noise = rng.standard_normal((count, 2))
    folds = np.array([voice.open_quotient, 0.1 + 0.5 * voice.tilt, voice.breath])
    return _kernel(
        tracks.source, tracks.resonators, tracks.nasal, tracks.noise, irregular, noise, folds, count, _STEP, float(RATE)
    )


@njit(cache=True)
def _kernel(
    source: np.ndarray,
    resonators: np.ndarray,
    nasal: np.ndarray,
    hiss: np.ndarray,
    irregular: np.ndarray,
    noise: np.ndarray,
    folds: np.ndarray,
    count: int,
    step: int,
    rate: float,
) -> np.ndarray:
    """Sample by sample: pulse and breath, nose, five formants in a row, and hiss beside them.

    source (n, 3): pitch, loudness of voice and of breath; resonators (n, 5, 2): Hz, bandwidth; nasal (n,): Hz of the
    nose's zero, its pole is at 270 Hz, equal when it is shut; hiss (n, 3): Hz, bandwidth, loudness.
    """
    sound = np.zeros(count)
    open_quotient, tilt, breath = folds
    phase, period, darkness = 0.0, 0, 0.0
    stretch, swell = irregular[0, 0], irregular[0, 1]
    formants = np.zeros((5, 2))  # of each: last output, the one before
    zero_1, zero_2, pole_1, pole_2 = 0.0, 0.0, 0.0, 0.0
    chopped_1, chopped_2 = 0.0, 0.0
    narrow = np.zeros((2, 2))  # the same for the two resonators of the hiss
    factors = np.zeros((5, 3))
    before, level = 0.0, 0.0
    pole_a, pole_b, pole_c = _resonator(270.0, 100.0, rate)
    for at in range(count):
        block, within = at // step, (at % step) / step
        if at % step == 0:
            for number in range(5):
                a, b, c = _resonator(resonators[block, number, 0], resonators[block, number, 1], rate)
                factors[number, 0], factors[number, 1], factors[number, 2] = a, b, c
            zero_a, zero_b, zero_c = _resonator(nasal[block], 100.0, rate)
            _, hiss_b, hiss_c = _resonator(hiss[block, 0], hiss[block, 1], rate)
            radius = np.exp(-np.pi * hiss[block, 1] / rate)
            hiss_gain = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(4 * np.pi * hiss[block, 0] / rate) + radius**2)
            loud = 1 / np.sqrt(hiss[block, 1] / 2000.0)  # as loud whether narrow or wide
        now = source[block] + (source[block + 1] - source[block]) * within
        hissing = hiss[block, 2] + (hiss[block + 1, 2] - hiss[block, 2]) * within
        pulse = 0.0
        for _ in range(_FINER):
            phase += now[0] * stretch / (rate * _FINER)
            if phase >= 1:
                phase -= 1
                period = min(period + 1, len(irregular) - 1)
                stretch, swell = irregular[period, 0], irregular[period, 1]
            place = phase / open_quotient
            if place < 1:
                pulse += (2 * place - 3 * place * place) * swell
        pulse /= _FINER
        darkness += (1 - tilt) * (pulse - darkness)
        opened = 1.0 if phase < open_quotient else 0.3
        value = now[1] * (darkness + breath * 0.25 * opened * noise[at, 0]) + 0.5 * now[2] * noise[at, 0]
        if nasal[block] != 270.0:
            wet = (value - zero_b * zero_1 - zero_c * zero_2) / zero_a
            zero_2, zero_1 = zero_1, value
            out = pole_a * wet + pole_b * pole_1 + pole_c * pole_2
            pole_2, pole_1, value = pole_1, out, out
        else:
            zero_2, zero_1, pole_2, pole_1 = zero_1, value, pole_1, value
        for number in range(4, -1, -1):
            out = (
                factors[number, 0] * value
                + factors[number, 1] * formants[number, 0]
                + factors[number, 2] * formants[number, 1]
            )
            formants[number, 1], formants[number, 0], value = formants[number, 0], out, out
        chopped = noise[at, 1] * (1.0 if now[1] < 0.05 else opened)
        rushing = loud * (chopped - chopped_2)
        chopped_2, chopped_1 = chopped_1, chopped
        for number in range(2):
            out = hiss_gain * rushing + hiss_b * narrow[number, 0] + hiss_c * narrow[number, 1]
            narrow[number, 1], narrow[number, 0], rushing = narrow[number, 0], out, out
        mixed = value + hissing * rushing
        level = mixed - before + _HIGH_PASS * level  # no rumble, no offset
        before, sound[at] = mixed, level
    return sound


@njit(cache=True)
def _resonator(hertz: float, width: float, rate: float) -> tuple[float, float, float]:
    """Factors of the input and of the last two outputs; the gain at 0 Hz is 1."""
    radius = np.exp(-np.pi * width / rate)
    c = -radius * radius
    b = 2 * radius * np.cos(2 * np.pi * hertz / rate)
    return 1 - b - c, b, c
