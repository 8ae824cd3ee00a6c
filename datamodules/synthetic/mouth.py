"""What the mouth does, as seven numbers over time: visemes blended by dominance functions (Cohen and Massaro, 1993).

Each sound pulls every number to its own target, strongest in its middle and fading before and after; the path is the
mean of the targets, weighted by their pull. A sound that does not care for a number (the lips' rounding during "t")
pulls weakly there, and takes the shape of its neighbours.
"""

import numpy as np

from datamodules.synthetic.phonemes import VISEMES
from datamodules.synthetic.speech import Sound, Utterance

# jaw: lowered; press: lips pressed together; round, spread: lips; tuck: lower lip under the upper teeth;
# teeth: lips drawn off the teeth; tongue: tip at or between the teeth. All in [0, 1].
NUMBERS = ("jaw", "press", "round", "spread", "tuck", "teeth", "tongue")
JAW, PRESS, ROUND, SPREAD, TUCK, TEETH, TONGUE = range(len(NUMBERS))

_TARGETS = {
    "sil": (0.02, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0),
    "PP": (0.06, 1.0, 0.05, 0.0, 0.0, 0.0, 0.0),
    "FF": (0.12, 0.0, 0.0, 0.1, 1.0, 0.2, 0.0),
    "TH": (0.20, 0.0, 0.0, 0.1, 0.0, 0.3, 1.0),
    "DD": (0.16, 0.0, 0.0, 0.15, 0.0, 0.25, 0.55),
    "kk": (0.24, 0.0, 0.0, 0.15, 0.0, 0.2, 0.0),
    "CH": (0.13, 0.0, 0.65, 0.0, 0.0, 0.6, 0.1),
    "SS": (0.08, 0.0, 0.0, 0.45, 0.0, 0.55, 0.15),
    "nn": (0.18, 0.0, 0.0, 0.15, 0.0, 0.2, 0.65),
    "RR": (0.22, 0.0, 0.45, 0.0, 0.0, 0.25, 0.1),
    "aa": (0.80, 0.0, 0.0, 0.2, 0.0, 0.25, 0.0),
    "E": (0.48, 0.0, 0.0, 0.45, 0.0, 0.3, 0.0),
    "ih": (0.27, 0.0, 0.0, 0.7, 0.0, 0.35, 0.0),
    "oh": (0.55, 0.0, 0.65, 0.0, 0.0, 0.05, 0.0),
    "ou": (0.20, 0.0, 1.0, 0.0, 0.0, 0.1, 0.0),
}
# How strongly a sound pulls where that is not 1
_PULLS: dict[str, dict[int, float]] = {
    "sil": {ROUND: 0.6, SPREAD: 0.6},
    "PP": {JAW: 2.5, PRESS: 9.0, ROUND: 0.4, SPREAD: 0.4, TUCK: 3.0, TEETH: 3.0},
    "FF": {JAW: 2.0, PRESS: 3.0, ROUND: 0.4, SPREAD: 0.5, TUCK: 8.0, TEETH: 2.0},
    "TH": {JAW: 0.9, ROUND: 0.3, SPREAD: 0.4, TONGUE: 8.0},
    "DD": {JAW: 0.8, ROUND: 0.25, SPREAD: 0.3, TONGUE: 4.0},
    "kk": {JAW: 0.6, ROUND: 0.2, SPREAD: 0.25},
    "CH": {JAW: 2.0, ROUND: 2.0, TEETH: 2.0},
    "SS": {JAW: 3.0, ROUND: 0.35, SPREAD: 0.8, TEETH: 2.0},
    "nn": {JAW: 0.7, ROUND: 0.25, SPREAD: 0.3, TONGUE: 4.0},
    "RR": {ROUND: 1.3},
    "aa": {JAW: 2.2, SPREAD: 1.2},
    "E": {JAW: 1.6, SPREAD: 1.5},
    "ih": {JAW: 1.4, SPREAD: 2.2},
    "oh": {JAW: 1.8, ROUND: 3.0, SPREAD: 2.0},
    "ou": {JAW: 1.6, ROUND: 4.0, SPREAD: 2.5},
}
# Seconds in which the pull fades before and after a sound; rounding begins early
_BEFORE = np.array([0.050, 0.022, 0.110, 0.060, 0.030, 0.045, 0.030])
_AFTER = np.array([0.050, 0.022, 0.065, 0.060, 0.030, 0.045, 0.030])
_WIDEST = 0.6  # jawOpen of the widest vowel: what is beyond is for yawning
_HALVES = 2  # a diphthong is two shapes


def follow(utterance: Utterance, times: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """The mouth (T, 7) at times in seconds; `strength` scales all that speakers make more or less of."""
    parts = [part for sound in utterance.sounds for part in _parts(sound)]
    begins, ends = (np.array([part[place] for part in parts])[None, :, None] for place in (0, 1))
    targets, pulls = (np.array([part[place] for part in parts]) for place in (2, 3))
    core = (ends - begins) / 4  # around its middle a sound pulls with all its strength
    middles, now = (begins + ends) / 2, times[:, None, None]
    distance = np.where(now < middles, (middles - core - now) / _BEFORE, (now - middles - core) / _AFTER)
    weights = pulls * np.exp(-np.clip(distance, 0, 30)) + 1e-9
    path = (weights * targets).sum(1) / weights.sum(1)
    path *= np.where(np.isin(np.arange(len(NUMBERS)), (PRESS, TUCK, TONGUE)), 1.0, strength)
    return _shut(np.clip(path, 0, 1), utterance, times)


def visemes(utterance: Utterance, times: np.ndarray) -> np.ndarray:
    """(T,) int64 index into `VISEMES` of the sound at each time."""
    numbers = np.array([VISEMES.index(sound.phoneme.viseme) for sound in utterance.sounds])
    return numbers[utterance.at(times)].astype(np.int64)


def nearest_visemes(path: np.ndarray) -> np.ndarray:
    """(T,) int64 index into `VISEMES` of the target nearest to each mouth (T, 7)."""
    targets = np.array([_TARGETS[name] for name in VISEMES])
    return np.square(path[:, None] - targets).sum(-1).argmin(1).astype(np.int64)


def _parts(sound: Sound) -> list[tuple[float, float, np.ndarray, np.ndarray]]:
    """Begin, end, targets and pulls of a sound; two of them for a diphthong. A vowel's jaw follows its F1."""
    name = sound.phoneme.viseme
    pulls = np.ones(len(NUMBERS))
    for number, pull in _PULLS.get(name, {}).items():
        pulls[number] = pull
    target = np.array(_TARGETS[name])
    if sound.phoneme.kind != "vowel":
        end = sound.closed_until if sound.phoneme.closes_lips and sound.phoneme.kind == "stop" else sound.end
        return [(sound.start, end, target, pulls)]
    pulls[[JAW, ROUND, SPREAD]] *= (0.8, 1.0, 1.25)[sound.stress]
    target[JAW] = _jaw(sound.phoneme.formants[0]) * (0.8, 1.0, 1.12)[sound.stress]
    if sound.phoneme.glide_to is None:
        return [(sound.start, sound.end, target, pulls)]
    middle = (sound.start + sound.end) / 2
    second = np.array(_TARGETS["ou" if sound.phoneme.glide_to[1] < 1400 else "ih"])
    second[JAW] = _jaw(sound.phoneme.glide_to[0])
    return [(sound.start, middle, target, pulls), (middle, sound.end, second, pulls / _HALVES)]


def _jaw(first_formant: float) -> float:
    """An open vowel's first formant is high."""
    return float(np.clip((first_formant - 230) / 560, 0.1, 1))


def _shut(path: np.ndarray, utterance: Utterance, times: np.ndarray) -> np.ndarray:
    """Lips meet in at least one frame of every p, b and m, however fast; the lower lip touches in every f and v."""
    for sound in utterance.sounds:
        lips = sound.phoneme.closes_lips
        if not lips and sound.phoneme.viseme != "FF":
            continue
        end = sound.closed_until if sound.phoneme.kind == "stop" else sound.end
        inside = np.flatnonzero((times >= sound.start) & (times <= end))
        if not len(inside):
            inside = np.array([np.abs(times - (sound.start + end) / 2).argmin()])
        path[inside, PRESS if lips else TUCK] = 1.0
        path[inside, JAW] = np.minimum(path[inside, JAW], 0.07 if lips else 0.16)
        if lips:
            path[inside, TUCK] = path[inside, TEETH] = 0
    return path


def expression(path: np.ndarray) -> dict[str, np.ndarray]:
    """Expression curves (T,) by name for a mouth (T, 7)."""
    jaw, press, rounded, spread, tuck, teeth, tongue = path.T
    free = 1 - press  # pressed lips do nothing else
    return {
        "jawOpen": _WIDEST * jaw,
        "mouthClose": press,
        "mouthPucker": rounded * (1 - 0.45 * np.clip(jaw / 0.55, 0, 1)) * (0.55 + 0.45 * free),
        "mouthFunnel": rounded * np.clip(jaw / 0.55, 0.2, 1) * 0.7 * free,
        "mouthStretch_L": 0.45 * spread * free,
        "mouthStretch_R": 0.45 * spread * free,
        "mouthRollLower": 0.55 * tuck,
        "mouthUpperUp_L": (0.30 * teeth + 0.30 * tuck) * free,
        "mouthUpperUp_R": (0.30 * teeth + 0.30 * tuck) * free,
        "mouthLowerDown_L": 0.50 * teeth * free,
        "mouthLowerDown_R": 0.50 * teeth * free,
        "tongueUp": tongue * free,
    }
