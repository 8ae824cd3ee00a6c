"""The skin: half a face, triangulated with loops around eye and mouth, and a regular grid behind it."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.curves import spline, step
from models.face3d.procedural.relief import relief
from models.face3d.procedural.skull import depth, locate, surface

ACROSS = 0.85  # decimetres on the chart per radian
FACE_ANGLE = 1.40  # the free triangulation ends in front of the ear
EYE_LOOP, MOUTH_LOOP = 16, 15  # vertices of a loop: the whole eye, half a mouth
EYE_RINGS = ("orbit", "crease", "lid", "margin", "back")
MOUTH_RINGS = ("around", "skin", "border", "body", "wet", "contact")
BROW_LINES = {"brow_above": 0.030, "brow": 0.0, "brow_lower": -0.038, "brow_below": -0.070}  # over the landmarks
TOP, BOTTOM = 1.00, -0.97  # labels between which the face is triangulated freely


@dataclass
class Half:
    """Vertices of the left half while it grows.

    chart: (M, 2); position: (M, 3); rings: name to indices of a loop.
    """

    chart: list[np.ndarray] = field(default_factory=list)
    position: list[np.ndarray] = field(default_factory=list)
    rings: dict[str, np.ndarray] = field(default_factory=dict)
    count: int = 0

    def add(self, name: str, position: np.ndarray, chart: np.ndarray) -> None:
        """Vertices of one loop or line."""
        self.rings[name] = np.arange(self.count, self.count + len(position))
        self.count += len(position)
        self.position.append(position)
        self.chart.append(chart)

    def chart_of(self, name: str) -> np.ndarray:
        """(n, 2) chart places of a loop."""
        return np.concatenate(self.chart)[self.rings[name]]


def points_inside(points: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """(M,) whether points (M, 2) lie inside a closed polygon (n, 2)."""
    start, end = loop, np.roll(loop, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1e-12, end[:, 1] - start[:, 1])
    at = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / rise
    return (crosses & (x < at)).sum(1) % 2 == 1


def on_chart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(M, 2) chart places of the frontal view's (x, y)."""
    angle, label = locate(x, y)
    return np.stack([ACROSS * angle, label], axis=1)


def lid_sphere(x: np.ndarray, y: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    """Depth z (M,) of the sphere around the left eye's centre, seen from the front; its rim beyond."""
    cx, cy, cz = a.EYE_CENTRE
    return cz + np.sqrt(np.maximum(radius**2 - (x - cx) ** 2 - (y - cy) ** 2, 0))


def eye_opening() -> tuple[np.ndarray, np.ndarray]:
    """x, y (16,) of the lids' margin: inner corner, upper lid outwards, outer corner, lower lid inwards."""
    share = 0.5 - 0.5 * np.cos(np.pi * np.arange(9) / 8)
    x = a.EYE_INNER[0] + (a.EYE_OUTER[0] - a.EYE_INNER[0]) * share
    upper, lower = (np.array([a.EYE_INNER, *line, a.EYE_OUTER]) for line in (a.UPPER_LID, a.LOWER_LID))
    top, low = (spline(line[:, 0], line[:, 1], x) for line in (upper, lower))
    return np.concatenate([x, x[7:0:-1]]), np.concatenate([top, low[7:0:-1]])


def add_eye(half: Half) -> None:
    """The loops of the left eye, from the orbit to the back edge of the lids."""
    x, y = eye_opening()
    angle = 2 * np.pi * np.arange(EYE_LOOP) / EYE_LOOP
    side, up = -np.cos(angle), np.sin(angle)
    ends = np.abs(side) ** 3
    grow = {
        "orbit": (0.060, 0.120, 0.105),
        "crease": (0.028, 0.062, 0.050),
        "lid": (0.010, 0.026, 0.022),
        "margin": (0, 0, 0),
    }
    skin = {
        "orbit": (1.0, 1.0),
        "crease": (0.30, 0.95),
        "lid": (0.0, 0.5),
        "margin": (0.0, 0.0),
    }  # share of face: middle, ends
    for name, (out, above, below) in grow.items():
        px = x + out * side
        py = y + np.where(up > 0, above, below) * np.sign(up) * np.abs(up) ** 0.8
        share = skin[name][0] + (skin[name][1] - skin[name][0]) * ends
        z = share * (depth(px, py) + relief(px, py)) + (1 - share) * lid_sphere(px, py, a.LID_RADIUS)
        half.add(f"eye_{name}", np.stack([px, py, z], axis=1), on_chart(px, py))
    centre = np.array(a.EYE_CENTRE)
    margin = half.position[-1]
    inside = centre + (margin - centre) * 0.9 * a.EYE_RADIUS / np.linalg.norm(margin - centre, axis=1, keepdims=True)
    chart = on_chart(*(centre[:2] + 0.9 * (margin[:, :2] - centre[:2])).T)
    half.add("eye_back", inside, chart)


def mouth_line(corner: tuple[float, float], line: list[tuple[float, float]]) -> np.ndarray:
    """(8, 2) points of a line from the middle to the corner."""
    share = np.array([0, 0.14, 0.275, 0.44, 0.62, 0.775, 0.905, 1.0])
    points = np.array([*line, corner])
    x = share * corner[0]
    return np.stack([x, spline(points[:, 0], points[:, 1], x)], axis=1)


def add_mouth(half: Half) -> None:
    """Half loops around the mouth, upper middle to corner to lower middle, from the skin to where the lips touch."""
    upper, lower = (mouth_line(a.MOUTH_CORNER, line) for line in (a.UPPER_BORDER, a.LOWER_BORDER))
    contact = mouth_line(a.INNER_CORNER, a.CONTACT)
    loops = {
        "border": (upper, lower),
        "body": (0.5 * upper + 0.5 * contact, 0.5 * lower + 0.5 * contact),
        "wet": (0.2 * upper + 0.8 * contact, 0.2 * lower + 0.8 * contact),
        "contact": (contact, contact),
    }
    for name, (out, up, down) in {"around": (0.11, 0.075, 0.06), "skin": (0.05, 0.035, 0.03)}.items():
        along = np.linspace(0, 1, 8)[:, None] ** 2
        loops[name] = (
            upper + along * [out, 0] + (1 - along) * [0, up],
            lower + along * [out, 0] - (1 - along) * [0, down],
        )
    lift = {  # depth over the face: upper, lower, corner
        "around": (0.0, -0.004, -0.004), "skin": (0.0, -0.006, -0.015), "border": (0.022, 0.008, -0.035),
        "body": (0.042, 0.045, -0.04), "wet": (0.022, 0.030, -0.045), "contact": (-0.006, -0.006, -0.05),
    }  # fmt: skip
    for name in MOUTH_RINGS:
        top, low = loops[name]
        points = np.concatenate([top, low[6::-1]])
        high, deep, end = lift[name]
        taper = (np.abs(points[:, 0]) / points[7, 0]) ** 2
        side = np.concatenate([np.full(7, high), [end], np.full(7, deep)])
        z = depth(*points.T) + relief(*points.T) + side * (1 - taper) + end * taper
        gap = np.zeros((15, 2))
        gap[:, 1] = 0.03 * (1 - taper) * np.sign(7 - np.arange(15))
        shift = {"contact": 1.0, "wet": 0.85, "body": 0.5}.get(name, 0.0)
        position = np.column_stack([points, z])
        half.add(f"mouth_{name}", position, on_chart(*points.T) + shift * gap)


def add_line(half: Half, name: str, points: list[tuple[float, float]]) -> None:
    """Vertices of the face at frontal places (x, y)."""
    x, y = np.array(points).T
    half.add(name, np.column_stack([x, y, depth(x, y) + relief(x, y)]), on_chart(x, y))


def add_brow(half: Half) -> None:
    """Four lines along the brow, thinner outwards; "brow" holds the landmarks at every other place."""
    marks = np.array(a.BROW)
    x = np.interp(np.arange(9), np.arange(0, 9, 2), marks[:, 0])
    y = spline(marks[:, 0], marks[:, 1], x)
    for name, above in BROW_LINES.items():
        add_line(half, name, list(zip(x, y + above * np.linspace(1.0, 0.55, 9))))
    add_line(half, "brow_ends", [(0.078, 0.575), (0.078, 0.535)])


def ribbon(first: np.ndarray, second: np.ndarray, *, closed: bool) -> np.ndarray:
    """Triangles between two loops of the same length."""
    here, there = np.arange(len(first)), np.roll(np.arange(len(first)), -1)
    if not closed:
        here, there = here[:-1], there[:-1]
    return np.concatenate(
        [
            np.stack([first[here], first[there], second[there]], axis=1),
            np.stack([first[here], second[there], second[here]], axis=1),
        ]
    )


def ribbons(half: Half) -> np.ndarray:
    """The lips, and the edges of the lids: strips between loops, counter-clockwise from outside."""
    mouth = [half.rings[f"mouth_{name}"] for name in MOUTH_RINGS[2:]]
    eye = [half.rings[f"eye_{name}"] for name in EYE_RINGS[1:]]
    brow = [half.rings[name] for name in BROW_LINES]
    strips = [ribbon(upper, lower, closed=False)[:, ::-1] for upper, lower in pairwise(brow)]
    strips += [ribbon(outer, inner, closed=False)[:, ::-1] for outer, inner in pairwise(mouth)]
    strips += [ribbon(outer, inner, closed=True)[:, ::-1] for outer, inner in pairwise(eye)]
    return np.concatenate(strips)


def add_features(half: Half) -> None:
    """Nose, brows, and the lines down the middle and along the jaw."""
    ridge = [0.37, 0.315, 0.26, 0.21, 0.16, 0.10, 0.04, 0.0, -0.04, -0.075, -0.1, -0.118, -0.15, -0.185]
    add_line(half, "ridge", [(0.0, y) for y in ridge])
    add_line(half, "nose", [(x, y) for y in (0.315, 0.26, 0.21, 0.16, 0.10) for x in (0.045, 0.09, 0.14)])
    add_line(half, "tip", [(x, y) for y in (0.045, 0.0, -0.04, -0.075) for x in (0.045, 0.09, 0.135, 0.175, 0.215)])
    add_line(half, "base", [(0.03, -0.1), (0.068, -0.095), (0.105, -0.1), (0.15, -0.105), (0.19, -0.1)])
    add_line(half, "under", [(0.062, -0.12), (0.13, -0.125), (0.18, -0.132), (0.215, -0.125)])
    add_line(half, "wing", [(0.255, 0.01), (0.265, -0.05), (0.262, -0.10), (0.245, -0.155)])
    add_brow(half)
    add_line(half, "chin", [(0.0, y) for y in (-0.52, -0.57, -0.625, -0.68, -0.73)])
    add_line(half, "forehead", [(0.0, y) for y in (0.44, 0.51, 0.58, 0.66, 0.75, 0.87)])
    angle, label = locate(*(np.array(a.JAW[3:]).T))
    half.add("jaw", surface(angle, label), np.stack([ACROSS * angle, label], axis=1))


def add_fill(half: Half, width: float) -> None:
    """Vertices of the face between all that is there already, up to `width` on the chart."""
    taken = np.concatenate(half.chart)
    fill = []
    for k, row in enumerate(np.arange(BOTTOM + 0.075, TOP - 0.04, 0.075)):
        line = np.arange(0.045 * (k % 2), width - 0.05, 0.09)
        fill += [(c, row) for c in line]
    points = np.array(fill)
    hole = points_inside(points, half.chart_of("eye_orbit")) | points_inside(points, half.chart_of("mouth_skin"))
    near = np.sqrt(((points[:, None] - taken) ** 2).sum(2)).min(1)
    points = points[(near > 0.055) & ~hole]
    position = surface(points[:, 0] / ACROSS, points[:, 1])
    shown = step(1.2, 0.9, points[:, 0] / ACROSS)
    position[:, 2] += shown * relief(position[:, 0], position[:, 1])
    half.add("fill", position, points)


def free_triangles(half: Half) -> np.ndarray:
    """Delaunay's triangles of the face, without those inside the loops that ribbons fill."""
    from scipy.spatial import Delaunay

    chart = np.concatenate(half.chart)
    inner = [*(f"mouth_{name}" for name in MOUTH_RINGS[3:]), *(f"eye_{name}" for name in EYE_RINGS[2:])]
    held = [half.rings[name] for name in inner] + [half.rings[name][1:-1] for name in ("brow", "brow_lower")]
    free = np.setdiff1d(np.arange(half.count), np.concatenate(held))  # ribbons take the others
    triangles = free[Delaunay(chart[free]).simplices]
    middle = chart[triangles].mean(1)
    keep = ~points_inside(middle, half.chart_of("eye_crease"))
    keep &= ~points_inside(middle, half.chart_of("mouth_border"))
    brow = np.concatenate([half.chart_of("brow_above"), half.chart_of("brow_below")[::-1]])
    keep &= ~points_inside(middle, brow)
    corners = chart[triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.where((area < 0)[:, None], triangles[:, ::-1], triangles)[keep & (np.abs(area) > 1e-7)]


def half_face() -> tuple[Half, np.ndarray]:
    """The left half of face, head and neck, and its triangles (F, 3), counter-clockwise from outside."""
    half = Half()
    add_eye(half)
    add_mouth(half)
    add_features(half)
    columns = np.linspace(0, FACE_ANGLE, 15) * ACROSS
    rows = np.array([-0.97, -0.86, -0.75, -0.64, -0.52, -0.38, -0.22, -0.06, 0.1, 0.26, 0.42, 0.58, 0.72, 0.86, 1.0])
    edge = np.concatenate(
        [
            [(c, rows[0]) for c in columns], [(c, rows[-1]) for c in columns],
            [(columns[-1], r) for r in rows[1:-1]], [(0.0, r) for r in (-0.88, -0.8)],
        ]
    )  # fmt: skip
    position = surface(edge[:, 0] / ACROSS, edge[:, 1])
    half.add("edge", position, edge)

    add_fill(half, columns[-1])
    return half, np.concatenate([free_triangles(half), ribbons(half), add_back(half, columns, rows)])


def add_back(half: Half, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The regular grid behind and below the face and over the crown; its triangles."""
    around = np.concatenate([columns, ACROSS * np.linspace(FACE_ANGLE, np.pi, 10)[1:]])
    along = np.concatenate([[-1.85, -1.6, -1.35, -1.15, -1.06], rows, [1.13, 1.27, 1.4]])
    chart = np.concatenate(half.chart)
    index = np.full((len(along), len(around)), -1)
    new: list[tuple[float, float]] = []
    for i, row in enumerate(along):
        for j, column in enumerate(around):
            if column < columns[-1] - 1e-9 and BOTTOM + 1e-9 < row < TOP - 1e-9:
                continue
            same = np.flatnonzero(np.abs(chart - [column, row]).max(1) < 1e-9)
            if len(same):
                index[i, j] = same[0]
            else:
                index[i, j] = half.count + len(new)
                new.append((column, row))
    points = np.array(new)
    half.add("behind", surface(points[:, 0] / ACROSS, points[:, 1]), points)
    half.add("crown", np.array([a.CROWN]), np.array([[ACROSS * np.pi / 2, 1.46]]))
    a00, a01, a10, a11 = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    full = (a00 >= 0) & (a01 >= 0) & (a10 >= 0) & (a11 >= 0)
    quads = np.stack([a00, a01, a11, a00, a11, a10], axis=-1)[full].reshape(-1, 3)
    inner = (quads[:, :, None] == half.rings["edge"]).any(2).all(1)
    inside = inner & points_inside(
        np.concatenate(half.chart)[quads].mean(1),
        np.array([[0, BOTTOM], [columns[-1], BOTTOM], [columns[-1], TOP], [0, TOP]]),
    )
    top = index[-1]
    fan = np.stack([top[:-1], top[1:], np.full(len(top) - 1, half.count - 1)], axis=1)
    return np.concatenate([quads[~inside], fan])
