"""The parts beside the skin: eyeballs, mouth cavity, teeth, tongue, ears, hair, torso."""

from dataclasses import dataclass

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.curves import bump, step
from models.face3d.procedural.skull import surface


@dataclass(frozen=True)
class Part:
    """name; vertices (N, 3); triangles (F, 3), counter-clockwise from outside; uv (N, 2) within the part's own square;
    columns: of a grid stored row by row, 0 where it is none.
    """

    name: str
    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    columns: int = 0


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
    return Part(name, vertices.reshape(-1, 3), grid_triangles(rows, columns), uv.reshape(-1, 2), columns)


def turned(uv: np.ndarray, axis: int) -> np.ndarray:
    """The same uv (N, 2) with one axis reversed, so that triangles stay counter-clockwise in the texture."""
    return np.where(np.arange(2) == axis, 1 - uv, uv)


def mirrored(part: Part, name: str) -> Part:
    """The same on the other side."""
    return Part(name, part.vertices * [-1, 1, 1], part.triangles[:, ::-1], turned(part.uv, 0), part.columns)


# Angle from the gaze of the rings: pupil, iris and white meet in pairs of rings, so that their borders are sharp.
EYE_RING_ANGLES = np.array([0.155, 0.165, 0.385, 0.42, 0.44, 0.60, 0.80, 1.08, 1.45])
EYE_SPOKES = 18


def eyeball() -> Part:
    """The left one, looking straight ahead; vertex 0 is the middle of the pupil. uv: equidistant around the gaze."""
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
    """A row of teeth from the subject's right to left: inner side, back edge, cutting edge, middle, neck, gum."""
    columns = 21
    turn = np.linspace(-1.45, 1.45, columns)
    half, front = (0.300, 1.055) if upper else (0.285, 1.030)
    x, z = half * np.sin(turn), front - 0.46 * (1 - np.cos(turn))
    lines = [
        (-0.060, 0.070),
        (-0.035, 0.006),
        (0.0, 0.0),
        (0.0, 0.04),
        (-0.01, 0.085),
        (-0.02, 0.15),
    ]  # depth, height over the edge
    edge = -0.352 if upper else -0.362
    rows = [np.stack([x * (1 + d), np.full(columns, edge + (h if upper else -h)), z + d], axis=1) for d, h in lines]
    part = grid("teeth_upper" if upper else "teeth_lower", np.stack(rows))
    return part if upper else Part(part.name, part.vertices, part.triangles[:, ::-1], turned(part.uv, 1), part.columns)


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
    return Part(part.name, part.vertices, part.triangles[:, ::-1], turned(part.uv, 1), part.columns)


def ear() -> Part:
    """The left one, rows from the bowl outwards over the rim and behind it, columns once around from the back upwards.

    In the plane of the ear: a towards the back, b upwards, out away from the head.
    """
    turn = np.linspace(0, 2 * np.pi, 19)
    cos, sin = np.cos(turn), np.sin(turn)
    radius = np.array([0.03, 0.30, 0.48, 0.60, 0.72, 0.87, 0.97, 1.0, 0.90, 0.5])[:, None]
    high = np.array([-0.055, -0.048, -0.020, 0.018, 0.008, 0.004, 0.030, 0.012, -0.040, -0.16])[:, None]
    rim = step(-0.95, -0.35, cos) * step(-0.98, -0.55, sin)  # the rolled part: top, back; neither cheek nor lobe
    flat = np.interp(radius, [0, 0.5, 0.8, 1.0], [-0.045, -0.004, 0.0, -0.004])
    out = np.where(np.arange(10)[:, None] < 7, rim * high + (1 - rim) * flat, high - 0.012 * (1 - rim))
    out = out + 0.028 * bump(radius, 0.66, 0.16) * bump(turn, np.pi * 1.02, 0.35) * (
        np.arange(10)[:, None] < 7
    )  # tragus
    wide = np.where(cos > 0, 0.175, 0.150) * (1 - 0.22 * step(0.1, -1.0, sin)) * cos + 0.02 * sin
    tall = np.where(sin > 0, 0.310, 0.300) * sin
    along, up = 0.155 + radius * wide, radius * tall
    lean = 0.40
    x = 0.738 + along * np.sin(lean) + out * np.cos(lean) + 0.03 * up
    y = 0.150 + up
    z = 0.205 - along * np.cos(lean) + out * np.sin(lean) - 0.17 * up
    part = grid("ear", np.stack([x, y, z], axis=-1))
    return Part("ear", part.vertices, part.triangles[:, ::-1], turned(part.uv, 0), part.columns)


HAIRLINE = np.array(  # angle in degrees from straight ahead, label of the section; sideburns before the ears
    [
        (0, 0.97), (10, 0.985), (20, 0.995), (30, 0.98), (39, 0.93), (47, 0.84), (54, 0.73), (61, 0.61), (67, 0.48),
        (71, 0.30), (77, 0.22),
        (83, 0.25), (88, 0.42), (94, 0.50), (100, 0.49), (106, 0.33), (113, 0.05), (124, -0.30), (140, -0.52),
        (160, -0.62), (180, -0.64),
    ]
)  # fmt: skip


def hair() -> Part:
    """A cap over the scalp; rows from the hairline to the crown, columns once around from the back over the right."""
    line = np.concatenate([HAIRLINE[:0:-1] * [-1, 1], HAIRLINE])
    around, low = np.radians(line[:, 0]), line[:, 1]
    angle = np.abs(around)
    levels = np.array([0.0, 0.015, 0.06, 0.16, 0.30, 0.46, 0.62, 0.80, 1.0])
    thickness = np.array([-0.02, 0.022, 0.052, 0.08, 0.10, 0.105, 0.105, 0.10, 0.10])
    labels = low + (1.40 - low) * np.linspace(0, 1, 24)[:, None]
    lines = np.stack([surface(angle, label) for label in labels])
    lines = np.concatenate([lines, np.broadcast_to(a.CROWN, (1, len(angle), 3))])
    lines[..., 0] *= np.where(around < 0, -1.0, 1.0)
    length = np.concatenate([np.zeros((1, len(angle))), np.sqrt((np.diff(lines, axis=0) ** 2).sum(-1)).cumsum(0)])
    rows = np.stack(
        [[np.interp(levels * length[-1, j], length[:, j], lines[:, j, k]) for k in range(3)] for j in range(len(angle))]
    ).transpose(2, 0, 1)
    out = rows - np.array([0.0, 0.30, -0.05])
    return grid("hair", rows + thickness[:, None, None] * out / np.linalg.norm(out, axis=-1, keepdims=True))


def torso() -> Part:
    """Collar, shoulders, chest and back; rows upwards, columns once around from the back over the right."""
    columns = 29
    turn = np.linspace(-np.pi, np.pi, columns)
    #          height, half width, half depth, middle z, squareness
    sections = np.array(
        [
            (-3.60, 1.95, 0.85, -0.20, 2.6), (-2.60, 1.98, 0.86, -0.22, 2.6), (-2.05, 1.96, 0.80, -0.26, 2.6),
            (-1.76, 1.78, 0.74, -0.28, 2.5),
            (-1.58, 1.48, 0.69, -0.25, 2.4), (-1.45, 1.12, 0.66, -0.18, 2.2), (-1.36, 0.86, 0.64, -0.13, 2.0),
            (-1.28, 0.69, 0.625, -0.10, 2.0),
            (-1.19, 0.625, 0.612, -0.09, 2.0), (-1.165, 0.605, 0.60, -0.09, 2.0), (-1.20, 0.58, 0.585, -0.09, 2.0),
            (-1.42, 0.48, 0.50, -0.09, 2.0),
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
    """Loops (n, 3) behind the loop where the lips touch: inner lips, then a bag around teeth and tongue.

    The loop begins in the upper middle and runs over the left corner; it is mirror-symmetric.
    """
    turn = 2 * np.pi * np.arange(len(contact)) / len(contact)
    side, high = contact[:, 0] / a.INNER_CORNER[0], np.cos(turn)
    inner = contact + np.stack([0 * side, 0.03 * high, -0.05 + 0 * side], axis=1)
    rings = [inner]
    for width, up, down, z, curve in (
        (0.315, 0.17, 0.21, 0.93, 0.16),
        (0.33, 0.20, 0.24, 0.60, 0.05),
        (0.22, 0.13, 0.17, 0.25, 0.0),
    ):
        y = a.MOUTH_LINE + np.where(high > 0, up, down) * high
        rings.append(np.stack([width * np.sin(turn), y, z - curve * np.sin(turn) ** 2], axis=1))
    return rings
