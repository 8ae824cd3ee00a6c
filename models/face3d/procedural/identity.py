"""The identity directions: 40 with a meaning, then random smooth ones."""

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.assembly import Head, head
from models.face3d.procedural.traits import EYES, MEANINGS, Field, on_head

COUNT = 80


def random_field(random: np.random.Generator, size: float) -> Field:
    """A smooth random field, mirror-symmetric for three quarters of its strength."""
    waves = random.normal(size=(12, 3)) * 3.2
    phase, weight = random.uniform(0, 2 * np.pi, 12), random.normal(size=(12, 3)) * [0.8, 1.0, 1.0]

    def raw(p: np.ndarray) -> np.ndarray:
        return np.sin(p @ waves.T + phase) @ weight / np.sqrt(12)

    def field(p: np.ndarray) -> np.ndarray:
        other = raw(p * [-1, 1, 1]) * [-1, 1, 1]
        return size * (0.62 * raw(p) + 0.38 * other) * on_head(p)[:, None]

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
    fields: list[tuple[str, Field]] = [(field.__name__, field) for field in MEANINGS]
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
