"""How a speaker moves: what stays the same in all their clips."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Style:
    """A speaker's habits. Angles in radians (pitch, yaw, roll), lengths in decimetres.

    articulation: how far the mouth moves, 1 is usual; crooked: how much more the left half of the face moves than the
    right; mood: smile at rest; brows: how far they rise with an accent, and how often (0 to 1);
    posture: of the head at rest; sway: standard deviation of its slow wander; tempo: of the wander in Hz;
    nod: turn of pitch, yaw and roll at a full accent; blink_seconds: mean time between blinks;
    looks_away: share of fixations that are not on the camera; place: of the head (x, y, z), which frames it about
    as the crops of VoxCeleb do.
    """

    articulation: float
    crooked: float
    mood: float
    brows: float
    posture: tuple[float, float, float]
    sway: tuple[float, float, float]
    tempo: float
    nod: tuple[float, float, float]
    blink_seconds: float
    looks_away: float
    place: tuple[float, float, float]


def draw_style(rng: np.random.Generator) -> Style:
    """A random style; some speakers hardly move, others a lot."""
    lively = float(rng.beta(1.6, 1.8))
    sway = np.array([0.018, 0.03, 0.014]) + lively * np.array([0.05, 0.11, 0.045]) * rng.uniform(0.6, 1.2, 3)
    return Style(
        articulation=float(rng.uniform(0.78, 1.18)),
        crooked=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        mood=float(rng.beta(1.2, 3.0)),
        brows=float(rng.beta(1.5, 1.5)),
        posture=_triple(rng.normal(0, [0.05, 0.10, 0.04])),
        sway=_triple(sway),
        tempo=float(rng.uniform(0.25, 0.55)),
        nod=_triple([rng.uniform(0.02, 0.05) + 0.08 * lively, rng.normal(0, 0.03), rng.normal(0, 0.02)]),
        blink_seconds=float(rng.uniform(2.4, 4.8)),
        looks_away=float(rng.uniform(0.1, 0.4)),
        place=_triple([rng.normal(0, 0.05), rng.normal(0.02, 0.05), rng.uniform(-3.6, -2.4)]),
    )


def _triple(values: np.ndarray | list[float]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
