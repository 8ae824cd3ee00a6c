"""What stands behind the speaker: plain studios, blurred rooms, shelves, lights at night, gardens."""

from dataclasses import dataclass

import cv2
import numpy as np

KINDS = ("studio", "backdrop", "room", "shelves", "bokeh", "garden", "window", "panels")
_CANVAS = 320  # pictures are painted at this size and resampled, so that every frame size shows the same place


@dataclass(frozen=True)
class Background:
    """`kind` is one of KINDS; `seed` draws its shapes and colours; `blur` is in parts of the picture's width."""

    kind: str
    seed: int
    blur: float


def draw_background(rng: np.random.Generator) -> Background:
    """One of all kinds, sharp or out of focus."""
    kind = KINDS[rng.integers(len(KINDS))]
    return Background(kind, int(rng.integers(2**31)), float(rng.uniform(0.008, 0.035)))


def paint_background(background: Background, size: int) -> np.ndarray:
    """(size, size, 3) float32 RGB in [0, 1]."""
    rng = np.random.default_rng(background.seed)
    canvas = _PAINTERS[background.kind](rng)
    canvas = cv2.GaussianBlur(canvas, (0, 0), background.blur * _CANVAS)
    canvas = np.clip(canvas + rng.normal(0, 0.004, canvas.shape), 0, 1).astype(np.float32)
    way = cv2.INTER_AREA if size < _CANVAS else cv2.INTER_CUBIC
    return np.clip(cv2.resize(canvas, (size, size), interpolation=way), 0, 1)


def _colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    """A random hue as RGB."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(*saturation), rng.uniform(*value)]]], dtype=np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """X and y of the canvas in [0, 1], y down."""
    axis = (np.arange(_CANVAS, dtype=np.float32) + 0.5) / _CANVAS
    return np.meshgrid(axis, axis)


def _gradient(rng: np.random.Generator, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """From one colour to the other along a random direction, mostly downwards."""
    x, y = _grid()
    angle = rng.normal(0, 0.6)
    along = np.clip((x - 0.5) * np.sin(angle) + (y - 0.5) * np.cos(angle) + 0.5, 0, 1)[..., None]
    return first + (second - first) * along


def _box(canvas: np.ndarray, x: float, y: float, width: float, height: float, colour: np.ndarray) -> None:
    """A rectangle with corners in parts of the picture."""
    corner, other = (
        (round(x * _CANVAS), round(y * _CANVAS)),
        (round((x + width) * _CANVAS), round((y + height) * _CANVAS)),
    )
    cv2.rectangle(canvas, corner, other, [float(c) for c in colour], thickness=-1)


def _studio(rng: np.random.Generator) -> np.ndarray:
    """One colour with a pool of light behind the head."""
    x, y = _grid()
    colour = _colour(rng, (0.0, 0.45), (0.25, 0.9))
    pool = np.exp(-((x - rng.uniform(0.3, 0.7)) ** 2 + (y - rng.uniform(0.2, 0.6)) ** 2) / rng.uniform(0.08, 0.35))
    depth = rng.uniform(0.25, 0.7)
    return (colour * (1 - depth + depth * pool)[..., None]).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, scale: int) -> np.ndarray:
    """(C, C) in about [-1, 1], with `scale` bumps across."""
    coarse = rng.normal(0, 0.6, (scale, scale)).astype(np.float32)
    return cv2.resize(coarse, (_CANVAS, _CANVAS), interpolation=cv2.INTER_CUBIC)


def _backdrop(rng: np.random.Generator) -> np.ndarray:
    """A hand-painted canvas or a curtain."""
    base = _colour(rng, (0.05, 0.5), (0.25, 0.75))
    if rng.random() < 0.5:
        cloud = sum(_smooth_noise(rng, n) * w for n, w in ((4, 0.5), (8, 0.3), (16, 0.15)))
    else:
        x, _ = _grid()
        cloud = np.sin(x * rng.uniform(30, 70) + 1.5 * _smooth_noise(rng, 4)) * 0.6 + 0.2 * _smooth_noise(rng, 6)
    canvas = base * (1 + 0.35 * np.asarray(cloud)[..., None])
    return canvas.astype(np.float32) * _vignette(rng)


def _vignette(rng: np.random.Generator) -> np.ndarray:
    """Falling light (C, C, 1) from a random side."""
    x, y = _grid()
    return (1 - rng.uniform(0, 0.35) * (x - rng.uniform(0, 1)) ** 2 - rng.uniform(0, 0.4) * y**2)[..., None]


def _room(rng: np.random.Generator) -> np.ndarray:
    """A wall with pictures, furniture and a lamp."""
    wall = _colour(rng, (0.02, 0.3), (0.45, 0.9))
    canvas = np.ascontiguousarray(_gradient(rng, wall, wall * rng.uniform(0.6, 0.9)), dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        x, y, width, height = (
            rng.uniform(0, 0.85),
            rng.uniform(0.02, 0.4),
            rng.uniform(0.1, 0.28),
            rng.uniform(0.1, 0.3),
        )
        _box(canvas, x, y, width, height, _colour(rng, (0, 0.5), (0.1, 0.5)))
        _box(canvas, x + 0.015, y + 0.015, width - 0.03, height - 0.03, _colour(rng, (0.1, 0.6), (0.4, 0.95)))
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(-0.1, 0.8), rng.uniform(0.55, 0.8)
        _box(canvas, x, y, rng.uniform(0.2, 0.5), 1 - y, _colour(rng, (0.1, 0.6), (0.15, 0.6)))
    if rng.random() < 0.6:
        across, down = _grid()
        glow = np.exp(-((across - rng.choice([0.12, 0.88])) ** 2 + (down - rng.uniform(0.2, 0.5)) ** 2) / 0.01)
        canvas += glow[..., None] * np.array([0.6, 0.45, 0.25], dtype=np.float32)
    return canvas


def _shelves(rng: np.random.Generator) -> np.ndarray:
    """Rows of books of many colours, with gaps and a few objects."""
    wood = _colour(rng, (0.2, 0.6), (0.15, 0.55)) * np.array([1.1, 0.95, 0.8])
    canvas = np.full((_CANVAS, _CANVAS, 3), wood * 0.45, dtype=np.float32)
    palette = [_colour(rng, (0.1, 0.75), (0.15, 0.8)) for _ in range(7)]
    rows = int(rng.integers(4, 7))
    for row in range(rows):
        top, pitch = row / rows, 1 / rows
        x = rng.uniform(-0.05, 0.02)
        while x < 1:
            width = rng.uniform(0.018, 0.055)
            if rng.random() < 0.12:
                x += width * 2
                continue
            height = pitch * rng.uniform(0.55, 0.88)
            colour = palette[rng.integers(len(palette))] * rng.uniform(0.7, 1.2)
            _box(canvas, x, top + pitch * 0.93 - height, width * 0.9, height, colour)
            x += width
        _box(canvas, 0, top + pitch * 0.93, 1, pitch * 0.08, wood)
    return np.clip(canvas * rng.uniform(0.8, 1.15), 0, 1) * _vignette(rng).astype(np.float32)


def _bokeh(rng: np.random.Generator) -> np.ndarray:
    """Lights of a city at night, far out of focus."""
    dark = _colour(rng, (0.2, 0.7), (0.04, 0.22))
    canvas = np.ascontiguousarray(_gradient(rng, dark, dark * rng.uniform(0.4, 1.8)), dtype=np.float32)
    warm = rng.random() < 0.7
    for _ in range(rng.integers(18, 45)):
        colour = np.array([1.0, 0.7, 0.35]) * rng.uniform(0.5, 1) if warm else _colour(rng, (0.2, 0.8), (0.5, 1))
        if rng.random() < 0.25:
            colour = _colour(rng, (0.3, 0.9), (0.5, 1))
        disc = np.zeros_like(canvas)
        centre = tuple(int(v) for v in rng.uniform(0, _CANVAS, 2))
        cv2.circle(disc, centre, int(rng.uniform(0.015, 0.06) * _CANVAS), [float(c) for c in colour], -1, cv2.LINE_AA)
        canvas += disc * rng.uniform(0.15, 0.6)
    return np.clip(canvas, 0, 1)


def _garden(rng: np.random.Generator) -> np.ndarray:
    """Sky, leaves and light between them."""
    sky = np.array([0.75, 0.86, 0.97]) * rng.uniform(0.75, 1.02)
    leaf = np.array([0.25, 0.42, 0.16]) * rng.uniform(0.7, 1.4) + rng.normal(0, 0.04, 3)
    canvas = np.ascontiguousarray(_gradient(rng, np.clip(sky, 0, 1), leaf * 0.8), dtype=np.float32)
    horizon = rng.uniform(0.05, 0.5)
    for _ in range(rng.integers(150, 320)):
        x, y = rng.uniform(0, 1), rng.uniform(0, 1)
        if y < horizon * rng.uniform(0.3, 1.3):
            continue
        axes = tuple(int(v * _CANVAS) for v in rng.uniform(0.01, 0.07, 2))
        colour = leaf * rng.uniform(0.35, 1.7) + (np.array([0.25, 0.25, 0.05]) if rng.random() < 0.15 else 0)
        cv2.ellipse(
            canvas,
            (int(x * _CANVAS), int(y * _CANVAS)),
            axes,
            float(rng.uniform(0, 180)),
            0,
            360,
            [float(c) for c in np.clip(colour, 0, 1)],
            -1,
        )
    return canvas


def _window(rng: np.random.Generator) -> np.ndarray:
    """An office: dim wall, bright panes, blinds at times."""
    wall = _colour(rng, (0.02, 0.25), (0.25, 0.65))
    canvas = np.ascontiguousarray(_gradient(rng, wall, wall * 0.7), dtype=np.float32)
    left, width = rng.uniform(-0.2, 0.7), rng.uniform(0.3, 0.7)
    bottom = rng.uniform(0.5, 0.85)
    light = np.array([0.86, 0.91, 0.97]) * rng.uniform(0.7, 1.0)
    panes = int(rng.integers(1, 4))
    for pane in range(panes):
        _box(canvas, left + pane * width / panes, 0.03, width / panes - 0.02, bottom, light)
        _box(
            canvas,
            left + pane * width / panes,
            bottom * rng.uniform(0.5, 0.8),
            width / panes - 0.02,
            bottom * 0.2,
            light * np.array([0.6, 0.72, 0.62]),
        )
    if rng.random() < 0.4:
        for slat in range(14):
            _box(canvas, left, 0.03 + slat * bottom / 14, width - 0.02, bottom / 34, light * 0.72)
    return canvas


def _panels(rng: np.random.Generator) -> np.ndarray:
    """A wall of tiles, planks or bricks."""
    base = _colour(rng, (0.03, 0.45), (0.3, 0.8))
    canvas = np.full((_CANVAS, _CANVAS, 3), base * 0.7, dtype=np.float32)
    columns, rows = int(rng.integers(2, 9)), int(rng.integers(3, 16))
    shift = rng.choice([0.0, 0.5])
    for row in range(rows):
        for column in range(-1, columns + 1):
            x = (column + shift * (row % 2)) / columns
            colour = base * rng.uniform(0.85, 1.15)
            _box(canvas, x + 0.004, row / rows + 0.004, 1 / columns - 0.008, 1 / rows - 0.008, colour)
    return np.clip(canvas, 0, 1) * _vignette(rng).astype(np.float32)


_PAINTERS = {
    "studio": _studio,
    "backdrop": _backdrop,
    "room": _room,
    "shelves": _shelves,
    "bokeh": _bokeh,
    "garden": _garden,
    "window": _window,
    "panels": _panels,
}
