"""One compiled pass over the frames: light, paint, hair, background, lens and sampling down to pixels.

Every pixel is the mean of 2 x 2 samples. The plain formulas stand in `models.face3d.lighting`; here they are fused,
as a separate array per term would cost several times as much as the whole frame may.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

Array = np.ndarray

# columns of a surface's vertex table; the body has albedo where the hair has the strands' direction
NORMAL, ALBEDO, TANGENT, UV, OPENNESS, COLUMNS = 0, 3, 3, 6, 8, 9


class Surface(NamedTuple):
    """What is drawn: the body or the sheet of hair.

    table: (B, N, 9) float32 per vertex: normal, albedo or strand direction, uv, openness to the light;
    triangles: (F, 3); triangle, weights, depth: the fragments (B, 2 S, 2 S, ...) of the rasterizer;
    paint: uint8, of the body (H, W, 12) as of `canvas.Paint.texels`, of hair (H, W, 5) as of `hair_paint`.
    """

    table: Array
    triangles: Array
    triangle: Array
    weights: Array
    depth: Array
    paint: Array


class Lights(NamedTuple):
    """The light on each frame.

    gamma: (B, 3, 9) spherical harmonics with their constants folded in; turn: (B, 3, 3) rotation of the head;
    half: (B, 2, 3) unit vectors between the key light and the camera, for skin and for eyes; glint: (B, 3) its colour.
    """

    gamma: Array
    turn: Array
    half: Array
    glint: Array


class Lens(NamedTuple):
    """sheen: of the hair; frizz: how far its outline frays, 0 to 1; noise: in grey levels; vignette: light lost."""

    sheen: float
    frizz: float
    noise: float
    vignette: float


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, kept on disk between processes where some folder for it can be written."""
    try:
        jitted: Any = numba.njit(cache=True, fastmath=True, nogil=True)(function)
    except RuntimeError:  # numba found no folder for its cache: neither here nor in the user's
        jitted = numba.njit(fastmath=True, nogil=True)(function)
    return jitted


@_compiled
def _sample(texture: Array, u: float, v: float, values: Array) -> None:
    """Bilinear texels of a uint8 (H, W, C) picture at u, v in [0, 1], as floats in [0, 255], into `values`."""
    height, width, channels = texture.shape
    x, y = u * width - 0.5, v * height - 0.5
    x, y = min(max(x, 0.0), width - 1.001), min(max(y, 0.0), height - 1.001)
    column, row = int(x), int(y)
    x, y = x - column, y - row
    a, b, c, d = (1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y
    for k in range(channels):
        values[k] = (
            a * texture[row, column, k] + b * texture[row, column + 1, k]
            + c * texture[row + 1, column, k] + d * texture[row + 1, column + 1, k]
        )  # fmt: skip


@_compiled
def _light(gamma: Array, x: float, y: float, z: float, out: Array) -> None:
    """Spherical-harmonics light on a normal; `gamma` (3, 9) has the harmonics' constants folded in."""
    for k in range(3):
        g = gamma[k]
        out[k] = (
            g[0] + g[1] * y + g[2] * z + g[3] * x + g[4] * x * y + g[5] * y * z
            + g[6] * (3 * z * z - 1) + g[7] * x * z + g[8] * (x * x - y * y)
        )  # fmt: skip


@_compiled
def _mix(surface: Surface, b: int, y: int, x: int, values: Array) -> None:
    """The surface's columns at a sample of frame `b`."""
    table, weights = surface.table[b], surface.weights[b, y, x]
    corners = surface.triangles[surface.triangle[b, y, x]]
    a, b, c = corners[0], corners[1], corners[2]
    u, v, w = weights[0], weights[1], weights[2]
    for k in range(COLUMNS):
        values[k] = u * table[a, k] + v * table[b, k] + w * table[c, k]


@_compiled
def _shade_body(values: Array, paint: Array, lights: Lights, b: int, texel: Array, light: Array, out: Array) -> None:
    """Painted skin, eyes or cloth, with highlights."""
    gamma, turn, half, glint = lights.gamma[b], lights.turn[b], lights.half[b], lights.glint[b]
    _sample(paint, values[UV], values[UV + 1], texel)
    bx, by, bz = (texel[8] - 128) / 127.5, (texel[9] - 128) / 127.5, (texel[10] - 128) / 127.5
    x = values[0] + turn[0, 0] * bx + turn[0, 1] * by + turn[0, 2] * bz
    y = values[1] + turn[1, 0] * bx + turn[1, 1] * by + turn[1, 2] * bz
    z = values[2] + turn[2, 0] * bx + turn[2, 1] * by + turn[2, 2] * bz
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    x, y, z = x * scale, y * scale, z * scale
    _light(gamma, x, y, z, light)
    gloss = texel[6] / 255.0
    shine = 0.0
    if gloss > 0.004:
        sharp = texel[7] / 255.0
        lamp = 1 if sharp > 0.8 else 0
        facing = x * half[lamp, 0] + y * half[lamp, 1] + z * half[lamp, 2]
        if facing > 0.3:
            shine = gloss * np.exp((facing - 1.0) * (7.0 + 170.0 * sharp * sharp))
    open_ = values[OPENNESS]
    for k in range(3):
        albedo = values[ALBEDO + k] * texel[k] * (2 / 255.0) + texel[3 + k] / 255.0
        out[k] = (albedo * light[k] + shine * glint[k]) * open_


@_compiled
def _shade_hair(
    values: Array,
    paint: Array,
    lights: Lights,
    b: int,
    lens: Lens,
    cover: float,
    texel: Array,
    light: Array,
    out: Array,
) -> float:
    """Colour of a strand with a band of sheen across the hair; returns its opacity."""
    gamma, half, glint = lights.gamma[b], lights.half[b], lights.glint[b]
    _sample(paint, values[UV], values[UV + 1], texel)
    x, y, z = values[0], values[1], values[2]
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    if z < 0:  # the inside of the sheet, seen past its edge
        scale = -scale
    x, y, z = x * scale, y * scale, z * scale
    _light(gamma, x, y, z, light)
    tx, ty, tz = values[TANGENT], values[TANGENT + 1], values[TANGENT + 2]
    along = (tx * half[0, 0] + ty * half[0, 1] + tz * half[0, 2]) / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
    across = 1 - along * along
    across *= across
    across *= across
    band = lens.sheen * across * across * across
    open_ = values[OPENNESS]
    bright = texel[0] + texel[1] + texel[2]
    for k in range(3):
        albedo = texel[k] / 255.0
        out[k] = (albedo * light[k] + band * glint[k] * (0.25 * albedo + 0.0004 * bright + 0.02)) * open_
    # against the background the outline thins out and frays
    edge = min(max((cover - 0.5 - 0.4 * lens.frizz * texel[4] / 255.0) * 4.0, 0.0), 1.0)
    return texel[3] / 255.0 * edge


@_compiled
def _film(value: float) -> float:
    """Bright values bend softly below 1."""
    if value < 0.75:
        return max(value, 0.0)
    return 0.75 + 0.25 * (1 - np.exp(-(value - 0.75) * 4.0))


@_compiled
def _hash(a: int, b: int) -> np.float32:
    """A number in [-1, 1) from two: sensor noise without state."""
    mask = np.uint64(0xFFFFFFFF)
    h = (np.uint64(a) * np.uint64(0x9E3779B1) + np.uint64(b) * np.uint64(0x85EBCA77)) & mask
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & mask
    h = ((h ^ (h >> np.uint64(12))) * np.uint64(0x297A2D39)) & mask
    h = h ^ (h >> np.uint64(15))
    return np.float32(h) * np.float32(2.0 / 4294967296.0) - np.float32(1.0)


@_compiled
def shade_frames(
    pictures: Array,
    background: Array,
    keys: Array,
    body: Surface,
    hair: Surface,
    lights: Lights,
    lens: Lens,
    cover: Array,
) -> None:
    """Fill `pictures` (B, S, S, 3) uint8.

    Args:
        pictures: written.
        background: (S, S, 3) float32 in [0, 1].
        keys: (B,) integers that the sensor noise depends on.
        body: the head with its shoulders.
        hair: what lies over it.
        lights: on every frame.
        lens: the camera's traits.
        cover: (B, 2 S, 2 S) uint8, the blurred share of the surroundings that is not background.
    """
    size = pictures.shape[1]
    values, texel = np.empty(COLUMNS, np.float32), np.empty(12, np.float32)
    light, out = np.empty(3, np.float32), np.empty(3, np.float32)
    tuft, total = np.empty(3, np.float32), np.empty(3, np.float32)
    for b in range(pictures.shape[0]):
        for row in range(size):
            for column in range(size):
                total[:] = 0.0
                for sample in range(4):
                    y, x = 2 * row + (sample >> 1), 2 * column + (sample & 1)
                    skin = body.triangle[b, y, x] >= 0
                    if skin:
                        _mix(body, b, y, x, values)
                        _shade_body(values, body.paint, lights, b, texel, light, out)
                    else:
                        for k in range(3):
                            out[k] = background[row, column, k]
                    if hair.triangle[b, y, x] >= 0 and not (skin and hair.depth[b, y, x] > body.depth[b, y, x]):
                        _mix(hair, b, y, x, values)
                        near = cover[b, y, x] / 255.0
                        alpha = _shade_hair(values, hair.paint, lights, b, lens, near, texel, light, tuft)
                        for k in range(3):
                            out[k] += alpha * (tuft[k] - out[k])
                    for k in range(3):
                        total[k] += _film(out[k])
                dx, dy = (column + 0.5) / size - 0.5, (row + 0.5) / size - 0.5
                bright = 0.25 * 255.0 * (1 - lens.vignette * (dx * dx + dy * dy))
                for k in range(3):
                    value = total[k] * bright + lens.noise * _hash(keys[b] + row * size + column, k)
                    pictures[b, row, column, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
