"""How head and face move while somebody speaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.synthetic import mouth
from datamodules.synthetic.eyes import look, rotations
from datamodules.synthetic.speech import Accent
from datamodules.synthetic.style import Style

MOST_TURNED = np.array([0.28, 0.46, 0.19])  # radians of pitch, yaw, roll; approached, never passed
_NECK = np.array([0.0, -1.0, -0.2])  # decimetres: what the head turns about
_NOD_LATE = 0.06  # seconds from the middle of an accented vowel to the lowest point of the nod
_NOD_DOWN, _NOD_UP = 0.11, 0.20  # seconds


@dataclass(frozen=True)
class Motion:
    """expression: curves (T,) by name, in [0, 1]; rotation, translation: (T, 3); gaze: (T, 4), see `Coefficients`."""

    expression: dict[str, np.ndarray]
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray
    blinks: tuple[float, ...]


def move(
    rng: np.random.Generator,
    style: Style,
    times: np.ndarray,
    path: np.ndarray,
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
) -> Motion:
    """The motion that goes with speech.

    Args:
        rng: all that differs between two clips of the same speaker.
        style: of the speaker.
        times: (T,) seconds of the frames.
        path: (T, 7) the mouth.
        accents: the head beats and the brows rise on them.
        phrases: start and end in seconds; the head settles anew with each.
    """
    rotation = _head(rng, style, times, accents, phrases)
    turned = rotations(rotation)
    drift = 0.03 * _wander(rng, times, style.tempo)
    translation = np.array(style.place) + _NECK - turned @ _NECK + drift
    eyes = look(rng, times, rotation, translation, style.blink_seconds, style.looks_away)
    curves = {**mouth.expression(path), **eyes.lids}
    for added in (_brows(rng, style, times, accents), _smile(rng, style, times, path)):
        for name, curve in added.items():
            curves[name] = curves.get(name, 0.0) + curve
    sides = {name: 1 + style.crooked * (name.endswith("_L") - name.endswith("_R")) for name in curves}
    crooked = {name: curve * (1 if "Blink" in name else sides[name]) for name, curve in curves.items()}
    return Motion(
        {name: np.clip(curve, 0, 1) for name, curve in crooked.items()}, rotation, translation, eyes.gaze, eyes.blinks
    )


def expression_array(
    curves: Mapping[str, np.ndarray], names: Sequence[str], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """(T, n) float32 within the limits (n,) of a face model, zero for what the curves do not name.

    Raises:
        KeyError: a curve that the model has no direction for.
    """
    place = {name: index for index, name in enumerate(names) if name}
    missing = sorted(set(curves) - set(place))
    if missing:
        raise KeyError(f"the face model cannot do {', '.join(missing)}")
    array = np.zeros((len(next(iter(curves.values()))), len(names)))
    for name, curve in curves.items():
        array[:, place[name]] = curve
    return np.clip(array, low, high).astype(np.float32)


def _head(
    rng: np.random.Generator,
    style: Style,
    times: np.ndarray,
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
) -> np.ndarray:
    """(T, 3) posture, slow wander, a new place with each phrase, and a beat on each accent."""
    sway = np.array(style.sway)
    angles = np.array(style.posture) + sway * _wander(rng, times, style.tempo)
    for start, _ in phrases[1:]:
        step = np.clip((times - start + 0.25) / 0.6, 0, 1)
        angles += (step * step * (3 - 2 * step))[:, None] * sway * rng.normal(0, 0.6, 3)
    for accent in accents:
        size = accent.strength * rng.uniform(0.6, 1.3) * np.array([1.0, rng.choice([-1, 1]), rng.choice([-1, 1])])
        angles += nod(times - accent.time)[:, None] * size * np.array(style.nod)
    return MOST_TURNED * np.tanh(angles / MOST_TURNED)


def nod(after: np.ndarray) -> np.ndarray:
    """Course of a beat at seconds after its accent: down quickly, up slowly; 1 at its lowest point."""
    late = after - _NOD_LATE
    return np.exp(-((late / np.where(late < 0, _NOD_DOWN, _NOD_UP)) ** 2))


def _wander(rng: np.random.Generator, times: np.ndarray, tempo: float) -> np.ndarray:
    """(T, 3) smooth random paths of standard deviation 1: waves of uneven length."""
    share = np.array([0.5, 1.0, 1.7, 2.6])
    hertz = tempo * share * rng.uniform(0.8, 1.25, (3, 4))
    phases = rng.uniform(0, 2 * np.pi, (3, 4))
    waves = np.sin(2 * np.pi * hertz * times[:, None, None] + phases) * share**-0.8
    return waves.sum(-1) / np.sqrt(np.square(share**-0.8).sum() / 2)


def _brows(
    rng: np.random.Generator, style: Style, times: np.ndarray, accents: Sequence[Accent]
) -> dict[str, np.ndarray]:
    """Raised on some accents, and now and then for longer; a little lowered in between by some speakers."""
    raised = 0.12 * style.brows * np.clip(_wander(rng, times, 0.3)[:, 0], 0, None)
    for accent in accents:
        if rng.random() < (0.25 + 0.5 * style.brows) * accent.strength:
            height = (0.25 + 0.55 * style.brows) * rng.uniform(0.6, 1.2)
            raised = np.maximum(raised, height * np.exp(-(((times - accent.time) / 0.2) ** 2)))
    lowered = 0.2 * np.clip(_wander(rng, times, 0.25)[:, 0], 0, None) * (1 - np.clip(2 * raised, 0, 1))
    return {
        "browInnerUp": raised,
        "browOuterUp_L": 0.7 * raised,
        "browOuterUp_R": 0.7 * raised,
        "browDown_L": lowered,
        "browDown_R": lowered,
    }


def _smile(rng: np.random.Generator, style: Style, times: np.ndarray, path: np.ndarray) -> dict[str, np.ndarray]:
    """A mood that comes and goes, less while the lips are rounded; it reaches the lower lids."""
    mood = 0.55 * style.mood * (1 + 0.5 * _wander(rng, times, 0.2)[:, 0]) + rng.uniform(0, 0.08)
    smile = np.clip(mood, 0, 0.6) * (1 - 0.75 * path[:, mouth.ROUND]) + 0.16 * path[:, mouth.SPREAD]
    squint = 0.5 * np.clip(mood, 0, 0.6)
    return {"mouthSmile_L": smile, "mouthSmile_R": smile, "eyeSquint_L": squint, "eyeSquint_R": squint}
