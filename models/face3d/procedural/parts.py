"""The parts beside the skin: eyeballs, mouth cavity, teeth, tongue, ears, hair, torso."""

from dataclasses import dataclass

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.curves import bump, spline, step
from models.face3d.procedural.skull import surface


@dataclass(frozen=True)
class Part:
    """name; vertices (N, 3); triangles (F, 3), counter-clockwise from outside; uv (N, 2) within the part's own square."""

    name: str
    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """(F, 3) of a grid stored row by row: seen with columns to the right and rows up, counter-clockwise."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    low, high = corner, corner + columns
    return np.concatenate([np.stack([low, low + 1, high + 1], 1), np.stack([low, high + 1, high], 1)])


def grid(name: str, vertices: np.ndarray, uv: np.ndarray | None = None) -> Part:
    """A part from (rows, columns, 3)."""
    rows, columns = vertices.shape[:2]
    if uv is None:
        uv = np.stack(np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows)), axis=-1)
    return Part(name, vertices.reshape(-1, 3), grid_triangles(rows, columns), uv.reshape(-1, 2))


def mirrored(part: Part, name: str) -> Part:
    """The same on the other side."""
    return Part(name, part.vertices * [-1, 1, 1], part.triangles[:, ::-1], part.uv)


# Angle from the gaze of the rings: pupil, iris and white meet in pairs of rings, so that their borders are sharp.
EYE_RING_ANGLES = np.array([0.155, 0.165, 0.27, 0.385, 0.42, 0.44, 0.56, 0.72, 0.92, 1.15, 1.45])
EYE_SPOKES = 18


def eyeball() -> Part:
    """The left one, looking straight ahead; vertex 0 is the middle of the pupil. uv: gaze in the middle, equidistant."""
    turn = 2 * np.pi * np.arange(EYE_SPOKES) / EYE_SPOKES + np.pi / 2
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    flat = np.sin(EYE_RING_ANGLES)[:, None, None] * ring
    deep = np.broadcast_to(np.cos(EYE_RING_ANGLES)[:, None, None], (*flat.shape[:2], 1))
    vertices = np.concatenate([[[0, 0, 1.0]], np.concatenate([flat, deep], axis=2).reshape(-1, 3)])
    spokes = np.arange(EYE_SPOKES)
    following = (spokes + 1) % EYE_SPOKES
    triangles = [np.stack([0 * spokes, 1 + spokes, 1 + following], axis=1)]
    for k in range(len(EYE_RING_ANGLES) - 1):
        near, far = 1 + k * EYE_SPOKES, 1 + (k + 1) * EYE_SPOKES
        triangles.append(np.stack([near + spokes, far + spokes, far + following], axis=1))
        triangles.append(np.stack([near + spokes, far + following, near + following], axis=1))
    radius = np.concatenate([[0], np.repeat(EYE_RING_ANGLES, EYE_SPOKES)]) / EYE_RING_ANGLES[-1]
    direction = np.concatenate([[[0, 0]], np.tile(ring, (len(EYE_RING_ANGLES), 1))])
    return Part(
        "eye",
        vertices * a.EYE_RADIUS + a.EYE_CENTRE,
        np.concatenate(triangles),
        0.5 + 0.5 * radius[:, None] * direction,
    )


def tooth_row(upper: bool) -> Part:
    """A row of teeth from the subject's right to left: back edge, cutting edge, middle, neck, gum."""
    columns = 19
    turn = np.linspace(-1.25, 1.25, columns)
    half, front = (0.245, 1.055) if upper else (0.222, 1.030)
    x = half * np.sin(turn) / np.sin(1.25)
    z = front - 0.33 * (1 - np.cos(turn)) / (1 - np.cos(1.25))
    lines = [(-0.035, 0.006), (0.0, 0.0), (0.0, 0.04), (-0.01, 0.085), (-0.02, 0.15)]  # depth, height over the edge
    edge = -0.352 if upper else -0.362
    rows = [np.stack([x * (1 + d), np.full(columns, edge + (h if upper else -h)), z + d], axis=1) for d, h in lines]
    part = grid("teeth_upper" if upper else "teeth_lower", np.stack(rows))
    return part if upper else Part(part.name, part.vertices, part.triangles[:, ::-1], part.uv)


def tongue() -> Part:
    """A flat ellipsoid behind the lower teeth; rows from the root to the tip and under it, columns right to left."""
    along = np.array([0.40, 0.55, 0.70, 0.84, 0.93, 0.965, 0.95, 0.88])
    height = np.array([-0.47, -0.42, -0.405, -0.415, -0.435, -0.46, -0.49, -0.51])
    half = np.array([0.16, 0.175, 0.17, 0.145, 0.105, 0.075, 0.07, 0.08])
    across = np.linspace(-1, 1, 7)
    x = half[:, None] * np.sin(across * np.pi / 2)
    y = height[:, None] - 0.05 * across**4 - 0.012 * np.exp(-((across / 0.25) ** 2))
    z = along[:, None] - 0.05 * across**2
    vertices = np.stack([x, y, z], axis=-1)
    part = grid("tongue", vertices)
    return Part(part.name, part.vertices, part.triangles[:, ::-1], part.uv)


def ear() -> Part:
    """The left one: a bowl with a rolled rim, leaning out and back. Rows from the middle outwards and round the back."""
    spokes = 20
    turn = np.linspace(0, 2 * np.pi, spokes + 1)
    outline = 1 + 0.10 * np.cos(2 * turn) + 0.06 * np.sin(turn) + 0.05 * np.cos(turn - 2.2)
    rings = [(0.08, -0.035), (0.35, -0.04), (0.58, -0.01), (0.72, 0.02), (0.86, 0.012), (1.0, 0.035), (1.02, 0.0), (0.85, -0.07), (0.5, -0.14)]
    rows = []
    for radius, out in rings:
        front = step(-0.2, -0.9, np.cos(turn))  # towards the face the rim runs into the cheek
        back, up = -radius * 0.155 * outline * np.cos(turn) * -1, radius * 0.305 * outline * np.sin(turn)
        lobe = step(-0.4, -0.9, np.sin(turn))
        lift = out * (1 - 0.75 * front) * (1 - 0.5 * lobe)
        rows.append(np.stack([lift, up, -back], axis=1))
    local = np.stack(rows)
    lean = 0.38
    x = 0.775 + local[..., 0] * np.cos(lean) - local[..., 2] * np.sin(lean) * 1.0
    z = 0.09 + local[..., 2] * np.cos(lean) + local[..., 0] * np.sin(lean) - 0.10 * local[..., 1]
    y = 0.155 + local[..., 1]
    part = grid("ear", np.stack([x, y, z], axis=-1))
    return Part("ear", part.vertices, part.triangles, part.uv)


HAIRLINE = np.array(  # angle in degrees from straight ahead, label of the section
    [(0, 0.98), (20, 1.0), (38, 0.95), (52, 0.78), (63, 0.62), (74, 0.45), (82, 0.22), (90, 0.40), (100, 0.42), (112, 0.10), (130, -0.40), (155, -0.62), (180, -0.65)]
)  # fmt: skip


def hair() -> Part:
    """A cap over the scalp; rows from the hairline to the crown, columns once around from the back over the right."""
    columns, levels = 41, np.array([0.0, 0.02, 0.08, 0.2, 0.36, 0.54, 0.74, 0.92])
    around = np.linspace(-np.pi, np.pi, columns)
    angle = np.abs(around)
    low = np.interp(np.degrees(angle), HAIRLINE[:, 0], HAIRLINE[:, 1])
    thickness = np.array([-0.015, 0.03, 0.06, 0.085, 0.10, 0.105, 0.105, 0.10])
    centre = np.array([0.0, 0.35, -0.05])
    rows = []
    for level, thick in zip(levels, thickness):
        label = low + (1.40 - low) * level
        base = surface(angle, label)
        base[:, 0] *= np.where(around < 0, -1.0, 1.0)
        out = base - centre
        rows.append(base + thick * out / np.linalg.norm(out, axis=1, keepdims=True))
    top = np.broadcast_to(np.array(a.CROWN) + [0, 0.10, 0], (columns, 3))
    return grid("hair", np.stack([*rows, top]))


def torso() -> Part:
    """Collar, shoulders, chest and back; rows upwards, columns once around from the back over the right."""
    columns = 41
    turn = np.linspace(-np.pi, np.pi, columns)
    #          height, half width, half depth, middle z, squareness
    sections = np.array(
        [
            (-3.60, 1.95, 0.85, -0.20, 2.6), (-2.70, 1.98, 0.86, -0.22, 2.6), (-2.15, 1.98, 0.82, -0.26, 2.6), (-1.82, 1.85, 0.76, -0.30, 2.5),
            (-1.62, 1.58, 0.70, -0.30, 2.4), (-1.47, 1.20, 0.63, -0.26, 2.2), (-1.36, 0.86, 0.57, -0.22, 2.0), (-1.28, 0.68, 0.53, -0.20, 2.0),
            (-1.20, 0.60, 0.52, -0.18, 2.0), (-1.16, 0.575, 0.505, -0.175, 2.0), (-1.20, 0.55, 0.49, -0.17, 2.0),
        ]
    )  # fmt: skip
    rows = []
    for height, half, deep, middle, power in sections:
        sine, cosine = np.sin(turn), np.cos(turn)
        round_ = (np.abs(sine) ** power + np.abs(cosine) ** power) ** (-1 / power)
        drop = -0.16 * step(0.0, 1.0, cosine) * step(-2.2, -1.3, np.full(columns, height))
        rows.append(np.stack([half * round_ * sine, height + drop, middle + deep * round_ * cosine], axis=1))
    return grid("torso", np.stack(rows))


def cavity_rings(contact: np.ndarray) -> list[np.ndarray]:
    """Loops (n, 3) behind the loop where the lips touch: inner lips, then a bag around teeth and tongue."""
    middle = np.array([0.0, a.MOUTH_LINE, 0.0])
    side, high = contact[:, 0] / a.INNER_CORNER[0], np.sign(contact[:, 1] - a.MOUTH_LINE)
    high = np.where(np.abs(side) > 0.97, 0.0, high) * np.sqrt(np.maximum(1 - side**2, 0))
    inner = contact + np.stack([0 * side, 0.035 * high, -0.045 + 0 * side], axis=1)
    rings = [inner]
    for width, up, down, z, curve in ((0.31, 0.16, 0.22, 0.90, 0.12), (0.33, 0.20, 0.24, 0.60, 0.05), (0.20, 0.12, 0.16, 0.25, 0.0)):
        y = middle[1] + np.where(high > 0, up, down) * high
        rings.append(np.stack([width * side, y, z - curve * side**2], axis=1))
    return rings
