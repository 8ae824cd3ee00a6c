"""What stands out of the smooth face, as depth over the frontal view: nose, sockets, cheeks, chin."""

import numpy as np

from models.face3d.procedural.curves import bump, spline, step
from models.face3d.procedural.skull import depth

# y, z of the line down the middle of the nose
_RIDGE = np.array(
    [
        (-0.22, 1.160), (-0.16, 1.148), (-0.125, 1.152), (-0.105, 1.175), (-0.075, 1.242), (-0.035, 1.293),
        (0.015, 1.313),
        (0.06, 1.298), (0.12, 1.258), (0.20, 1.198), (0.28, 1.136), (0.35, 1.085), (0.42, 1.064), (0.50, 1.072),
        (0.60, 1.078),
    ]
)  # fmt: skip
_WIDTH = np.array(
    [
        (-0.14, 0.085),
        (-0.05, 0.094),
        (0.01, 0.101),
        (0.08, 0.094),
        (0.16, 0.086),
        (0.24, 0.084),
        (0.35, 0.078),
        (0.50, 0.10),
    ]
)


def relief(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Added depth (M,) at x >= 0, y (M,)."""
    middle = depth(np.zeros_like(y), y)
    height = spline(_RIDGE[:, 0], _RIDGE[:, 1], y) - middle
    height = height * step(-0.20, -0.12, y) * step(0.60, 0.48, y)
    width = spline(_WIDTH[:, 0], _WIDTH[:, 1], y)
    nose = height * np.exp(-((x / width) ** (2.6 - 0.9 * step(0.0, 0.13, y))))  # a ridge that ends in a bulb
    from_wing = np.sqrt((x - 0.132) ** 2 + ((y + 0.052) / 1.05) ** 2)
    wing = 0.125 * np.exp(-((from_wing / 0.060) ** 2.4)) * step(-0.130, -0.100, y)
    crease = -0.020 * bump(from_wing, 0.098, 0.022) * step(0.12, 0.16, x) * step(-0.14, -0.10, y)
    nostril = -0.05 * bump(x, 0.068, 0.026) * bump(y, -0.092, 0.02)
    fold = -0.022 * bump(x - 0.45 * (-0.12 - y), 0.225, 0.03) * bump(y, -0.16, 0.10)
    philtrum = -0.012 * bump(x, 0.0, 0.022) * bump(y, -0.185, 0.045)
    philtrum = philtrum + 0.006 * bump(x, 0.05, 0.02) * bump(y, -0.19, 0.05)
    socket = -0.10 * bump(x, 0.165, 0.05) * bump(y, 0.365, 0.085) - 0.05 * bump(x, 0.34, 0.12) * bump(y, 0.455, 0.05)
    below = -0.035 * bump(x, 0.30, 0.12) * bump(y, 0.23, 0.05)
    brow = 0.028 * bump(x, 0.27, 0.17) * bump(y, 0.57, 0.06)
    cheek = 0.025 * bump(x, 0.46, 0.10) * bump(y, 0.09, 0.10)
    hollow = -0.02 * bump(x, 0.50, 0.10) * bump(y, -0.28, 0.12)
    furrow = -0.022 * bump(y, -0.520, 0.045) * bump(x, 0.0, 0.14)
    chin = 0.035 * bump(y, -0.645, 0.06) * bump(x, 0.0, 0.11)
    return nose + wing + crease + nostril + fold + philtrum + socket + below + brow + cheek + hollow + furrow + chin
