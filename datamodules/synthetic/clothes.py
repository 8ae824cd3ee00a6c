"""What the speaker wears: colours, a neckline and a pattern painted on the shoulders."""

from dataclasses import dataclass

import cv2
import numpy as np

PATTERNS = ("plain", "plain", "stripes", "check", "dots", "knit", "denim")
NECKLINES = ("crew", "vee", "shirt", "jacket", "polo", "hoodie")


@dataclass(frozen=True)
class Clothes:
    """Main and second colour (RGB), pattern, neckline, and a seed for folds."""

    colour: tuple[float, float, float]
    second: tuple[float, float, float]
    pattern: str
    neckline: str
    seed: int


def _cloth_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Mostly muted colours, black, white and grey at times."""
    muted = rng.random() < 0.4
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0, 0.12) if muted else rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.85)]]])
    red, green, blue = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Any pattern with any neckline."""
    return Clothes(
        colour=_cloth_colour(rng),
        second=_cloth_colour(rng),
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
        neckline=NECKLINES[rng.integers(len(NECKLINES))],
        seed=int(rng.integers(2**31)),
    )
