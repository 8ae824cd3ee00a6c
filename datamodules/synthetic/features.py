"""Eyes, lashes, brows, lips and teeth, painted on the atlas."""

import cv2
import numpy as np

from datamodules.synthetic.canvas import Atlas, Paint
from datamodules.synthetic.curves import bell, inside, look_up, near, ramp, rounded
from datamodules.synthetic.person import Brows, Eyes, Lips

EYE_LINES = ((36, 42), (42, 48))  # landmarks of the two eyes: corner, upper lid, corner, lower lid
_IRIS, _PUPIL = 0.060, 0.021  # radii in decimetres


def paint_eyeballs(paint: Paint, atlas: Atlas, eyes: Eyes, centres: np.ndarray, rng: np.random.Generator) -> None:
    """White with veins, iris with fibres and a dark rim, pupil; glossy. `centres` (2, 3) of the mean head's eyes."""
    veins = rng.standard_normal(atlas.part.shape).astype(np.float32)
    veins = np.abs(cv2.GaussianBlur(veins, (0, 0), 3)) * 8
    fibres = cv2.GaussianBlur(rng.standard_normal((8, 256)).astype(np.float32), (0, 0), 0.8)
    for name, centre in zip(("eye_right", "eye_left"), centres, strict=True):
        texels = atlas.within(name)
        x, y, z = (atlas.position[texels] - centre).T
        radius = np.where(z > 0, np.hypot(x, y), 1.0)
        angle = (np.arctan2(y, x) / (2 * np.pi)) % 1
        white = np.array([1.0, 0.97, 0.94]) * eyes.whiteness
        colour = white * (1 - 0.10 * np.clip(veins[texels] - 0.8, 0, 1.5)[:, None] * np.array([0.1, 1, 1]))
        # pink towards the corners
        colour = colour * (1 - ramp(0.08, 0.15, np.abs(x))[:, None] * np.array([0.04, 0.22, 0.22]))
        ring = ramp(_PUPIL * 1.1, _IRIS * 0.75, radius)[:, None]
        iris = np.array(eyes.ring) * (1 - ring) + np.array(eyes.iris) * ring
        row = np.clip(radius / _IRIS, 0, 1) * 6
        fibre = look_up(fibres, angle * 255, row)
        iris = iris * (1 + 0.55 * fibre[:, None])
        iris = iris * (1 - 0.65 * ramp(_IRIS * 0.80, _IRIS * 1.0, radius))[:, None]
        edge = ramp(_IRIS * 0.97, _IRIS * 1.07, radius)[:, None]
        colour = iris * (1 - edge) + colour * edge
        colour = colour * ramp(_PUPIL * 0.92, _PUPIL * 1.1, radius)[:, None] + 0.012
        full = np.zeros((*texels.shape, 3), np.float32)
        full[texels] = colour
        paint.cover(texels.astype(np.float32), full)
        gloss = np.zeros(texels.shape, np.float32)
        gloss[texels] = 1.0
        paint.polish(gloss, 0.9, 1.0)


def paint_lids(paint: Paint, atlas: Atlas, eyes: Eyes, skin: np.ndarray) -> None:
    """Lash lines, creases, shadow under the eye, the pink inner corner, and eye shadow."""
    size = len(atlas.part)
    for first, last in EYE_LINES:
        points = atlas.landmarks[first:last, :2]
        upper, lower = rounded(points[:4]), rounded(points[[3, 4, 5, 0]])
        nose = 1.0 if points[0, 0] < 0 else 0.0  # where the inner corner lies along the upper line
        line = near(atlas, skin, upper, 0.24)
        inner = np.abs(line.along - nose)
        above = line.side  # the upper line runs to the right: its left side is up
        lash = bell(above - 0.004, 0.009 + 0.006 * eyes.lashes) * ramp(0.02, 0.25, inner) * (0.5 + 0.5 * inner)
        paint.tint(line.spread(np.clip(lash * (0.55 + 0.5 * eyes.lashes), 0, 0.97), size), np.array([0.10, 0.08, 0.08]))
        crease = bell(above - 0.062, 0.012) * ramp(0.0, 0.2, inner) * ramp(1.05, 0.9, inner)
        paint.tint(line.spread(0.38 * crease, size), np.array([0.45, 0.36, 0.34]))
        if eyes.shadow:
            powder = ramp(0.13, 0.02, above) * ramp(-0.01, 0.02, above) * eyes.shadow * 0.55
            paint.tint(line.spread(powder, size), np.array([0.45, 0.36, 0.40]))
        line = near(atlas, skin, lower, 0.24)
        inner = np.abs(line.along - (1 - nose))
        below = line.side
        below = below if np.median(below) > 0 else -below
        lash = bell(below - 0.004, 0.008) * ramp(0.08, 0.5, inner) * (0.2 + 0.3 * eyes.lashes)
        paint.tint(line.spread(lash, size), np.array([0.2, 0.15, 0.14]))
        water = bell(below + 0.003, 0.006) * 0.3
        paint.tint(line.spread(water, size), np.array([1.0, 0.78, 0.76]))
        bag = bell(below - 0.10, 0.05) * ramp(1.0, 0.5, inner)
        paint.tint(line.spread(0.12 * bag, size), np.array([0.72, 0.62, 0.66]))


def _brow_picture(brows: Brows, rng: np.random.Generator) -> np.ndarray:
    """(96, 384) opacity of hairs: x from the nose outwards, y across (up first)."""
    height, width = 96, 384
    picture = np.zeros((height, width), np.float32)
    for _ in range(int(420 * brows.density)):
        along = rng.beta(1.05, 1.15)
        thick = 0.42 * (1 - 0.72 * ramp(0.45, 1.0, np.array(along))) * (0.55 + 0.45 * ramp(0.0, 0.12, np.array(along)))
        across = rng.normal(0, 0.45) * thick
        lean = 1.25 - 1.15 * along + rng.normal(0, 0.16)  # upright near the nose, lying down outside
        length = rng.uniform(14, 30)
        x, y = along * width * 0.94 + 8, height * (0.5 + across) + 6 * np.sin(lean)
        tip = (x + length * np.cos(lean), y - length * np.sin(lean) * (0.8 if across > -0.1 else 0.3))
        stroke = np.zeros_like(picture)
        x0, x1 = max(int(min(x, tip[0])) - 3, 0), int(max(x, tip[0])) + 4
        band = stroke[:, x0:x1]
        cv2.line(
            band, (int((x - x0) * 16), int(y * 16)), (int((tip[0] - x0) * 16), int(tip[1] * 16)), 1.0, 2, cv2.LINE_AA, 4
        )
        picture[:, x0:x1] += rng.uniform(0.3, 0.75) * band * (1 - picture[:, x0:x1])
    body = cv2.GaussianBlur(picture, (0, 0), 5)
    return np.clip(0.75 * picture + 0.55 * body, 0, 1)


def paint_brows(paint: Paint, atlas: Atlas, brows: Brows, skin: np.ndarray, rng: np.random.Generator) -> None:
    """Hair by hair along the landmarks 17 to 26."""
    size = len(atlas.part)
    for first, last, outwards in ((17, 22, False), (22, 27, True)):
        points = atlas.landmarks[first:last, :2].copy()
        points = points if outwards else points[::-1]
        bow = np.sin(np.linspace(0, np.pi, len(points)))
        points[:, 1] += brows.arch * 0.018 * bow - 0.004
        line = near(atlas, skin, rounded(points), 0.14)
        up = line.side if outwards else -line.side
        picture = _brow_picture(brows, rng)
        y = (0.5 - up / (2.4 * brows.thickness)) * picture.shape[0]
        x = line.along * picture.shape[1]
        share = look_up(picture, x, y)
        ends = ramp(0.0, 0.03, line.along) * ramp(1.0, 0.96, line.along)
        mask = line.spread(share * ends, size)
        paint.cover(0.9 * mask, np.array(brows.colour))
        paint.height += 0.004 * mask


def paint_lips(paint: Paint, atlas: Atlas, lips: Lips, skin: np.ndarray, rng: np.random.Generator) -> None:
    """Colour within the lips' border, fine upright lines, shine, and a dark line where the lips meet."""
    size = len(atlas.part)
    outline = rounded(atlas.landmarks[48:60, :2], 96, closed=True)
    mask = inside(atlas, skin, outline, 0.010)
    noise = cv2.resize(rng.standard_normal((5, 150)).astype(np.float32), (600, 60), interpolation=cv2.INTER_CUBIC)
    x = (atlas.position[..., 0] + 0.35) / 0.7 * 600
    y = (atlas.position[..., 1] - outline[:, 1].min()) / 0.25 * 60
    lines = cv2.remap(
        noise, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    natural = np.array([1.0, 0.96, 0.97])
    paint.tint(mask * (1 - lips.lipstick), natural)
    paint.cover(mask * lips.lipstick, np.array(lips.tint))
    paint.tint(mask * np.clip(0.06 * lines, -0.2, 0.2), np.array([0.5, 0.5, 0.5]))
    paint.height += 0.0016 * mask * lines
    paint.polish(mask, 0.10 + 0.30 * lips.gloss, 0.28 + 0.2 * lips.gloss)
    inner = rounded(atlas.landmarks[[60, 61, 62, 63, 64], :2])
    line = near(atlas, skin, inner, 0.06)
    paint.tint(line.spread(0.55 * bell(line.side, 0.010), size), np.array([0.35, 0.22, 0.22]))


def paint_mouth(paint: Paint, atlas: Atlas, rng: np.random.Generator) -> None:
    """Teeth with gaps, wet tongue, dark throat."""
    teeth = atlas.within("teeth", "teeth_upper", "teeth_lower").astype(np.float32)
    x = atlas.position[..., 0]
    width = 0.085 * (1 - 0.25 * ramp(0.05, 0.3, np.abs(x)))
    gap = bell((np.abs(x) / width + 0.5) % 1 - 0.5, 0.05) * (np.abs(x) > -1)
    paint.tint(teeth * gap * 0.55, np.array([0.62, 0.52, 0.44]))
    paint.polish(teeth, 0.12, 0.5)
    wet = atlas.within("tongue").astype(np.float32)
    paint.polish(wet, 0.25, 0.4)
    paint.height += 0.002 * wet * cv2.GaussianBlur(rng.standard_normal(wet.shape).astype(np.float32), (0, 0), 1.5)
