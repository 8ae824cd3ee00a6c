"""The identity directions: 40 with a meaning, told as smooth fields over the resting head, then random smooth ones."""

from collections.abc import Callable

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.assembly import Head, head
from models.face3d.procedural.curves import bump, step

COUNT = 80
EYES = np.array([a.EYE_CENTRE]) * [[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]  # the subject's right one first
Field = Callable[[np.ndarray], np.ndarray]


def _field(
    dx: np.ndarray | float = 0.0, dy: np.ndarray | float = 0.0, dz: np.ndarray | float = 0.0, *, like: np.ndarray
) -> np.ndarray:
    return np.stack([np.broadcast_to(v, like.shape[:1]) for v in (dx, dy, dz)], axis=1).astype(float)


def _face(p: np.ndarray) -> np.ndarray:
    """1 on the face, 0 at the back of the head and on the neck's lower part."""
    return step(0.0, 0.6, p[:, 2]) * step(-1.15, -0.85, p[:, 1])


def _head(p: np.ndarray) -> np.ndarray:
    """1 on the head, 0 from the lower neck on."""
    return step(-1.30, -0.75, p[:, 1])


def meanings() -> dict[str, Field]:
    """Name to field; each takes points (M, 3) of the resting head and gives their movement (M, 3) for one sigma."""

    def head_width(p: np.ndarray) -> np.ndarray:
        return _field(0.032 * p[:, 0] * _head(p), like=p)

    def head_height(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.030 * p[:, 1] * _head(p), like=p)

    def head_depth(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.035 * (p[:, 2] - 0.3) * step(0.4, -0.4, p[:, 2]) * _head(p), like=p)

    def jaw_width(p: np.ndarray) -> np.ndarray:
        return _field(0.040 * p[:, 0] * bump(p[:, 1], -0.50, 0.22) * step(-0.1, 0.3, p[:, 2]), like=p)

    def chin_length(p: np.ndarray) -> np.ndarray:
        return _field(0, -0.036 * step(-0.40, -0.75, p[:, 1]) * step(0.3, 0.8, p[:, 2]), like=p)

    def chin_forward(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.038 * bump(p[:, 1], -0.68, 0.13) * bump(p[:, 0], 0, 0.28) * _face(p), like=p)

    def chin_width(p: np.ndarray) -> np.ndarray:
        return _field(0.08 * p[:, 0] * bump(p[:, 1], -0.70, 0.12) * bump(p[:, 0], 0, 0.3) * _face(p), like=p)

    def cheekbones(p: np.ndarray) -> np.ndarray:
        strength = bump(p[:, 1], 0.10, 0.14) * bump(np.abs(p[:, 0]), 0.52, 0.15) * _face(p)
        return _field(0.020 * np.tanh(p[:, 0] / 0.02) * strength, 0, 0.018 * strength, like=p)

    def cheek_fullness(p: np.ndarray) -> np.ndarray:
        strength = bump(p[:, 1], -0.26, 0.17) * bump(np.abs(p[:, 0]), 0.48, 0.14) * _face(p)
        return _field(0.024 * np.tanh(p[:, 0] / 0.02) * strength, 0, 0.024 * strength, like=p)

    def nose_length(p: np.ndarray) -> np.ndarray:
        return _field(0, -0.026 * bump(p[:, 1], -0.06, 0.14) * bump(p[:, 0], 0, 0.17) * _face(p), like=p)

    def nose_width(p: np.ndarray) -> np.ndarray:
        return _field(0.115 * p[:, 0] * bump(p[:, 1], -0.05, 0.09) * bump(p[:, 0], 0, 0.20) * _face(p), like=p)

    def nose_bridge(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.028 * bump(p[:, 1], 0.24, 0.11) * bump(p[:, 0], 0, 0.08) * _face(p), like=p)

    def nose_forward(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.038 * bump(p[:, 1], 0.0, 0.12) * bump(p[:, 0], 0, 0.12) * _face(p), like=p)

    def nose_tip(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.026 * bump(p[:, 1], 0.0, 0.07) * bump(p[:, 0], 0, 0.09) * step(1.08, 1.22, p[:, 2]), like=p)

    def nose_bridge_width(p: np.ndarray) -> np.ndarray:
        return _field(0.12 * p[:, 0] * bump(p[:, 1], 0.2, 0.12) * bump(p[:, 0], 0, 0.14) * _face(p), like=p)

    def eye_spacing(p: np.ndarray) -> np.ndarray:
        strength = bump(p[:, 1], 0.40, 0.24) * bump(np.abs(p[:, 0]), 0.32, 0.18) * _face(p)
        return _field(0.016 * np.tanh(p[:, 0] / 0.1) * strength, like=p)

    def eye_height(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.018 * bump(p[:, 1], 0.40, 0.24) * _face(p), like=p)

    def eye_depth(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, -0.020 * bump(p[:, 1], 0.36, 0.12) * bump(np.abs(p[:, 0]), 0.30, 0.15) * _face(p), like=p)

    def brow_height(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.024 * bump(p[:, 1], 0.60, 0.09) * bump(p[:, 0], 0, 0.5) * _face(p), like=p)

    def brow_tilt(p: np.ndarray) -> np.ndarray:
        return _field(
            0,
            0.018
            * np.tanh((np.abs(p[:, 0]) - 0.35) / 0.2)
            * bump(p[:, 1], 0.60, 0.09)
            * bump(p[:, 0], 0, 0.5)
            * _face(p),
            like=p,
        )

    def brow_ridge(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.024 * bump(p[:, 1], 0.56, 0.07) * bump(p[:, 0], 0, 0.35) * _face(p), like=p)

    def lip_upper(p: np.ndarray) -> np.ndarray:
        return _field(
            0,
            0.018 * bump(p[:, 1], -0.250, 0.032) * bump(p[:, 0], 0, 0.16) * _face(p),
            0.012 * bump(p[:, 1], -0.29, 0.035) * bump(p[:, 0], 0, 0.16) * _face(p),
            like=p,
        )

    def lip_lower(p: np.ndarray) -> np.ndarray:
        return _field(
            0,
            -0.018 * bump(p[:, 1], -0.440, 0.036) * bump(p[:, 0], 0, 0.16) * _face(p),
            0.012 * bump(p[:, 1], -0.40, 0.035) * bump(p[:, 0], 0, 0.16) * _face(p),
            like=p,
        )

    def mouth_width(p: np.ndarray) -> np.ndarray:
        return _field(
            0.075 * p[:, 0] * bump(p[:, 1], -0.345, 0.12) * bump(p[:, 0], 0, 0.30) * step(0.75, 0.95, p[:, 2]), like=p
        )

    def mouth_height(p: np.ndarray) -> np.ndarray:
        return _field(
            0, 0.018 * bump(p[:, 1], -0.345, 0.17) * step(0.35, 0.7, p[:, 2]) * bump(p[:, 0], 0, 0.35), like=p
        )

    def mouth_forward(p: np.ndarray) -> np.ndarray:
        return _field(
            0, 0, 0.020 * bump(p[:, 1], -0.345, 0.15) * bump(p[:, 0], 0, 0.26) * step(0.3, 0.7, p[:, 2]), like=p
        )

    def mouth_corners(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.012 * bump(p[:, 1], -0.345, 0.10) * bump(np.abs(p[:, 0]), 0.27, 0.09) * _face(p), like=p)

    def forehead_slope(p: np.ndarray) -> np.ndarray:
        return _field(0, 0, 0.035 * bump(p[:, 1], 0.95, 0.25) * step(0.2, 0.7, p[:, 2]), like=p)

    def forehead_height(p: np.ndarray) -> np.ndarray:
        return _field(0, 0.036 * step(0.55, 1.2, p[:, 1]), like=p)

    def temples(p: np.ndarray) -> np.ndarray:
        strength = bump(p[:, 1], 0.65, 0.22) * bump(p[:, 2], 0.4, 0.3) * step(0.4, 0.65, np.abs(p[:, 0]))
        return _field(0.026 * np.tanh(p[:, 0] / 0.02) * strength, like=p)

    def ear_size(p: np.ndarray) -> np.ndarray:
        return np.zeros_like(p)  # moved as a piece, see `ears`

    def ear_out(p: np.ndarray) -> np.ndarray:
        return np.zeros_like(p)

    def neck_width(p: np.ndarray) -> np.ndarray:
        strength = step(-0.62, -0.95, p[:, 1]) * step(-1.55, -1.30, p[:, 1])
        return _field(0.055 * p[:, 0] * strength, 0, 0.04 * (p[:, 2] - 0.0) * strength, like=p)

    def under_chin(p: np.ndarray) -> np.ndarray:
        return _field(
            0,
            -0.040 * bump(p[:, 1], -0.85, 0.09) * step(0.1, 0.5, p[:, 2]),
            0.03 * bump(p[:, 1], -0.90, 0.10) * step(0.1, 0.5, p[:, 2]),
            like=p,
        )

    def gonion(p: np.ndarray) -> np.ndarray:
        strength = bump(p[:, 1], -0.42, 0.12) * bump(np.abs(p[:, 0]), 0.62, 0.14) * bump(p[:, 2], 0.35, 0.3)
        return _field(0.016 * np.tanh(p[:, 0] / 0.02) * strength, -0.014 * strength, like=p)

    def sag(p: np.ndarray) -> np.ndarray:
        jowl = bump(p[:, 1], -0.55, 0.12) * bump(np.abs(p[:, 0]), 0.42, 0.12) * _face(p)
        fold = bump(p[:, 1], -0.20, 0.13) * bump(np.abs(p[:, 0]) - 0.5 * (-0.12 - p[:, 1]), 0.24, 0.035) * _face(p)
        return _field(0.012 * np.tanh(p[:, 0] / 0.02) * jowl, -0.022 * jowl, 0.012 * jowl - 0.014 * fold, like=p)

    def shoulders(p: np.ndarray) -> np.ndarray:
        return _field(
            0.06 * p[:, 0] * step(-1.15, -1.5, p[:, 1]),
            -0.03 * step(0.8, 1.8, np.abs(p[:, 0])) * step(-1.2, -1.5, p[:, 1]),
            like=p,
        )

    def long_face(p: np.ndarray) -> np.ndarray:
        return _field(-0.014 * p[:, 0] * _face(p), 0.022 * (p[:, 1] - 0.2) * _face(p), like=p)

    return {f.__name__: f for f in (
        head_width, head_height, long_face, head_depth, jaw_width, chin_length, chin_forward, chin_width, cheekbones, cheek_fullness,
        nose_length, nose_width, nose_bridge, nose_forward, nose_tip, nose_bridge_width, eye_size, eye_spacing, eye_height, eye_tilt, eye_depth,
        brow_height, brow_tilt, brow_ridge, lip_upper, lip_lower, mouth_width, mouth_height, mouth_forward, mouth_corners, forehead_slope,
        forehead_height, temples, ear_size, ear_out, neck_width, under_chin, gonion, sag, shoulders,
    )}  # fmt: skip


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


def random_field(random: np.random.Generator, size: float) -> Field:
    """A smooth random field, mirror-symmetric for three quarters of its strength."""
    waves = random.normal(size=(12, 3)) * 3.2
    phase, weight = random.uniform(0, 2 * np.pi, 12), random.normal(size=(12, 3)) * [0.8, 1.0, 1.0]

    def raw(p: np.ndarray) -> np.ndarray:
        return np.sin(p @ waves.T + phase) @ weight / np.sqrt(12)

    def field(p: np.ndarray) -> np.ndarray:
        other = raw(p * [-1, 1, 1]) * [-1, 1, 1]
        return size * (0.62 * raw(p) + 0.38 * other) * _head(p)[:, None]

    return field


def lid_share(mesh: Head) -> np.ndarray:
    """(N, 2) how much each vertex moves as one with either eyeball."""
    share = np.zeros((len(mesh.vertices), 2))
    for eye, (suffix, piece) in enumerate((("@right", "eye_right"), ("", "eye_left"))):
        for name, value in (("orbit", 0.4), ("crease", 0.85), ("lid", 1.0), ("margin", 1.0), ("back", 1.0)):
            share[mesh.rings[f"eye_{name}{suffix}"], eye] = value
        low, high = mesh.piece[piece]
        share[low:high, eye] = 1
    return share


def identities() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Directions (80, N, 3), how they move the eyes' centres (80, 2, 3), and their names ("" for random ones)."""
    mesh = head()
    random = np.random.default_rng(80)
    named = meanings()
    fields: list[tuple[str, Field]] = list(named.items())
    extra = COUNT - len(fields)
    fields += [("", random_field(random, 0.011 * 0.96**k)) for k in range(extra)]
    share = lid_share(mesh)
    directions, centres = [], []
    for name, field in fields:
        move = field(mesh.vertices)
        at_eyes = field(EYES)
        if name not in ("eye_size", "eye_tilt"):
            move = (1 - share.sum(1, keepdims=True)) * move + share @ at_eyes
        for piece, part in (("teeth_upper", 1.0), ("teeth_lower", 1.0), ("tongue", 1.0)):
            low, high = mesh.piece[piece]
            middle = np.array([[0.0, a.MOUTH_LINE, 1.0]])
            move[low:high] = part * field(middle)
        for ear, sign in (("ear_right", -1.0), ("ear_left", 1.0)):
            low, high = mesh.piece[ear]
            root = np.array([[0.73 * sign, 0.15, 0.12]])
            local = mesh.vertices[low:high] - root
            move[low:high] = field(root)
            if name == "ear_size":
                move[low:high] += local * 0.10
            if name == "ear_out":
                move[low:high] += np.maximum(-local[:, 2:3], 0) * [[0.22 * sign, 0, 0]]
        directions.append(move)
        centres.append(at_eyes)
    return np.stack(directions), np.stack(centres), [name for name, _ in fields]
