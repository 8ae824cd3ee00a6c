"""What people differ in: 40 smooth fields.

Each takes points (M, 3) of the resting head and gives their movement (M, 3) for one standard deviation.
"""

from collections.abc import Callable

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.curves import bump, step

EYES = np.array([a.EYE_CENTRE]) * [[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]  # the subject's right one first
Field = Callable[[np.ndarray], np.ndarray]


def _field(
    dx: np.ndarray | float = 0.0, dy: np.ndarray | float = 0.0, dz: np.ndarray | float = 0.0, *, like: np.ndarray
) -> np.ndarray:
    return np.stack([np.broadcast_to(v, like.shape[:1]) for v in (dx, dy, dz)], axis=1).astype(float)


def _face(p: np.ndarray) -> np.ndarray:
    """1 on the face, 0 at the back of the head and on the neck's lower part."""
    return step(0.0, 0.6, p[:, 2]) * step(-1.15, -0.85, p[:, 1])


def on_head(p: np.ndarray) -> np.ndarray:
    """1 on the head, 0 from the lower neck on."""
    return step(-1.30, -0.75, p[:, 1])


def head_width(p: np.ndarray) -> np.ndarray:
    """The whole head is wider."""
    return _field(0.032 * p[:, 0] * on_head(p), like=p)


def head_height(p: np.ndarray) -> np.ndarray:
    """The whole head is higher."""
    return _field(0, 0.030 * p[:, 1] * on_head(p), like=p)


def head_depth(p: np.ndarray) -> np.ndarray:
    """The back of the head reaches farther back."""
    return _field(0, 0, 0.035 * (p[:, 2] - 0.3) * step(0.4, -0.4, p[:, 2]) * on_head(p), like=p)


def jaw_width(p: np.ndarray) -> np.ndarray:
    """The jaw is wider."""
    return _field(0.040 * p[:, 0] * bump(p[:, 1], -0.50, 0.22) * step(-0.1, 0.3, p[:, 2]), like=p)


def chin_length(p: np.ndarray) -> np.ndarray:
    """The chin reaches lower."""
    return _field(0, -0.036 * step(-0.40, -0.75, p[:, 1]) * step(0.3, 0.8, p[:, 2]), like=p)


def chin_forward(p: np.ndarray) -> np.ndarray:
    """The chin stands forward."""
    return _field(0, 0, 0.038 * bump(p[:, 1], -0.68, 0.13) * bump(p[:, 0], 0, 0.28) * _face(p), like=p)


def chin_width(p: np.ndarray) -> np.ndarray:
    """The chin is broader."""
    return _field(0.08 * p[:, 0] * bump(p[:, 1], -0.70, 0.12) * bump(p[:, 0], 0, 0.3) * _face(p), like=p)


def cheekbones(p: np.ndarray) -> np.ndarray:
    """The cheekbones stand out."""
    strength = bump(p[:, 1], 0.10, 0.14) * bump(np.abs(p[:, 0]), 0.52, 0.15) * _face(p)
    return _field(0.020 * np.tanh(p[:, 0] / 0.02) * strength, 0, 0.018 * strength, like=p)


def cheek_fullness(p: np.ndarray) -> np.ndarray:
    """The cheeks are fuller."""
    strength = bump(p[:, 1], -0.26, 0.17) * bump(np.abs(p[:, 0]), 0.48, 0.14) * _face(p)
    return _field(0.024 * np.tanh(p[:, 0] / 0.02) * strength, 0, 0.024 * strength, like=p)


def nose_length(p: np.ndarray) -> np.ndarray:
    """The nose is longer."""
    return _field(0, -0.026 * bump(p[:, 1], -0.06, 0.14) * bump(p[:, 0], 0, 0.17) * _face(p), like=p)


def nose_width(p: np.ndarray) -> np.ndarray:
    """The wings of the nose are wider."""
    return _field(0.115 * p[:, 0] * bump(p[:, 1], -0.05, 0.09) * bump(p[:, 0], 0, 0.20) * _face(p), like=p)


def nose_bridge(p: np.ndarray) -> np.ndarray:
    """The bridge of the nose is higher."""
    return _field(0, 0, 0.028 * bump(p[:, 1], 0.24, 0.11) * bump(p[:, 0], 0, 0.08) * _face(p), like=p)


def nose_forward(p: np.ndarray) -> np.ndarray:
    """The nose stands out."""
    return _field(0, 0, 0.038 * bump(p[:, 1], 0.0, 0.12) * bump(p[:, 0], 0, 0.12) * _face(p), like=p)


def nose_tip(p: np.ndarray) -> np.ndarray:
    """The tip of the nose points up."""
    return _field(0, 0.026 * bump(p[:, 1], 0.0, 0.07) * bump(p[:, 0], 0, 0.09) * step(1.08, 1.22, p[:, 2]), like=p)


def nose_bridge_width(p: np.ndarray) -> np.ndarray:
    """The bridge of the nose is wider."""
    return _field(0.12 * p[:, 0] * bump(p[:, 1], 0.2, 0.12) * bump(p[:, 0], 0, 0.14) * _face(p), like=p)


def eye_spacing(p: np.ndarray) -> np.ndarray:
    """The eyes are farther apart."""
    strength = bump(p[:, 1], 0.40, 0.24) * bump(np.abs(p[:, 0]), 0.32, 0.18) * _face(p)
    return _field(0.016 * np.tanh(p[:, 0] / 0.1) * strength, like=p)


def eye_height(p: np.ndarray) -> np.ndarray:
    """The eyes sit higher."""
    return _field(0, 0.018 * bump(p[:, 1], 0.40, 0.24) * _face(p), like=p)


def eye_depth(p: np.ndarray) -> np.ndarray:
    """The eyes lie deeper."""
    return _field(0, 0, -0.020 * bump(p[:, 1], 0.36, 0.12) * bump(np.abs(p[:, 0]), 0.30, 0.15) * _face(p), like=p)


def brow_height(p: np.ndarray) -> np.ndarray:
    """The brows sit higher."""
    return _field(0, 0.024 * bump(p[:, 1], 0.60, 0.09) * bump(p[:, 0], 0, 0.5) * _face(p), like=p)


def brow_tilt(p: np.ndarray) -> np.ndarray:
    """The outer ends of the brows rise."""
    return _field(
        0,
        0.018 * np.tanh((np.abs(p[:, 0]) - 0.35) / 0.2) * bump(p[:, 1], 0.60, 0.09) * bump(p[:, 0], 0, 0.5) * _face(p),
        like=p,
    )


def brow_ridge(p: np.ndarray) -> np.ndarray:
    """The ridge above the eyes stands out."""
    return _field(0, 0, 0.024 * bump(p[:, 1], 0.56, 0.07) * bump(p[:, 0], 0, 0.35) * _face(p), like=p)


def lip_upper(p: np.ndarray) -> np.ndarray:
    """The upper lip is thicker."""
    return _field(
        0,
        0.018 * bump(p[:, 1], -0.250, 0.032) * bump(p[:, 0], 0, 0.16) * _face(p),
        0.012 * bump(p[:, 1], -0.29, 0.035) * bump(p[:, 0], 0, 0.16) * _face(p),
        like=p,
    )


def lip_lower(p: np.ndarray) -> np.ndarray:
    """The lower lip is thicker."""
    return _field(
        0,
        -0.018 * bump(p[:, 1], -0.440, 0.036) * bump(p[:, 0], 0, 0.16) * _face(p),
        0.012 * bump(p[:, 1], -0.40, 0.035) * bump(p[:, 0], 0, 0.16) * _face(p),
        like=p,
    )


def mouth_width(p: np.ndarray) -> np.ndarray:
    """The mouth is wider."""
    return _field(
        0.075 * p[:, 0] * bump(p[:, 1], -0.345, 0.12) * bump(p[:, 0], 0, 0.30) * step(0.75, 0.95, p[:, 2]), like=p
    )


def mouth_height(p: np.ndarray) -> np.ndarray:
    """The mouth sits higher."""
    return _field(0, 0.018 * bump(p[:, 1], -0.345, 0.17) * step(0.35, 0.7, p[:, 2]) * bump(p[:, 0], 0, 0.35), like=p)


def mouth_forward(p: np.ndarray) -> np.ndarray:
    """The mouth stands forward."""
    return _field(0, 0, 0.020 * bump(p[:, 1], -0.345, 0.15) * bump(p[:, 0], 0, 0.26) * step(0.3, 0.7, p[:, 2]), like=p)


def mouth_corners(p: np.ndarray) -> np.ndarray:
    """The corners of the mouth are raised."""
    return _field(0, 0.012 * bump(p[:, 1], -0.345, 0.10) * bump(np.abs(p[:, 0]), 0.27, 0.09) * _face(p), like=p)


def forehead_slope(p: np.ndarray) -> np.ndarray:
    """The forehead stands forward."""
    return _field(0, 0, 0.035 * bump(p[:, 1], 0.95, 0.25) * step(0.2, 0.7, p[:, 2]), like=p)


def forehead_height(p: np.ndarray) -> np.ndarray:
    """The forehead is higher."""
    return _field(0, 0.036 * step(0.55, 1.2, p[:, 1]), like=p)


def temples(p: np.ndarray) -> np.ndarray:
    """The temples are wider."""
    strength = bump(p[:, 1], 0.65, 0.22) * bump(p[:, 2], 0.4, 0.3) * step(0.4, 0.65, np.abs(p[:, 0]))
    return _field(0.026 * np.tanh(p[:, 0] / 0.02) * strength, like=p)


def ear_size(p: np.ndarray) -> np.ndarray:
    """The ears are larger: they move as pieces, see `identity.identities`."""
    return np.zeros_like(p)  # moved as a piece, see `ears`


def ear_out(p: np.ndarray) -> np.ndarray:
    """The ears stand off: they move as pieces, see `identity.identities`."""
    return np.zeros_like(p)


def neck_width(p: np.ndarray) -> np.ndarray:
    """The neck is thicker."""
    strength = step(-0.62, -0.95, p[:, 1]) * step(-1.55, -1.30, p[:, 1])
    return _field(0.055 * p[:, 0] * strength, 0, 0.04 * (p[:, 2] - 0.0) * strength, like=p)


def under_chin(p: np.ndarray) -> np.ndarray:
    """The chin is soft from below."""
    return _field(
        0,
        -0.040 * bump(p[:, 1], -0.85, 0.09) * step(0.1, 0.5, p[:, 2]),
        0.03 * bump(p[:, 1], -0.90, 0.10) * step(0.1, 0.5, p[:, 2]),
        like=p,
    )


def gonion(p: np.ndarray) -> np.ndarray:
    """The corners of the jaw stand out."""
    strength = bump(p[:, 1], -0.42, 0.12) * bump(np.abs(p[:, 0]), 0.62, 0.14) * bump(p[:, 2], 0.35, 0.3)
    return _field(0.016 * np.tanh(p[:, 0] / 0.02) * strength, -0.014 * strength, like=p)


def sag(p: np.ndarray) -> np.ndarray:
    """Jowls hang and folds beside the nose are deeper, as with age."""
    jowl = bump(p[:, 1], -0.55, 0.12) * bump(np.abs(p[:, 0]), 0.42, 0.12) * _face(p)
    fold = bump(p[:, 1], -0.20, 0.13) * bump(np.abs(p[:, 0]) - 0.5 * (-0.12 - p[:, 1]), 0.24, 0.035) * _face(p)
    return _field(0.012 * np.tanh(p[:, 0] / 0.02) * jowl, -0.022 * jowl, 0.012 * jowl - 0.014 * fold, like=p)


def shoulders(p: np.ndarray) -> np.ndarray:
    """The shoulders are broader."""
    return _field(
        0.06 * p[:, 0] * step(-1.15, -1.5, p[:, 1]),
        -0.03 * step(0.8, 1.8, np.abs(p[:, 0])) * step(-1.2, -1.5, p[:, 1]),
        like=p,
    )


def long_face(p: np.ndarray) -> np.ndarray:
    """The face is longer and narrower."""
    return _field(-0.014 * p[:, 0] * _face(p), 0.022 * (p[:, 1] - 0.2) * _face(p), like=p)


def eye_size(p: np.ndarray) -> np.ndarray:
    """Eyes and lids grow around their centres."""
    return _about_eyes(p, np.diag([0.04, 0.05, 0.04]))


def eye_tilt(p: np.ndarray) -> np.ndarray:
    """The outer corners rise."""
    return _about_eyes(p, np.array([[0, -0.055, 0], [0.055, 0, 0], [0, 0, 0]]))


def _about_eyes(p: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A linear map about each eye's centre, fading within three lid radii; mirrored for the right eye."""
    total = np.zeros_like(p)
    for sign, centre in zip((-1.0, 1.0), EYES):
        local = (p - centre) * [sign, 1, 1]
        fade = np.exp(-((np.sqrt((local**2).sum(1)) / 0.26) ** 4))
        total += fade[:, None] * (local @ matrix.T) * [sign, 1, 1]
    return total


MEANINGS: tuple[Field, ...] = (
    head_width, head_height, long_face, head_depth, jaw_width, chin_length, chin_forward, chin_width, cheekbones,
    cheek_fullness, nose_length, nose_width, nose_bridge, nose_forward, nose_tip, nose_bridge_width, eye_size,
    eye_spacing, eye_height, eye_tilt, eye_depth, brow_height, brow_tilt, brow_ridge, lip_upper, lip_lower,
    mouth_width, mouth_height, mouth_forward, mouth_corners, forehead_slope, forehead_height, temples, ear_size,
    ear_out, neck_width, under_chin, gonion, sag, shoulders,
)  # fmt: skip
