"""Hair as one sheet of strands around the skull: a grid from the crown down, in the head's rest coordinates.

Columns run around the head by azimuth (0 in front, positive to the image's right), rows from the crown along the
strands. The path coordinate q of a strand is its angle from the top of the head until the horizon through the brows
(pi / 2), and beyond that pi / 2 + decimetres below it.
"""

from dataclasses import dataclass

import numpy as np
import torch

from datamodules.synthetic.person import Hair

COLUMNS, ROWS = 72, 26
HORIZON = np.pi / 2


@dataclass(frozen=True)
class Style:
    """A hair cut, in decimetres and radians.

    top, side: thickness over the crown and at the temples; front: how much thicker over the forehead;
    line: q of the front hairline; temple: q at the temples; ear: q over the ears; nape: q at the back;
    hang: 0 follows the skin, 1 falls straight; opening: azimuth where the side hair begins to be long;
    fringe: most of what may fall over the forehead; bun: radius of a knot on the crown; lock: depth of locks;
    soft: share of a strand's length over which it thins out; curl: least curliness.
    """

    top: float = 0.12
    side: float = 0.07
    front: float = 0.0
    line: float = 0.92
    temple: float = 1.30
    ear: float = 1.50
    nape: float = 2.25
    hang: float = 0.0
    opening: float = 1.0
    fringe: float = 0.0
    bun: float = 0.0
    lock: float = 0.1
    soft: float = 0.12
    curl: float = 0.0
    long: bool = False


STYLES: dict[str, Style | None] = {
    "bald": None,
    "shaved": None,
    "short": Style(top=0.10, side=0.05, fringe=0.15),
    "crop": Style(top=0.13, side=0.04, fringe=0.35, lock=0.16),
    "side": Style(top=0.17, side=0.07, front=0.06, fringe=0.3, nape=2.35),
    "quiff": Style(top=0.17, side=0.05, front=0.17, line=0.9, lock=0.14),
    "curly": Style(
        top=0.26, side=0.18, front=0.05, fringe=0.4, temple=1.35, ear=1.75, nape=2.4,
        lock=0.12, curl=0.8, hang=0.3, soft=0.04,
    ),
    "afro": Style(
        top=0.50, side=0.42, line=0.95, temple=1.32, ear=1.95, nape=2.6, lock=0.12, curl=1.0, hang=0.3, soft=0.02,
    ),
    "bob": Style(top=0.15, side=0.14, fringe=0.75, temple=1.4, ear=2.5, nape=2.6, hang=1.0, opening=0.95, long=True),
    "long": Style(top=0.13, side=0.12, fringe=0.45, temple=1.4, ear=3.3, nape=3.5, hang=1.0, opening=1.0, long=True),
    "waves": Style(
        top=0.17, side=0.17, fringe=0.5, temple=1.4, ear=3.1, nape=3.3, hang=1.0, opening=0.95,
        long=True, lock=0.2, curl=0.5,
    ),
    "bun": Style(top=0.06, side=0.04, line=0.9, temple=1.35, ear=1.52, nape=2.3, bun=0.34, lock=0.03, soft=0.06),
}  # fmt: skip


def frizz(hair: Hair) -> float:
    """How far the outline frays, 0 to 1."""
    style = STYLES[hair.style]
    return 0.0 if style is None else 0.12 + 0.5 * max(style.curl, 0.5 * hair.curl)


@dataclass(frozen=True)
class HairMesh:
    """A sheet in rest coordinates: vertices, normals and strand directions (N, 3); uv (N, 2), u around the head and
    v along the strand; stiffness (N,): 1 turns with the head, 0 stays with the torso; triangles (F, 3).
    """

    vertices: torch.Tensor
    normals: torch.Tensor
    tangents: torch.Tensor
    uv: torch.Tensor
    stiffness: torch.Tensor
    triangles: torch.Tensor


@dataclass(frozen=True)
class Skull:
    """Where the hair hangs on: the centre (3,) at the brows' height, points (N, 3) of the skin and of the ears."""

    centre: np.ndarray
    points: np.ndarray
    ears: np.ndarray

    def radius(self, directions: np.ndarray, window: float = 0.16) -> np.ndarray:
        """Distance (...) from the centre to the surface along unit vectors (..., 3): the farthest point nearby."""
        points = (self.points - self.centre).astype(np.float32)
        distance = np.linalg.norm(points, axis=1)
        cosine = directions.reshape(-1, 3).astype(np.float32) @ (points / distance[:, None]).T
        weight = np.exp((cosine - 1) * (2 / window**2)) * distance**12 + np.float32(1e-9)
        return ((weight @ distance) / weight.sum(1)).reshape(directions.shape[:-1])

    def girth(self, azimuth: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Distance (...) from the vertical axis to the surface, ears included, at azimuths and heights (...)."""
        points = (np.concatenate([self.points, self.ears]) - self.centre).astype(np.float32)
        radius = np.hypot(points[:, 0], points[:, 2])
        angle = np.arctan2(points[:, 0], points[:, 2])
        azimuth, height = azimuth.astype(np.float32), height.astype(np.float32)
        turn = 1 - np.cos(azimuth.reshape(-1, 1) - angle)
        rise = (height.reshape(-1, 1) - points[:, 1]) ** 2
        weight = np.exp(turn * -80 - rise * 100) * radius**8 + np.float32(1e-9)
        return ((weight @ radius) / weight.sum(1)).reshape(azimuth.shape)


def _noise(rng: np.random.Generator, rows: int, columns: int, shape: tuple[int, int]) -> np.ndarray:
    """Smooth noise over a grid that closes around the head."""
    import cv2

    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    coarse = np.concatenate([coarse, coarse[:, :1]], axis=1)
    fine = cv2.resize(coarse, (shape[1] * 2, shape[0] * 2), interpolation=cv2.INTER_CUBIC)
    return fine[::2, ::2]


def _ends(style: Style, hair: Hair, azimuth: np.ndarray) -> np.ndarray:
    """Q at which the strands of each azimuth end."""
    away = np.abs(azimuth)
    line = style.line - 0.30 * hair.recession
    corner = line - 0.18 * hair.recession  # the hairline recedes first over the temples
    extra = (hair.length - 1.0) if style.long else 0.0
    keys = [0.0, 0.35, 0.62, 0.85, style.opening + 0.08, 1.45, 1.85, 2.2, np.pi]
    side = style.temple if not style.long else style.ear + 0.6 * extra
    ends = [
        line,
        line + 0.02,
        corner + 0.12,
        0.5 * (corner + style.temple),
        side,
        style.ear + extra,
        style.ear + extra,
        style.nape + extra,
        style.nape + extra,
    ]
    q = np.interp(away, keys, ends)
    over = np.clip(1 - ((azimuth - 0.5 * hair.parting) / 0.75) ** 2, 0, 1) ** 0.5
    return q + style.fringe * hair.fringe * over * (HORIZON - 0.22 - line)


def hair_mesh(hair: Hair, skull: Skull, seed: int) -> HairMesh:
    """The sheet of a hair cut around this skull; empty where there is too little hair to stand off the skin."""
    style = STYLES[hair.style]
    if style is None:
        return _no_hair()
    rng = np.random.default_rng((seed, 101))
    azimuth = np.linspace(-np.pi, np.pi, COLUMNS + 1)[None, :]
    share = (np.linspace(0, 1, ROWS) ** 0.9)[:, None]
    end = _ends(style, hair, azimuth)
    q = 0.03 + share * (end - 0.03)
    angle, below = np.minimum(q, HORIZON), np.maximum(q - HORIZON, 0)

    direction = np.stack(
        [np.sin(angle) * np.sin(azimuth), np.cos(angle) + 0 * azimuth, np.sin(angle) * np.cos(azimuth)], axis=-1
    )
    scalp = skull.radius(direction)
    top = np.clip(np.cos(angle), 0, 1) ** 0.7
    frontal = np.exp(-(((angle - 0.75) / 0.4) ** 2) - (azimuth / 0.9) ** 2)
    thick = (style.side + (style.top - style.side) * top + style.front * frontal) * hair.volume
    locks = np.clip(share * 4, 0, 1) * (_noise(rng, 5, 14, q.shape) + 0.6 * _noise(rng, 7, 30, q.shape))
    thick = thick * (1 + np.clip((style.lock + 0.1 * hair.curl) * locks, -0.6, 0.6))
    # strands lie down where the hair ends on the skin, and a parting is a valley
    lying = np.clip((HORIZON + 0.4 - end) / 0.4, 0, 1) if style.long else 1.0
    thick = thick * (1 - 0.96 * lying * np.clip(1 - (end - 0.1 - q) / (0.4 + 0.6 * style.side), 0, 1) ** 1.6)
    valley = (
        np.exp(-(((azimuth - hair.parting) / 0.16) ** 2))
        * np.clip(1 - share * 0.8, 0, 1)
        * np.clip(share * 5 - 0.3, 0, 1)
        * (style.curl < 0.6)
        * (style.bun == 0)
    )
    thick = thick * (1 - 0.35 * valley) + 0.012
    if style.bun:
        knot = np.array([0.0, np.cos(0.45), -np.sin(0.45)])
        off = np.arccos(np.clip(direction @ knot, -1, 1))
        thick = thick + 1.5 * style.bun * np.sqrt(np.clip(1 - (off / style.bun) ** 2, 0, 1))

    radius = scalp + thick
    around = radius * np.sin(angle)
    height = radius * np.cos(angle) - below
    if below.max() > 0:
        skin = thick.copy()
        hanging = below > 0
        skin[hanging] += skull.girth(np.broadcast_to(azimuth, q.shape)[hanging], -below[hanging])
        straight = np.maximum.accumulate(np.where(below > 0, skin, around), axis=0)
        wave = (
            style.hang * (0.05 * (style.lock + 0.3 * hair.curl)) * np.sin(below * 9 + 3 * _noise(rng, 2, 24, q.shape))
        )
        fall = straight * (1 - 0.06 * np.clip(below, 0, 1)) + wave
        around = np.where(below > 0, style.hang * fall + (1 - style.hang) * skin, around)
    points = np.stack([around * np.sin(azimuth), height, around * np.cos(azimuth)], axis=-1)
    points = points + skull.centre
    return _sheet(points, below)


def _no_hair() -> HairMesh:
    """One point and no triangle."""
    nothing = torch.zeros(1, 3)
    return HairMesh(nothing, nothing, nothing, torch.zeros(1, 2), torch.ones(1), torch.zeros(0, 3, dtype=torch.long))


def _sheet(points: np.ndarray, below: np.ndarray) -> HairMesh:
    """Triangles, normals and strand directions of a grid (R, C, 3)."""
    rows, columns = points.shape[:2]
    along = np.gradient(points, axis=0)
    across = np.gradient(points, axis=1)
    across[:, 0] = across[:, -1] = points[:, 1] - points[:, -2]
    normals = np.cross(along, across)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True).clip(1e-9)
    tangents = along / np.linalg.norm(along, axis=-1, keepdims=True).clip(1e-9)
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (index[s] for s in (np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[1:, 1:]))
    triangles = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    stiffness = 1 - np.clip((below - 0.6) / 1.0, 0, 1) * 0.8

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array.reshape(rows * columns, -1), dtype=np.float32))

    return HairMesh(
        vertices=tensor(points),
        normals=tensor(normals),
        tangents=tensor(tangents),
        uv=tensor(np.stack([u, v], -1)),
        stiffness=tensor(stiffness)[:, 0],
        triangles=torch.from_numpy(triangles),
    )
