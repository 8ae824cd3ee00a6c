import itertools
from collections import Counter

import numpy as np
import pytest

from datamodules.synthetic.phonemes import PHONEMES, VISEMES
from datamodules.synthetic.speech import LEAST_PAUSE, Utterance, draw_utterance


def draw(seed: int, seconds: float = 4.0) -> Utterance:
    return draw_utterance(np.random.default_rng(seed), seconds)


@pytest.mark.parametrize("seconds", [1.0, 2.0, 4.0, 8.0])
def test_sounds_fill_the_time_without_gaps(seconds: float) -> None:
    for seed in range(20):
        sounds = draw(seed, seconds).sounds
        assert sounds[0].start == 0 and sounds[-1].end == seconds
        assert all(one.end == two.start for one, two in itertools.pairwise(sounds))
        assert all(0.02 < sound.seconds < 0.8 for sound in sounds if sound.phoneme.kind != "pause")
        assert sounds[0].seconds >= LEAST_PAUSE and sounds[-1].seconds >= LEAST_PAUSE - 1e-9
        assert {sounds[0].phoneme.symbol, sounds[-1].phoneme.symbol} == {"SIL"}
        assert not any(one.phoneme is two.phoneme is PHONEMES["SIL"] for one, two in itertools.pairwise(sounds))


def test_speech_is_paced_like_speech() -> None:
    spoken, syllables, longest = 0.0, 0, 0.0
    for seed in range(40):
        utterance = draw(seed, 8.0)
        syllables += len({sound.syllable for sound in utterance.sounds}) - 1
        spans = utterance.phrases()
        spoken += sum(end - start for start, end in spans)
        longest = max(longest, *(end - start for start, end in spans))
    assert 3.5 < syllables / spoken < 6
    assert 0.6 < spoken / (40 * 8) < 0.95
    assert longest < 6


def test_every_viseme_and_phoneme_is_said() -> None:
    said = Counter(sound.phoneme.symbol for seed in range(150) for sound in draw(seed, 8.0).sounds)
    assert set(said) == set(PHONEMES)
    assert {PHONEMES[symbol].viseme for symbol in said} == set(VISEMES)
    lips = sum(count for symbol, count in said.items() if PHONEMES[symbol].closes_lips)
    assert 0.08 < lips / said.total() < 0.3


def test_stress_lies_on_vowels_and_each_long_phrase_has_an_accent() -> None:
    for seed in range(20):
        utterance = draw(seed, 8.0)
        accents = utterance.accents()
        assert accents and all(accent.strength in (0.5, 1.0) for accent in accents)
        for start, end in utterance.phrases():
            inside = [accent for accent in accents if start <= accent.time <= end]
            assert sum(accent.strength == 1.0 for accent in inside) <= 1
    assert sum(accent.strength == 1.0 for seed in range(20) for accent in draw(seed).accents()) > 20


def test_the_sound_at_a_time() -> None:
    utterance = draw(0)
    middles = np.array([(sound.start + sound.end) / 2 for sound in utterance.sounds])
    assert (utterance.at(middles) == np.arange(len(middles))).all()


def test_the_seed_decides() -> None:
    assert draw(3) == draw(3) and draw(3) != draw(4)
