"""The whole head at rest: all parts in one mesh, with landmarks, mirror image of every vertex and texture layout."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural import parts
from models.face3d.procedural.skin import ACROSS, half_face, ribbon

PART_NAMES = (
    "skin", "lips", "eyelids", "brows", "eye_right", "eye_left", "teeth_upper", "teeth_lower", "tongue", "mouth_cavity",
    "ears", "hair", "neck", "torso",
)  # fmt: skip

# Where each island lies in the texture: low u, low v, high u, high v; v grows upwards.
UV_ISLANDS = {
    "skin": (0.0, 0.36, 1.0, 1.0),
    "eye_right": (0.00, 0.20, 0.15, 0.35),
    "eye_left": (0.16, 0.20, 0.31, 0.35),
    "teeth_upper": (0.32, 0.28, 0.60, 0.35),
    "teeth_lower": (0.32, 0.20, 0.60, 0.27),
    "tongue": (0.61, 0.20, 0.71, 0.35),
    "mouth_cavity": (0.72, 0.20, 0.86, 0.35),
    "ear_right": (0.87, 0.275, 1.0, 0.35),
    "ear_left": (0.87, 0.20, 1.0, 0.274),
    "hair": (0.0, 0.0, 0.55, 0.19),
    "torso": (0.56, 0.0, 1.0, 0.19),
}
# The skin's island: u from the angle (degrees) and v from the section label, both piecewise straight.
_U = (np.array([0, 80, 180.0]), np.array([0, 0.40, 0.5]))
_V = (np.array([-1.85, -0.97, 1.0, 1.46]), np.array([0, 0.10, 0.88, 1.0]))


@dataclass(frozen=True)
class Head:
    """The head at rest.

    vertices: (N, 3); triangles: (F, 3); uv: (N, 2); part: (N,) index into PART_NAMES; landmarks: (68,);
    mirror: (N,) the same place on the other side; skin: number of vertices of the skin, which come first;
    angle, label: (skin,) place on the skull, angle signed; rings: loops of the left half by name, of the other with
    "@right" added; piece: name of the mesh piece to its first and last + 1 vertex; columns: of
    the pieces that are grids.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    part: np.ndarray
    landmarks: np.ndarray
    mirror: np.ndarray
    skin: int
    angle: np.ndarray
    label: np.ndarray
    rings: dict[str, np.ndarray]
    piece: dict[str, tuple[int, int]]
    columns: dict[str, int]


def skin_uv(angle: np.ndarray, label: np.ndarray) -> np.ndarray:
    """(M, 2) within the skin's island, from signed angles in radians and section labels."""
    u = 0.5 + np.sign(angle) * np.interp(np.abs(np.degrees(angle)), *_U)
    return np.stack([u, np.interp(label, *_V)], axis=1)


def lip_loop(rings: dict[str, np.ndarray]) -> np.ndarray:
    """The whole loop where the lips touch: upper middle, left corner, lower middle, right corner."""
    return np.concatenate([rings["mouth_contact"], rings["mouth_contact@right"][13:0:-1]])


@dataclass
class Growing:
    """The mesh while pieces are added to it."""

    vertices: list[np.ndarray]
    triangles: list[np.ndarray]
    uv: list[np.ndarray]
    piece: dict[str, tuple[int, int]]
    columns: dict[str, int]
    count: int = 0

    def add(self, name: str, part: parts.Part) -> None:
        """One piece, its texture laid into its island."""
        low_u, low_v, high_u, high_v = UV_ISLANDS[name]
        self.vertices.append(part.vertices)
        self.triangles.append(part.triangles + self.count)
        self.uv.append(np.array([low_u, low_v]) + part.uv * [high_u - low_u, high_v - low_v])
        self.piece[name] = (self.count, self.count + len(part.vertices))
        self.columns[name] = part.columns
        self.count += len(part.vertices)


@lru_cache(maxsize=1)
def head() -> Head:
    """Builds the mesh (once)."""
    half, half_triangles = half_face()
    left, chart = np.concatenate(half.position), np.concatenate(half.chart)
    middle = chart[:, 0] < 1e-9
    left[middle, 0] = 0.0
    right = np.where(middle, np.arange(len(left)), -1)
    right[~middle] = len(left) + np.arange((~middle).sum())
    skin = np.concatenate([left, left[~middle] * [-1, 1, 1]])
    angle = np.concatenate([chart[:, 0], -chart[~middle, 0]]) / ACROSS
    label = np.concatenate([chart[:, 1], chart[~middle, 1]])
    triangles = np.concatenate([half_triangles, right[half_triangles][:, ::-1]])
    rings = dict(half.rings) | {f"{name}@right": right[index] for name, index in half.rings.items()}

    mesh = Growing([], [], [], {}, {})
    mesh.add("skin", parts.Part("skin", skin, triangles, skin_uv(angle, label)))
    loop = lip_loop(rings)
    mesh.add("mouth_cavity", cavity(skin[loop]))
    rings["mouth_bag"] = len(skin) + np.arange(2 * len(loop))
    eye, ear = parts.eyeball(), parts.ear()
    mesh.add("eye_right", parts.mirrored(eye, "eye_right"))
    mesh.add("eye_left", eye)
    mesh.add("teeth_upper", parts.tooth_row(True))
    mesh.add("teeth_lower", parts.tooth_row(False))
    mesh.add("tongue", parts.tongue())
    mesh.add("ear_right", parts.mirrored(ear, "ear_right"))
    mesh.add("ear_left", ear)
    mesh.add("hair", parts.hair())
    mesh.add("torso", parts.torso())
    return Head(
        np.concatenate(mesh.vertices),
        np.concatenate(mesh.triangles),
        np.concatenate(mesh.uv),
        part_index(mesh, rings, label),
        landmark_vertices(rings, skin),
        mirror_index(mesh, right, len(loop)),
        len(skin),
        angle,
        label,
        rings,
        mesh.piece,
        mesh.columns,
    )


def cavity(lips: np.ndarray) -> parts.Part:
    """The inside of the mouth behind the loop (n, 3) where the lips touch; begins with a copy of that loop, because
    the texture tears there. uv: discs in discs.
    """
    bag = [lips, *parts.cavity_rings(lips)]
    rings = np.arange(len(bag) * len(lips)).reshape(len(bag), -1)
    walls = [ribbon(outer, inner, closed=True)[:, ::-1] for outer, inner in pairwise(rings)]
    end = np.stack([np.roll(rings[-1], -1), rings[-1], np.full(len(lips), rings.size)], axis=1)
    turn = 2 * np.pi * np.arange(len(lips)) / len(lips)
    circle = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    uv = [0.5 + 0.5 * circle * (1 - k / len(bag)) for k in range(len(bag))]
    return parts.Part(
        "mouth_cavity",
        np.concatenate([*bag, [[0.0, a.MOUTH_LINE - 0.02, 0.15]]]),
        np.concatenate([*walls, end]),
        np.concatenate([*uv, [[0.5, 0.5]]]),
    )


def part_index(mesh: Growing, rings: dict[str, np.ndarray], label: np.ndarray) -> np.ndarray:
    """(N,) index into PART_NAMES."""
    index = np.zeros(mesh.count, dtype=np.int64)
    for name, (low, high) in mesh.piece.items():
        index[low:high] = PART_NAMES.index("ears" if name.startswith("ear_") else name)
    for side in ("", "@right"):
        for ring in ("border", "body", "wet", "contact"):
            index[rings[f"mouth_{ring}{side}"]] = PART_NAMES.index("lips")
        for ring in ("crease", "lid", "margin", "back"):
            index[rings[f"eye_{ring}{side}"]] = PART_NAMES.index("eyelids")
        for ring in ("brow", "brow_lower"):
            index[rings[f"{ring}{side}"][:-1]] = PART_NAMES.index("brows")
    index[: len(label)][label < -1.0] = PART_NAMES.index("neck")
    index[rings["mouth_bag"]] = PART_NAMES.index("lips")
    return index


def landmark_vertices(rings: dict[str, np.ndarray], skin: np.ndarray) -> np.ndarray:
    """(68,) iBUG points: from the image's left to its right, that is from the subject's right."""

    def nearest(x: float, y: float) -> int:
        return int(np.argmin(((skin[:, :2] - [x, y]) ** 2).sum(1) + 10 * (skin[:, 2] < -0.1)))

    jaw = [nearest(x, y) for x, y in a.JAW[:3]] + list(rings["jaw"])
    jaw_right = [nearest(-x, y) for x, y in a.JAW[:3]] + list(rings["jaw@right"])
    ridge = rings["ridge"]
    eye_left, eye_right = rings["eye_margin"], rings["eye_margin@right"]
    border, border_right = rings["mouth_border"], rings["mouth_border@right"]
    touch, touch_right = rings["mouth_contact"], rings["mouth_contact@right"]
    under, under_right = rings["under"], rings["under@right"]
    points = [
        *jaw_right[:8], jaw[8], *jaw[7::-1],
        *rings["brow@right"][::-2], *rings["brow"][::2],
        ridge[0], ridge[2], ridge[4], ridge[6], under_right[1], under_right[0], ridge[11], under[0], under[1],
        *eye_right[[8, 5, 3, 0, 13, 11]], *eye_left[[0, 3, 5, 8, 11, 13]],
        border_right[7], border_right[4], border_right[2], border[0], border[2], border[4], border[7], border[10],
        border[11], border[14], border_right[11], border_right[10],
        touch_right[7], touch_right[3], touch[0], touch[3], touch[7], touch[11], touch[14], touch_right[11],
    ]  # fmt: skip
    return np.array(points, dtype=np.int64)


def mirror_index(mesh: Growing, right: np.ndarray, loop: int) -> np.ndarray:
    """(N,) the vertex at the mirrored place; `right` (M,) are the partners of the first M vertices."""
    index = np.arange(mesh.count)
    index[: len(right)] = right
    index[right] = np.arange(len(right))
    low, high = mesh.piece["mouth_cavity"]
    for start in range(low, high - 1, loop):
        index[start : start + loop] = start + (-np.arange(loop)) % loop
    swaps = [("eye_right", "eye_left"), ("ear_right", "ear_left")]
    for one, other in swaps + [pair[::-1] for pair in swaps]:
        index[slice(*mesh.piece[one])] = np.arange(*mesh.piece[other])
    for name in ("teeth_upper", "teeth_lower", "tongue", "hair", "torso"):
        low, high = mesh.piece[name]
        index[low:high] = np.arange(low, high).reshape(-1, mesh.columns[name])[:, ::-1].ravel()
    return index
