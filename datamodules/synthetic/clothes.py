"""What the speaker wears: colours, a neckline and a pattern painted on the shoulders."""

from dataclasses import dataclass

import cv2
import numpy as np

from datamodules.synthetic.canvas import Atlas, Paint

PATTERNS = ("plain", "plain", "stripes", "check", "dots", "knit", "denim")
NECKLINES = ("crew", "vee", "shirt", "jacket", "polo", "hoodie")


@dataclass(frozen=True)
class Clothes:
    """Main and second colour (RGB), pattern, neckline, and a seed for folds."""

    colour: tuple[float, float, float]
    second: tuple[float, float, float]
    pattern: str
    neckline: str
    seed: int


def _cloth_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Mostly muted colours, black, white and grey at times."""
    muted = rng.random() < 0.4
    hsv = np.array(
        [[[rng.uniform(0, 360), rng.uniform(0, 0.12) if muted else rng.uniform(0.2, 0.8), rng.uniform(0.08, 0.85)]]]
    )
    red, green, blue = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return red, green, blue


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Any pattern with any neckline."""
    return Clothes(
        colour=_cloth_colour(rng),
        second=_cloth_colour(rng),
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
        neckline=NECKLINES[rng.integers(len(NECKLINES))],
        seed=int(rng.integers(2**31)),
    )


_LEFT, _TOP, _WIDTH, _HEIGHT = (
    -2.2,
    -0.8,
    4.4,
    3.0,
)  # what the garment's picture covers, seen from the front, in decimetres
_SCALE = 220  # its texels per decimetre


def paint_clothes(paint: Paint, atlas: Atlas, clothes: Clothes, skin_colour: np.ndarray) -> None:
    """The torso, dressed; `skin_colour` (3,) shows in open necks."""
    rng = np.random.default_rng(clothes.seed)
    texels = atlas.within("torso").astype(np.float32)
    x, y, z = atlas.axes
    picture, relief = _garment(clothes, rng, skin_colour)
    column, row = (x - _LEFT) * _SCALE, (_TOP - y) * _SCALE
    column = np.where(z > -0.35, column, 2 * _SCALE * 0.2)  # the back is plain cloth
    colour = cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    height = cv2.remap(relief, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    paint.cover(texels, colour)
    paint.height += texels * height
    paint.polish(texels, 0.03, 0.0)


def _place(*points: tuple[float, float]) -> np.ndarray:
    """Polygon corners (K, 2) in the garment's picture from decimetres, x to the right and y up."""
    return np.round([((x - _LEFT) * _SCALE * 16, (_TOP - y) * _SCALE * 16) for x, y in points]).astype(np.int32)


def _fill(picture: np.ndarray, colour: np.ndarray, *points: tuple[float, float]) -> None:
    cv2.fillPoly(picture, [_place(*points)], [float(c) for c in colour], cv2.LINE_AA, 4)


def _stroke(picture: np.ndarray, colour: np.ndarray, width: float, *points: tuple[float, float]) -> None:
    thickness = max(round(width * _SCALE), 1)
    cv2.polylines(picture, [_place(*points)], False, [float(c) for c in colour], thickness, cv2.LINE_AA, 4)


def _mirrored(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return tuple((-x, y) for x, y in points)


def _cloth(clothes: Clothes, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) of the woven or printed pattern."""
    height, width = round(_HEIGHT * _SCALE), round(_WIDTH * _SCALE)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / _SCALE
    first, second = np.array(clothes.colour, np.float32), np.array(clothes.second, np.float32)
    pitch = rng.uniform(0.12, 0.4)
    share = np.zeros_like(x)
    if clothes.pattern == "stripes":
        share = (((y if rng.random() < 0.6 else x) / pitch) % 1 < rng.uniform(0.25, 0.5)).astype(np.float32)
    elif clothes.pattern == "check":
        share = 0.4 * ((x / pitch) % 1 < 0.35) + 0.4 * ((y / pitch) % 1 < 0.35)
    elif clothes.pattern == "dots":
        row = np.floor(y / pitch)
        share = (np.hypot((x / pitch + 0.5 * (row % 2)) % 1 - 0.5, (y / pitch) % 1 - 0.5) < 0.2).astype(np.float32)
    elif clothes.pattern == "knit":
        share = 0.25 + 0.25 * np.sin(x * 150 + 4 * np.sin(y * 110))
    elif clothes.pattern == "denim":
        share = 0.2 + 0.2 * np.sin((x + y) * 190)
    grain = 1 + 0.05 * rng.standard_normal(x.shape).astype(np.float32)
    return cv2.GaussianBlur((first + (second - first) * share[..., None]) * grain[..., None], (0, 0), 0.8)


def _garment(clothes: Clothes, rng: np.random.Generator, skin_colour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and relief (H, W) in decimetres of the garment seen from the front."""
    picture = _cloth(clothes, rng)
    shape = picture.shape[:2]
    folds = cv2.resize(rng.standard_normal((9, 9)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    slant = cv2.resize(rng.standard_normal((4, 26)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    first, second = np.array(clothes.colour), np.array(clothes.second)
    dark, skin = first * 0.55, np.clip(skin_colour, 0, 1)
    white = np.array([0.86, 0.86, 0.87]) if rng.random() < 0.6 else second
    if clothes.neckline == "crew":
        turn = np.linspace(-1.5, 1.5, 25)
        rim = tuple(zip((0.70 * np.sin(turn)).tolist(), (-1.14 - 0.34 * np.cos(turn)).tolist(), strict=True))
        _stroke(picture, first * 0.7, 0.03, *rim)
    elif clothes.neckline == "vee":
        deep = rng.uniform(1.75, 2.1)
        opening = ((-0.62, -0.8), (-0.58, -1.25), (0.0, -deep), (0.58, -1.25), (0.62, -0.8))
        _fill(picture, skin, *opening)
        _stroke(picture, dark, 0.025, *opening[1:4])
    elif clothes.neckline in ("shirt", "polo"):
        _fill(picture, skin, (-0.5, -0.8), (-0.42, -1.2), (0.0, -1.72), (0.42, -1.2), (0.5, -0.8))
        collar = ((0.70, -0.95), (0.46, -1.18), (0.02, -1.66), (0.34, -1.86), (0.66, -1.52), (0.80, -1.2))
        for half in (collar, _mirrored(collar)):
            _fill(picture, np.clip(first * 1.08, 0, 1), *half)
            _stroke(picture, dark, 0.014, *half)
        _stroke(picture, dark, 0.012, (0.05, -1.7), (0.05, -3.8))
        for button in np.arange(-1.95, -3.8, -0.36):
            cv2.circle(
                picture,
                tuple(_place((-0.02, button))[0]),
                round(0.028 * _SCALE * 16),
                [float(c) for c in white],
                -1,
                cv2.LINE_AA,
                4,
            )
    elif clothes.neckline == "jacket":
        _fill(picture, white, (-0.62, -0.8), (-0.66, -1.3), (0.0, -3.2), (0.66, -1.3), (0.62, -0.8))
        if rng.random() < 0.55:
            tie = second * 0.8
            _fill(
                picture, tie, (-0.10, -1.48), (0.10, -1.48), (0.07, -1.66), (0.16, -3.2), (-0.16, -3.2), (-0.07, -1.66)
            )
        else:
            _fill(picture, skin, (-0.40, -0.8), (-0.36, -1.25), (0.0, -1.75), (0.36, -1.25), (0.40, -0.8))
        upper = ((0.62, -0.9), (0.42, -1.2), (0.04, -1.55), (0.34, -1.74), (0.64, -1.40))
        lapel = ((0.66, -1.15), (0.60, -1.5), (0.02, -3.3), (0.46, -2.2), (0.92, -1.85), (0.86, -1.5))
        for half in (upper, _mirrored(upper)):
            _fill(picture, np.clip(white * 1.02, 0, 1), *half)
            _stroke(picture, white * 0.7, 0.012, *half)
        for half in (lapel, _mirrored(lapel)):
            _fill(picture, first * 0.88, *half)
            _stroke(picture, first * 0.5, 0.016, *half)
    else:
        turn = np.linspace(-1.5, 1.5, 25)
        for wide, deep, tone in ((0.80, 0.52, 0.5), (0.72, 0.40, 0.75)):
            rim = tuple(zip((wide * np.sin(turn)).tolist(), (-1.12 - deep * np.cos(turn)).tolist(), strict=True))
            _stroke(picture, first * tone, 0.05, *rim)
        for side in (-0.16, 0.16):
            _stroke(picture, np.clip(white, 0, 1), 0.028, (side, -1.62), (side * 1.2, -2.3))
    picture = cv2.GaussianBlur(np.clip(picture, 0, 1), (0, 0), 2.2)  # the torso has about 40 texels per decimetre
    return picture.astype(np.float32), (0.025 * folds + 0.012 * slant).astype(np.float32)
