"""The whole head at rest: all parts in one mesh, with landmarks, mirror image of every vertex and texture layout."""

from dataclasses import dataclass
from functools import lru_cache

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
    angle, label: (skin,) place on the skull, angle signed; rings: loops of the left half, by name; rings_right: of the
    other; piece: name of the mesh piece to its first and last + 1 vertex; columns: of the pieces that are grids.
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


@lru_cache(maxsize=1)
def head() -> Head:
    """Builds the mesh (once)."""
    half, half_triangles = half_face()
    left = np.concatenate(half.position)
    chart = np.concatenate(half.chart)
    count = len(left)
    middle = chart[:, 0] < 1e-9
    left[middle, 0] = 0.0
    right = np.where(middle, np.arange(count), -1)
    right[~middle] = count + np.arange((~middle).sum())
    vertices = np.concatenate([left, left[~middle] * [-1, 1, 1]])
    angle = np.concatenate([chart[:, 0], -chart[~middle, 0]]) / ACROSS
    label = np.concatenate([chart[:, 1], chart[~middle, 1]])
    triangles = np.concatenate([half_triangles, right[half_triangles][:, ::-1]])
    rings = dict(half.rings) | {f"{name}@right": right[index] for name, index in half.rings.items()}

    # the inside of the mouth hangs on the loop where the lips touch
    loop = lip_loop(rings)
    pieces = {"skin": (0, len(vertices))}
    uv_parts = [skin_uv(angle, label)]
    skin_count = len(vertices)
    bag = [vertices[loop], *parts.cavity_rings(vertices[loop])]  # begins with a copy: the texture tears here
    first = len(vertices)
    bag_rings = first + np.arange(len(bag) * len(loop)).reshape(len(bag), -1)
    walls = [ribbon(outer, inner, closed=True)[:, ::-1] for outer, inner in zip(bag_rings, bag_rings[1:])]
    end = first + len(bag) * len(loop)
    last = bag_rings[-1]
    walls.append(np.stack([np.roll(last, -1), last, np.full(len(loop), end)], axis=1))
    bag_vertices = np.concatenate([*bag, [[0.0, a.MOUTH_LINE - 0.02, 0.15]]])
    rings["mouth_bag"] = bag_rings[:2].ravel()
    pieces["mouth_cavity"] = (first, end + 1)
    turn = 2 * np.pi * np.arange(len(loop)) / len(loop)
    circle = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    uv_parts.append(np.concatenate([*(0.5 + 0.5 * circle * (1 - 0.2 * k) for k in range(len(bag))), [[0.5, 0.5]]]))
    all_vertices, all_triangles = [vertices, bag_vertices], [triangles, *walls]

    eye, ear = parts.eyeball(), parts.ear()
    others = {
        "eye_right": parts.mirrored(eye, "eye_right"), "eye_left": eye, "teeth_upper": parts.tooth_row(True), "teeth_lower": parts.tooth_row(False),
        "tongue": parts.tongue(), "ear_right": parts.mirrored(ear, "ear_right"), "ear_left": ear, "hair": parts.hair(), "torso": parts.torso(),
    }  # fmt: skip
    columns = {name: part.columns for name, part in others.items()}
    total = end + 1
    for name, part in others.items():
        pieces[name] = (total, total + len(part.vertices))
        all_vertices.append(part.vertices)
        all_triangles.append(part.triangles + total)
        uv_parts.append(part.uv)
        total += len(part.vertices)
    for k, name in enumerate(pieces):
        low_u, low_v, high_u, high_v = UV_ISLANDS[name]
        uv_parts[k] = np.array([low_u, low_v]) + uv_parts[k] * [high_u - low_u, high_v - low_v]

    vertices = np.concatenate(all_vertices)
    part_index = np.zeros(total, dtype=np.int64)
    for name, (low, high) in pieces.items():
        part_index[low:high] = PART_NAMES.index("ears" if name.startswith("ear_") else name)
    for side in ("", "@right"):
        for ring in ("border", "body", "wet", "contact"):
            part_index[rings[f"mouth_{ring}{side}"]] = PART_NAMES.index("lips")
        for ring in ("crease", "lid", "margin", "back"):
            part_index[rings[f"eye_{ring}{side}"]] = PART_NAMES.index("eyelids")
        for ring in ("brow", "brow_lower"):
            part_index[rings[f"{ring}{side}"][:-1]] = PART_NAMES.index("brows")
    part_index[:skin_count][label < -1.0] = PART_NAMES.index("neck")
    part_index[rings["mouth_bag"]] = PART_NAMES.index("lips")
    return Head(
        vertices,
        np.concatenate(all_triangles),
        np.concatenate(uv_parts),
        part_index,
        landmark_vertices(rings, vertices[:skin_count]),
        mirror_index(vertices, pieces, count, right, len(loop), columns),
        skin_count,
        angle,
        label,
        rings,
        pieces,
        columns,
    )


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
        border_right[7], border_right[4], border_right[2], border[0], border[2], border[4], border[7], border[10], border[11], border[14], border_right[11], border_right[10],
        touch_right[7], touch_right[3], touch[0], touch[3], touch[7], touch[11], touch[14], touch_right[11],
    ]  # fmt: skip
    return np.array(points, dtype=np.int64)


def mirror_index(
    vertices: np.ndarray,
    pieces: dict[str, tuple[int, int]],
    left: int,
    right: np.ndarray,
    loop: int,
    columns: dict[str, int],
) -> np.ndarray:
    """(N,) the vertex at the mirrored place; `right` (left,) are the partners of the first `left` vertices."""
    index = np.arange(len(vertices))
    index[:left] = right
    index[right] = np.arange(left)
    low, high = pieces["mouth_cavity"]
    for start in range(low, high - 1, loop):
        index[start : start + loop] = start + (-np.arange(loop)) % loop
    for name, other in (
        ("eye_right", "eye_left"),
        ("eye_left", "eye_right"),
        ("ear_right", "ear_left"),
        ("ear_left", "ear_right"),
    ):
        index[slice(*pieces[name])] = np.arange(*pieces[other])
    for name in ("teeth_upper", "teeth_lower", "tongue", "hair", "torso"):
        low, high = pieces[name]
        index[low:high] = np.arange(low, high).reshape(-1, columns[name])[:, ::-1].ravel()
    return index
