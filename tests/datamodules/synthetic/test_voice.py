import time

import numpy as np
import pytest
import torch

from datamodules.synthetic.phonemes import PHONEMES
from datamodules.synthetic.speech import Sound, Utterance, draw_utterance
from datamodules.synthetic.voice import RATE, Voice, draw_voice, speak
from models.audio.mel import MelSpectrogram


def voice(seed: int = 0, low: float = 0.7) -> Voice:
    return draw_voice(np.random.default_rng(seed), low)


def said(seed: int = 0, seconds: float = 4.0) -> tuple[Utterance, Voice, np.ndarray]:
    rng = np.random.default_rng(seed)
    utterance, by = draw_utterance(rng, seconds), voice(seed)
    return utterance, by, speak(utterance, by, rng)


def held(symbol: str, by: Voice, seconds: float = 0.5) -> np.ndarray:
    """The middle of one long sound."""
    sounds = (Sound(PHONEMES["SIL"], 0, 0.2), Sound(PHONEMES[symbol], 0.2, 0.2 + seconds, 1, 0, 0))
    whole = Utterance((*sounds, Sound(PHONEMES["SIL"], 0.2 + seconds, 0.4 + seconds)), 0.4 + seconds)
    sound = speak(whole, by, np.random.default_rng(0))
    return sound[int(0.3 * RATE) : int((0.1 + seconds) * RATE)]


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return np.fft.rfftfreq(len(sound), 1 / RATE), power


def periodicity(sound: np.ndarray) -> tuple[float, float]:
    """Pitch in Hz and the height of the autocorrelation there."""
    centred = sound - sound.mean()
    size = 2 * len(centred)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: len(centred)]
    low, high = RATE // 400, RATE // 60
    lag = low + int(correlation[low:high].argmax())
    return RATE / lag, float(correlation[lag] / correlation[0])


def test_sound_is_clean_and_fast() -> None:
    said(0)  # compiles
    start = time.perf_counter()
    for seed in range(8):
        _, _, sound = said(seed)
        assert sound.dtype == np.float32 and sound.shape == (4 * RATE,)
        assert np.isfinite(sound).all() and np.abs(sound).max() <= 0.95 + 1e-6
        assert abs(float(sound.mean())) < 1e-4
        assert 0.02 < np.sqrt(np.mean(sound**2)) < 0.2
    assert (time.perf_counter() - start) / 8 < 0.3


def test_phrases_are_heard_and_pauses_are_not() -> None:
    for seed in range(8):
        utterance, _, sound = said(seed)
        level = np.sqrt(np.mean(sound.reshape(-1, 320) ** 2, axis=1))
        at = (np.arange(len(level)) + 0.5) * 0.02
        spoken = np.zeros(len(at), bool)
        for start, end in utterance.phrases():
            spoken |= (at > start) & (at < end)
        active = 20 * np.log10(level / level.max() + 1e-9) > -35  # an energy detector
        assert (active == spoken).mean() > 0.8  # stops are silent
        assert not active[(at < utterance.phrases()[0][0] - 0.03)].any()


def test_voices_have_their_pitch() -> None:
    for low in (0.0, 0.5, 1.0):
        by = voice(1, low)
        pitch, height = periodicity(held("AX", by)[:4000])
        assert height > 0.5
        assert abs(12 * np.log2(pitch / by.pitch)) < 5
    assert voice(1, 0.0).pitch > 1.6 * voice(1, 1.0).pitch
    assert voice(1, 0.0).tract > voice(1, 1.0).tract + 0.08


@pytest.mark.parametrize("symbol", ["IY", "AA", "UW", "EH"])
def test_formants_are_where_they_belong(symbol: str) -> None:
    by = voice(2, 0.9)
    hertz, power = spectrum(held(symbol, by, 0.8))
    for number, (low, high) in enumerate([(200, 1000), (700, 2700)]):
        wanted = PHONEMES[symbol].formants[number] * by.tract
        near = (hertz > max(wanted - 250, low)) & (hertz < min(wanted + 250, high))
        far = (hertz > wanted + 400) & (hertz < wanted + 600)
        assert power[near].mean() > power[far].mean()


def test_fricatives_hiss_and_vowels_do_not() -> None:
    by = voice(0)
    share = {}
    for symbol in ("S", "SH", "F", "AA", "M"):
        hertz, power = spectrum(held(symbol, by))
        share[symbol] = power[hertz > 3500].sum() / power.sum()
    assert share["S"] > 0.8 and share["S"] > share["SH"] > 0.05
    assert share["AA"] < 0.05 and share["M"] < 0.05
    assert periodicity(held("S", by))[1] < 0.3 < periodicity(held("AA", by))[1]


def test_a_stop_is_silence_and_a_burst() -> None:
    sounds = [("SIL", 0.2), ("AA", 0.2), ("P", 0.12), ("AA", 0.2), ("SIL", 0.2)]
    ends = np.cumsum([seconds for _, seconds in sounds])
    pieces = [
        Sound(PHONEMES[symbol], end - seconds, end, 1, 0, 0)
        for (symbol, seconds), end in zip(sounds, ends, strict=True)
    ]
    sound = speak(Utterance(tuple(pieces), float(ends[-1])), voice(0), np.random.default_rng(0))

    def level(start: float, end: float) -> float:
        return float(np.sqrt(np.mean(sound[int(start * RATE) : int(end * RATE)] ** 2)))

    closed, vowel = level(0.43, 0.46), level(0.25, 0.35)
    assert closed < 0.12 * vowel
    assert level(0.475, 0.49) > 3 * closed


def test_the_mel_tells_visemes_apart() -> None:
    by = voice(0)
    mel = MelSpectrogram()
    columns = {
        symbol: mel(torch.from_numpy(held(symbol, by))[None])[0, :, 4:-4].mean(1)
        for symbol in ("AA", "IY", "UW", "S", "SH", "M", "F")
    }
    again = mel(torch.from_numpy(held("AA", by, 0.6))[None])[0, :, 4:-4].mean(1)
    same = float((again - columns["AA"]).abs().mean())
    names = list(columns)
    for place, one in enumerate(names):
        for two in names[:place]:
            assert float((columns[one] - columns[two]).abs().mean()) > 4 * same, (one, two)


def test_the_seed_decides() -> None:
    assert np.array_equal(said(5)[2], said(5)[2])
    assert not np.array_equal(said(5)[2], said(6)[2])
    assert voice(1) == voice(1) != voice(2)
