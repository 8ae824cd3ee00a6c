"""Complexion, wrinkles, beard and scalp, painted on the atlas."""

import cv2
import numpy as np

from datamodules.synthetic.canvas import Atlas, Paint
from datamodules.synthetic.curves import bell, inside, near, ramp, rounded
from datamodules.synthetic.person import Beard, Hair, Skin

BEARDS = ("none", "stubble", "moustache", "goatee", "full")


def _noise(rng: np.random.Generator, size: int, grain: float) -> np.ndarray:
    """(size, size) float32 noise of unit variance with bumps of `grain` texels."""
    small = max(int(size / grain), 2)
    noise = cv2.resize(
        rng.standard_normal((small, small)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    return noise / noise.std()


def _spot(atlas: Atlas, centre: np.ndarray, width: float) -> np.ndarray:
    """A soft blob (S, S) around a point (3,)."""
    x, y, z = (axis - np.float32(c) for axis, c in zip(atlas.axes, centre, strict=True))
    return np.exp((x * x + y * y + z * z) * np.float32(-0.5 / width**2))


def paint_complexion(paint: Paint, atlas: Atlas, skin: Skin, texels: np.ndarray, rng: np.random.Generator) -> None:
    """Mottling, pores, flushed cheeks, nose and ears, freckles, moles, shine."""
    size, mask = len(atlas.part), texels.astype(np.float32)
    paint.tint(mask, np.array(skin.undertone))
    blotches = 0.6 * _noise(rng, size, 40) + 0.5 * _noise(rng, size, 14)
    paint.tint(mask * np.clip(0.05 * (1 + skin.age) * blotches, -0.3, 0.3), np.array([0.85, 0.55, 0.5]))
    # the neck is stretched on the atlas: pores would turn into streaks there
    pores = _noise(rng, size, 2.2) * ramp(-0.95, -0.7, atlas.axes[1])
    paint.tint(mask * np.clip(0.035 * pores, -0.2, 0.2), np.array([0.5, 0.45, 0.45]))
    paint.height += mask * 0.00035 * (0.6 + 0.8 * skin.age) * pores
    marks = atlas.landmarks
    cheeks = [0.5 * (marks[31] + marks[3]), 0.5 * (marks[35] + marks[13])]
    flush = sum(_spot(atlas, cheek + np.array([0, 0.06, 0]), 0.17) for cheek in cheeks) + 0.8 * _spot(
        atlas, marks[30], 0.12
    )
    flush = np.asarray(flush) + 0.6 * _spot(atlas, marks[8], 0.10)
    # what reddens fair skin by adding colour would burn dark skin
    red = 0.04 + 0.14 * skin.redness - 1.1 * max(skin.undertone[2] - 1.06, 0.0)
    paint.tint(mask * np.clip(flush, 0, 1) * red, np.array([1.0, 0.72, 0.70]))
    sockets = sum(_spot(atlas, marks[eye].mean(0), 0.15) for eye in (slice(36, 42), slice(42, 48)))
    paint.tint(
        mask * np.asarray(sockets) * min(max(skin.undertone[2] - 1.06, 0.0) * 2.2, 1.0), np.array([0.98, 1.22, 1.4])
    )
    if skin.freckles:
        dots = np.clip(_noise(rng, size, 5.0) - 1.5, 0, 1) * np.clip(flush * 1.3 + 0.12, 0, 1)
        paint.tint(mask * dots * skin.freckles * 0.8, np.array([0.68, 0.52, 0.42]))
    rows, columns = np.nonzero(texels & (atlas.position[..., 2] > 0.3) & (atlas.position[..., 1] > -0.9))
    for _ in range(skin.moles):
        pick = rng.integers(len(rows))
        mole = _spot(atlas, atlas.position[rows[pick], columns[pick]], rng.uniform(0.006, 0.011))
        paint.tint(mask * mole * 0.75, np.array([0.38, 0.28, 0.24]))
    oily = np.clip(
        0.5 + 0.6 * _spot(atlas, marks[30], 0.16) + 0.5 * _spot(atlas, marks[27] + np.array([0, 0.4, 0]), 0.3), 0, 1
    )
    paint.polish(mask, 0.11, 0.14)
    paint.gloss *= 1 - mask * (1 - oily * (0.5 + 0.7 * skin.shine))


def _fold(
    paint: Paint, atlas: Atlas, texels: np.ndarray, curve: np.ndarray, width: float, depth: float, shade: float
) -> None:
    """A crease along a curve (K, 2): a groove with soft walls, thinning out at both ends."""
    line = near(atlas, texels, rounded(curve, 12), 3 * width)
    profile = bell(line.side, width) * np.sin(np.pi * np.clip(line.along, 0, 1)) ** 0.7
    groove = line.spread(profile, len(atlas.part))
    paint.height -= depth * groove
    paint.tint(shade * groove, np.array([0.62, 0.50, 0.48]))


def paint_wrinkles(paint: Paint, atlas: Atlas, skin: Skin, texels: np.ndarray) -> None:
    """Folds beside nose and mouth, lines on the forehead, crow's feet, furrows between the brows."""
    marks, strength = atlas.landmarks[:, :2], skin.wrinkles
    for nose, corner, outward in ((31, 48, -1.0), (35, 54, 1.0)):
        side = np.array([outward, 0.0])
        curve = np.stack(
            [
                marks[nose] + 0.07 * side + [0, 0.07],
                marks[nose] + 0.16 * side + [0, -0.06],
                marks[corner] + 0.10 * side + [0, 0.06],
                marks[corner] + 0.09 * side + [0, -0.08],
            ]
        )
        _fold(paint, atlas, texels, curve, 0.022, 0.006 + 0.014 * strength, 0.06 + 0.30 * strength)
    if strength < 0.12:
        return
    brow, width = marks[17:27].max(0)[1], marks[26, 0] - marks[17, 0]
    for level, height in enumerate((0.12, 0.22, 0.32)):
        x = np.linspace(-0.33, 0.33, 7) * width
        curve = np.stack([x, brow + height + 0.02 * np.cos(9 * x + level) + 0.04 * np.abs(x)], axis=1)
        _fold(paint, atlas, texels, curve, 0.012, 0.010 * strength, 0.28 * strength)
    for eye, outward in ((36, -1.0), (45, 1.0)):
        for rise in (-0.07, 0.0, 0.07):
            start = marks[eye] + np.array([0.05 * outward, rise * 0.5])
            step = np.array([0.07 * outward, rise * 0.65])
            curve = np.stack([start, start + step, start + 2 * step])
            _fold(paint, atlas, texels, curve, 0.009, 0.007 * strength, 0.30 * strength)
    for brow_end, inward in ((21, 1.0), (22, -1.0)):
        start = marks[brow_end] + np.array([0.045 * inward, -0.03])
        step = np.array([-0.005 * inward, 0.07])
        curve = np.stack([start, start + step, start + 2 * step])
        _fold(paint, atlas, texels, curve, 0.011, 0.008 * strength, 0.3 * strength)
    for first in (36, 42):
        low = marks[first + np.array([0, 5, 4, 3])] - np.array([0, 0.07])
        _fold(paint, atlas, texels, low, 0.016, 0.010 * strength, 0.24 * strength)


def _hairs(atlas: Atlas, rng: np.random.Generator, density: float) -> np.ndarray:
    """Opacity (S, S) of short hairs that grow downwards, everywhere on the head."""
    fine = rng.standard_normal((300, 900)).astype(np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.7, sigmaY=2.2)
    fine = fine / fine.std()
    x, y, z = atlas.axes
    around = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * 899
    down = (0.5 - 0.22 * y + 0.05 * np.abs(x)) * 299
    columns, rows = around.astype(np.float32), down.astype(np.float32)
    sampled = cv2.remap(fine, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return 1 / (1 + np.exp(-(sampled * 1.4 + 5 * (density - 0.5))))


def paint_beard(paint: Paint, atlas: Atlas, beard: Beard, texels: np.ndarray, rng: np.random.Generator) -> None:
    """Moustache, goatee, stubble or a full beard by the landmarks of mouth and jaw."""
    if beard.kind == "none":
        return
    marks = atlas.landmarks[:, :2]
    lips = inside(atlas, texels, rounded(marks[48:60], 96, closed=True), 0.012)
    corner = marks[54] - marks[48]
    moustache_line = np.stack(
        [
            marks[48] + [-0.06, -0.05],
            marks[48] + [0.03, 0.05],
            0.5 * (marks[33] + marks[51]) + [-0.10, 0.0],
            0.5 * (marks[33] + marks[51]) + [0, -0.005],
            0.5 * (marks[33] + marks[51]) + [0.10, 0.0],
            marks[54] + [-0.03, 0.05],
            marks[54] + [0.06, -0.05],
        ]
    )
    line = near(atlas, texels, rounded(moustache_line, 60), 0.16)
    moustache = line.spread(ramp(0.075, 0.03, np.abs(line.side)), len(atlas.part))
    chin = 0.5 * (marks[57] + marks[8])
    x, y, z = (atlas.position[..., k] for k in range(3))
    goatee = np.exp(-(((x - chin[0]) / (0.42 * corner[0])) ** 4) - ((y - chin[1] + 0.04) / 0.20) ** 4) * (z > 0.2)
    # cheeks: below a line from the ears down to the corners of the mouth; it runs out under the chin
    jaw_x = np.abs(x) / np.abs(marks[3, 0])
    upper = np.interp(
        jaw_x,
        [0, 0.35, 0.7, 1.0, 1.3],
        [marks[51, 1] + 0.06, marks[48, 1] + 0.06, marks[48, 1] + 0.10, marks[2, 1] - 0.02, marks[1, 1] + 0.08],
    )
    lower = marks[8, 1] - 0.22
    cheeks = ramp(0.07, -0.07, y - upper) * ramp(lower - 0.14, lower + 0.10, y) * ramp(-0.02, 0.16, z)
    areas = {
        "moustache": moustache,
        "goatee": np.maximum(moustache, goatee),
        "full": np.maximum(moustache, cheeks),
        "stubble": np.maximum(moustache, cheeks),
    }
    thick = {"moustache": 0.66, "goatee": 0.66, "full": 0.68, "stubble": 0.36}[beard.kind]
    area = np.clip(areas[beard.kind], 0, 1) * (1 - lips) * texels
    hairs = _hairs(atlas, rng, thick * (0.75 + 0.25 * beard.density))
    base = 0.5 if beard.kind == "stubble" else 0.92
    share = (area * (hairs * base)).astype(np.float32)
    paint.tint((0.25 * area).astype(np.float32), np.array([0.72, 0.74, 0.78]))
    paint.cover(share, np.array(beard.colour))
    paint.height += (0.004 * area * hairs).astype(np.float32)
    paint.gloss *= 1 - 0.7 * area.astype(np.float32)


def hairline_depth(atlas: Atlas, hair: Hair) -> np.ndarray:
    """Decimetres (S, S) by which a texel lies within the hairy part of the head; negative on the face and the neck."""
    marks = atlas.landmarks
    brow, ear_z = marks[17:27, 1].mean(), marks[[0, 16], 2].mean()
    x, y, z = atlas.position[..., 0], atlas.position[..., 1] - brow, atlas.position[..., 2] - ear_z
    away = np.abs(np.arctan2(x, z))
    recede = hair.recession
    keys = [0, 0.3, 0.6, 0.85, 1.05, 1.25, 1.42, 1.75, 2.1, np.pi]
    line = [
        0.50 + 0.16 * recede,
        0.49 + 0.2 * recede,
        0.43 + 0.3 * recede,
        0.28 + 0.18 * recede,
        0.08,
        -0.05,
        -0.22,
        -0.05,
        -0.5,
        -0.75,
    ]
    return y - np.interp(away, keys, line)


def paint_scalp(paint: Paint, atlas: Atlas, hair: Hair, texels: np.ndarray, rng: np.random.Generator) -> None:
    """Short hair and shadow on the scalp; longer hair stands over it as a sheet of its own."""
    texels = texels & ~atlas.within("ears")
    depth = hairline_depth(atlas, hair)
    depth = depth + 0.02 * _noise(rng, len(atlas.part), 5)
    soft = ramp(-0.03, 0.07, depth) * texels
    opacity = np.full_like(soft, 0.72 if hair.style == "shaved" else 0.93)
    if hair.style == "bald":
        below = ramp(0.35, 0.1, atlas.axes[1] - atlas.landmarks[17:27, 1].mean())
        opacity = 0.4 * below
        paint.gloss *= 1 + 0.8 * (soft * (1 - below)).astype(np.float32)
    colour = np.array(hair.colour) * (1 - hair.grey) + np.array([0.62, 0.61, 0.6]) * hair.grey
    hairs = _hairs(atlas, rng, 0.8)
    paint.cover((soft * opacity * (0.6 + 0.4 * hairs)).astype(np.float32), colour * 0.85)
    paint.gloss *= 1 - (soft * opacity * 0.6).astype(np.float32)
