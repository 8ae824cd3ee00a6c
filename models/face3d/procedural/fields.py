"""Displacement fields over the head: pulled at a few handles, smooth between, lips and lids told apart."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.assembly import Head, head, lip_loop
from models.face3d.procedural.curves import step

LIP_APART, LID_APART = 0.22, 0.10  # how far upper and lower lips (lids) count as apart though they touch


@lru_cache(maxsize=1)
def embedding() -> np.ndarray:
    """(N, 5): the place of each vertex and two more coordinates that part upper from lower lips and lids."""
    mesh = head()
    points = np.zeros((len(mesh.vertices), 5))
    points[:, :3] = mesh.vertices
    points[:, 3] = LIP_APART * lip_side(mesh)
    points[:, 4] = LID_APART * lid_side(mesh)
    return points


def lip_side(mesh: Head) -> np.ndarray:
    """(N,) from -1 on the lower lip to 1 on the upper one, fading away from the mouth."""
    skin = mesh.vertices[: mesh.skin]
    x, y = np.abs(skin[:, 0]), skin[:, 1]
    side = np.tanh((y - a.MOUTH_LINE) / 0.03) * np.exp(-((x / 0.30) ** 4)) * np.exp(-(((y - a.MOUTH_LINE) / 0.35) ** 2))
    full = np.zeros(len(mesh.vertices))
    full[: mesh.skin] = np.where(mesh.label < -1.0, 0, side)
    for name in ("border", "body", "wet", "contact"):
        for suffix in ("", "@right"):
            loop = mesh.rings[f"mouth_{name}{suffix}"]
            sign = np.sign(7 - np.arange(15))
            full[loop] = sign * np.sqrt(np.maximum(1 - (mesh.vertices[loop, 0] / mesh.vertices[loop[7], 0]) ** 2, 0))
    return full


def lid_side(mesh: Head) -> np.ndarray:
    """(N,) from -1 on the lower lids to 1 on the upper ones, 0 at their corners."""
    full = np.zeros(len(mesh.vertices))
    up = np.sin(2 * np.pi * np.arange(16) / 16)
    for name, share in (("orbit", 0.3), ("crease", 0.7), ("lid", 1.0), ("margin", 1.0), ("back", 1.0)):
        for suffix in ("", "@right"):
            full[mesh.rings[f"eye_{name}{suffix}"]] = share * up
    return full


def pull(handles: Mapping[int, np.ndarray], reach: float = 0.5) -> np.ndarray:
    """(N, 3) the field with given displacements at given vertices, zero farther than `reach` from all of them."""
    places = embedding()
    index = np.array(sorted(handles))
    wanted = np.stack([handles[i] for i in index])
    weights = np.linalg.solve(kernel(places[index], places[index], reach) + 1e-6 * np.eye(len(index)), wanted)
    field = kernel(places, places[index], reach) @ weights
    return only_skin(field)


def kernel(first: np.ndarray, second: np.ndarray, reach: float) -> np.ndarray:
    """Wendland's C2 function of the distances (M, K)."""
    ratio = np.minimum(np.sqrt(((first[:, None] - second[None]) ** 2).sum(-1)) / reach, 1)
    return (1 - ratio) ** 4 * (4 * ratio + 1)


def only_skin(field: np.ndarray) -> np.ndarray:
    """Zero but on the skin; lids stay on their sphere; the inside of the mouth follows the lips it hangs on."""
    mesh = head()
    field = field.copy()
    field[mesh.skin :] = 0
    for name, share in (("orbit", 0.6), ("crease", 0.12), ("lid", 0.0), ("margin", 0.0), ("back", 0.0)):
        for suffix in ("", "@right"):
            field[mesh.rings[f"eye_{name}{suffix}"]] *= share
    return follow_lips(field)


def follow_lips(field: np.ndarray) -> np.ndarray:
    """The rings behind the lips move with them, less and less with depth."""
    mesh = head()
    loop = lip_loop(mesh.rings)
    low, _ = mesh.piece["mouth_cavity"]
    for k, share in enumerate((1.0, 1.0, 0.7, 0.4, 0.1)):
        field[low + k * len(loop) : low + (k + 1) * len(loop)] = share * field[loop]
    return field


def nearest(x: float, y: float) -> int:
    """The front vertex of the skin whose frontal view is nearest to (x, y)."""
    skin = head().vertices[: head().skin]
    return int(np.argmin(((skin[:, :2] - [x, y]) ** 2).sum(1) + 10 * (skin[:, 2] < 0)))


@lru_cache(maxsize=1)
def jaw_share() -> np.ndarray:
    """(N,) how much of the jaw's turn each vertex takes: 1 at chin, lower lip, lower teeth, tongue."""
    mesh = head()
    share = np.zeros(len(mesh.vertices))
    angle, label = np.abs(np.degrees(mesh.angle)), mesh.label
    line = np.interp(angle, [0, 15, 80, 180], [a.MOUTH_LINE, a.MOUTH_LINE, 0.04, 0.3])
    soft = np.interp(angle, [0, 8, 14, 40, 80], [0.012, 0.02, 0.07, 0.30, 0.35])
    skin = step(0.0, 1.0, 0.5 - 0.5 * (label - line) / soft)
    skin *= step(100, 60, angle) * step(-1.55, -0.90, label)
    share[: mesh.skin] = skin
    side = lip_side(mesh)
    for name in ("border", "body", "wet", "contact"):
        for suffix in ("", "@right"):
            loop = mesh.rings[f"mouth_{name}{suffix}"]
            share[loop] = np.where(
                side[loop] < 0,
                0.45 + 0.55 * np.minimum(-side[loop] * 1.15, 1),
                0.45 * (1 - np.minimum(side[loop] * 1.15, 1)),
            )
    for name in ("teeth_lower", "tongue"):
        low, high = mesh.piece[name]
        share[low:high] = 1
    low, high = mesh.piece["mouth_cavity"]
    loop = lip_loop(mesh.rings)
    for k in range((high - low) // len(loop)):
        share[low + k * len(loop) : low + (k + 1) * len(loop)] = share[loop]
    return share
