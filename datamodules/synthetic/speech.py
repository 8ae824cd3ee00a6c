"""Random sentences of an English-like language, as timed sounds with stress, phrases and pauses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.synthetic.phonemes import PHONEMES, Phoneme

LEAST_PAUSE = 0.12  # seconds of silence at both ends of an utterance

# Syllables: how often each onset, nucleus and coda begins, fills and ends one.
_ONSETS = {
    "": 8, "B": 5, "P": 4, "M": 6, "F": 4, "V": 2, "W": 5, "DH": 5, "TH": 2, "T": 5, "D": 5, "S": 5, "Z": 1, "N": 4,
    "L": 4, "R": 4, "SH": 3, "CH": 2, "JH": 2, "K": 4, "G": 3, "HH": 4, "Y": 2, "P L": 1, "B R": 1, "S T": 2, "T R": 1,
    "K L": 1, "S P": 1, "F R": 1, "G R": 1, "S K": 1, "K W": 1, "S M": 1, "TH R": 1,
}  # fmt: skip
_STRESSED = {
    "IY": 5, "IH": 5, "EH": 5, "AE": 5, "AA": 5, "AO": 3, "UH": 2, "UW": 4, "AH": 4, "ER": 2, "EY": 4, "AY": 4, "OW": 4,
    "AW": 2, "OY": 1,
}  # fmt: skip
_WEAK = {"AX": 6, "IH": 4, "IY": 2, "ER": 2, "AH": 1}
_CODAS = {
    "": 14, "N": 5, "T": 4, "S": 3, "Z": 3, "D": 3, "L": 3, "K": 2, "M": 3, "R": 2, "P": 2, "V": 2, "F": 1, "NG": 2,
    "SH": 1, "CH": 1, "B": 1, "TH": 1, "ZH": 1, "G": 1, "N D": 1, "S T": 1, "N T": 1, "M P": 1, "L D": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """One phoneme of an utterance.

    start, end: seconds; stress: 0 none, 1 stressed, 2 the accent of its phrase; syllable, phrase: numbers from 0, both
    -1 for a pause.
    """

    phoneme: Phoneme
    start: float
    end: float
    stress: int = 0
    syllable: int = -1
    phrase: int = -1

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.start

    @property
    def closed_until(self) -> float:
        """Where the closure of a stop or affricate ends and its noise begins; the start of other sounds."""
        share = {"stop": 0.62, "affricate": 0.4}.get(self.phoneme.kind, 0.0)
        return self.start + share * self.seconds


@dataclass(frozen=True)
class Accent:
    """A moment of emphasis: seconds of its middle, strength 0 to 1."""

    time: float
    strength: float


@dataclass(frozen=True)
class Utterance:
    """What is said: sounds that follow each other without gaps from 0 to `seconds`, pauses included."""

    sounds: tuple[Sound, ...]
    seconds: float

    def accents(self) -> tuple[Accent, ...]:
        """The stressed vowels, those that carry a phrase's accent with strength 1, the others 0.5."""
        vowels = [sound for sound in self.sounds if sound.phoneme.kind == "vowel" and sound.stress]
        return tuple(Accent((v.start + v.end) / 2, 1.0 if v.stress == 2 else 0.5) for v in vowels)

    def phrases(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each phrase in seconds."""
        numbers = sorted({sound.phrase for sound in self.sounds if sound.phrase >= 0})
        spans = [[sound for sound in self.sounds if sound.phrase == number] for number in numbers]
        return tuple((span[0].start, span[-1].end) for span in spans)

    def at(self, times: np.ndarray) -> np.ndarray:
        """(T,) number of the sound at each time in seconds."""
        starts = np.array([sound.start for sound in self.sounds])
        return np.clip(np.searchsorted(starts, times, "right") - 1, 0, len(self.sounds) - 1)


@dataclass(frozen=True)
class _Syllable:
    symbols: tuple[str, ...]
    stress: int


def draw_utterance(rng: np.random.Generator, seconds: float, rate: float = 1.0) -> Utterance:
    """A random utterance that fills `seconds`: phrases of three to eight words with pauses between them.

    Args:
        rng: all randomness.
        seconds: of the whole, at least 0.5.
        rate: speed; 1 is about four and a half syllables per second within phrases.
    """
    time = LEAST_PAUSE + rng.uniform(0, min(0.25, seconds / 10))
    sounds = [Sound(PHONEMES["SIL"], 0.0, time)]
    syllable = phrase = 0
    while True:
        room = seconds - LEAST_PAUSE - time
        said = list(_timed(_fitting(_draw_phrase(rng), room, rate, rng), time, syllable, phrase))
        if not said:
            break
        sounds += said
        syllable, phrase, time = said[-1].syllable + 1, phrase + 1, said[-1].end
        pause = rng.uniform(0.18, 0.55)
        if seconds - LEAST_PAUSE - time - pause < 0.5:
            break
        sounds.append(Sound(PHONEMES["SIL"], time, time + pause))
        time += pause
    if sounds[-1].phoneme.kind == "pause":
        time = sounds.pop().start
    return Utterance((*sounds, Sound(PHONEMES["SIL"], time, seconds)), seconds)


def _draw_phrase(rng: np.random.Generator) -> list[_Syllable]:
    """Syllables of a phrase; one of its stressed ones carries the accent."""
    syllables: list[_Syllable] = []
    for _ in range(rng.integers(3, 9)):
        length = rng.choice([1, 2, 3], p=[0.55, 0.33, 0.12])
        strong = rng.integers(length) if length > 1 or rng.random() < 0.65 else -1
        syllables += [_draw_syllable(rng, number == strong) for number in range(length)]
    stressed = [number for number, syllable in enumerate(syllables) if syllable.stress]
    if stressed:
        chosen = stressed[-1] if rng.random() < 0.5 else int(rng.choice(stressed))
        syllables[chosen] = _Syllable(syllables[chosen].symbols, 2)
    return syllables


def _draw_syllable(rng: np.random.Generator, stressed: bool) -> _Syllable:
    onset, coda = _pick(rng, _ONSETS), _pick(rng, _CODAS if stressed or rng.random() < 0.4 else {"": 1})
    symbols = [*onset.split(), _pick(rng, _STRESSED if stressed else _WEAK), *coda.split()]
    return _Syllable(tuple(symbols), int(stressed))


def _pick(rng: np.random.Generator, table: dict[str, int]) -> str:
    weights = np.array(list(table.values()), float)
    return list(table)[int(rng.choice(len(table), p=weights / weights.sum()))]


_Timed = tuple[str, float, int, int]  # symbol, seconds, stress, number of the syllable in its phrase


def _fitting(syllables: Sequence[_Syllable], room: float, rate: float, rng: np.random.Generator) -> list[_Timed]:
    """As many syllables as there is room for, with the duration of each sound."""
    timed: list[_Timed] = []
    total = 0.0
    for number, syllable in enumerate(syllables):
        new = [(symbol, _duration(symbol, syllable.stress, rng) / rate) for symbol in syllable.symbols]
        total += sum(seconds for _, seconds in new)
        if total > room:
            break
        timed += [(symbol, seconds, syllable.stress, number) for symbol, seconds in new]
    if timed and room > total + 0.2:  # the last syllable of a phrase is drawn out
        last = timed[-1][3]
        timed = [(s, seconds * (1.35 if n == last else 1), stress, n) for s, seconds, stress, n in timed]
    return timed


def _duration(symbol: str, stress: int, rng: np.random.Generator) -> float:
    phoneme = PHONEMES[symbol]
    by_stress = (0.85, 1.2, 1.4)[stress] if phoneme.kind == "vowel" else (0.9, 1.05, 1.1)[stress]
    return phoneme.seconds * by_stress * float(np.exp(rng.normal(0, 0.1)))


def _timed(timed: Sequence[_Timed], start: float, syllable: int, phrase: int) -> Iterator[Sound]:
    for symbol, seconds, stress, number in timed:
        yield Sound(PHONEMES[symbol], start, start + seconds, stress, syllable + number, phrase)
        start += seconds
