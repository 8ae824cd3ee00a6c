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
TEXEL, STRAND = 12, 5  # channels of the body's and of the hair's paint


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


_OPTIONS = {"fastmath": True, "nogil": True, "error_model": "numpy"}


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, kept on disk between processes where some folder for it can be written."""
    try:
        jitted: Any = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba found no folder for its cache: neither here nor in the user's
        jitted = numba.njit(**_OPTIONS)(function)
    return jitted


@_compiled
def _sample(texture: Array, channels: int, u: float, v: float, values: Array) -> None:
    """Bilinear texels of a uint8 (H, W, channels) picture at u, v in [0, 1], as floats in [0, 255], into `values`."""
    height, width = texture.shape[0], texture.shape[1]
    x, y = u * width - np.float32(0.5), v * height - np.float32(0.5)
    x, y = min(max(x, np.float32(0)), width - 1.001), min(max(y, np.float32(0)), height - 1.001)
    column, row = int(x), int(y)
    right, down = np.float32(x - column), np.float32(y - row)
    left, up = np.float32(1) - right, np.float32(1) - down
    a, b, c, d = left * up, right * up, left * down, right * down
    for k in range(channels):
        upper = a * np.float32(texture[row, column, k]) + b * np.float32(texture[row, column + 1, k])
        lower = c * np.float32(texture[row + 1, column, k]) + d * np.float32(texture[row + 1, column + 1, k])
        values[k] = upper + lower


@_compiled
def _light(gamma: Array, x: float, y: float, z: float, out: Array) -> None:
    """Spherical-harmonics light on a normal; `gamma` (3, 9) has the harmonics' constants folded in."""
    xy, yz, zz, xz, xx = x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y
    for k in range(3):
        linear = gamma[k, 0] + gamma[k, 1] * y + gamma[k, 2] * z + gamma[k, 3] * x
        square = gamma[k, 4] * xy + gamma[k, 5] * yz + gamma[k, 6] * zz + gamma[k, 7] * xz + gamma[k, 8] * xx
        out[k] = linear + square


@_compiled
def _mix(surface: Surface, y: int, x: int, values: Array) -> None:
    """The surface's columns at a sample."""
    table, weights, triangle = surface.table, surface.weights, surface.triangle[y, x]
    a, b, c = surface.triangles[triangle, 0], surface.triangles[triangle, 1], surface.triangles[triangle, 2]
    u, v, w = weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]
    for k in range(COLUMNS):
        values[k] = u * table[a, k] + v * table[b, k] + w * table[c, k]


@_compiled
def _shade_body(values: Array, paint: Array, lights: Lights, texel: Array, light: Array, out: Array) -> None:
    """Painted skin, eyes or cloth, with highlights."""
    turn, half = lights.turn, lights.half
    _sample(paint, TEXEL, values[UV], values[UV + 1], texel)
    bx, by, bz = (texel[8] - 128) / 127.5, (texel[9] - 128) / 127.5, (texel[10] - 128) / 127.5
    x = values[0] + turn[0, 0] * bx + turn[0, 1] * by + turn[0, 2] * bz
    y = values[1] + turn[1, 0] * bx + turn[1, 1] * by + turn[1, 2] * bz
    z = values[2] + turn[2, 0] * bx + turn[2, 1] * by + turn[2, 2] * bz
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    x, y, z = x * scale, y * scale, z * scale
    _light(lights.gamma, x, y, z, light)
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
        out[k] = (albedo * light[k] + shine * lights.glint[k]) * open_


@_compiled
def _shade_hair(
    values: Array,
    paint: Array,
    lights: Lights,
    lens: Lens,
    cover: float,
    texel: Array,
    light: Array,
    out: Array,
) -> float:
    """Colour of a strand with a band of sheen across the hair; returns its opacity."""
    half = lights.half
    _sample(paint, STRAND, values[UV], values[UV + 1], texel)
    x, y, z = values[0], values[1], values[2]
    scale = 1 / np.sqrt(x * x + y * y + z * z + 1e-12)
    if z < 0:  # the inside of the sheet, seen past its edge
        scale = -scale
    x, y, z = x * scale, y * scale, z * scale
    _light(lights.gamma, x, y, z, light)
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
        out[k] = (albedo * light[k] + band * lights.glint[k] * (0.25 * albedo + 0.0004 * bright + 0.02)) * open_
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
def _shade_frame(
    picture: Array, background: Array, key: int, body: Surface, hair: Surface, lights: Lights, lens: Lens, cover: Array
) -> None:
    """One frame: everything as in `shade_frames`, without the first axis."""
    size = picture.shape[0]
    values, texel = np.empty(COLUMNS, np.float32), np.empty(12, np.float32)
    light, out = np.empty(3, np.float32), np.empty(3, np.float32)
    tuft, total = np.zeros(3, np.float32), np.zeros(3, np.float32)
    for row in range(size):
        for column in range(size):
            total[:] = 0.0
            for sample in range(4):
                y, x = 2 * row + (sample >> 1), 2 * column + (sample & 1)
                skin, alpha = body.triangle[y, x] >= 0, 0.0
                if hair.triangle[y, x] >= 0 and not (skin and hair.depth[y, x] > body.depth[y, x]):
                    _mix(hair, y, x, values)
                    alpha = _shade_hair(values, hair.paint, lights, lens, cover[y, x] / 255.0, texel, light, tuft)
                if alpha < 0.999:
                    if skin:
                        _mix(body, y, x, values)
                        _shade_body(values, body.paint, lights, texel, light, out)
                    else:
                        for k in range(3):
                            out[k] = background[row, column, k]
                for k in range(3):
                    out[k] = tuft[k] if alpha >= 0.999 else out[k] + alpha * (tuft[k] - out[k])
                for k in range(3):
                    total[k] += _film(out[k])
            dx, dy = (column + 0.5) / size - 0.5, (row + 0.5) / size - 0.5
            bright = 0.25 * 255.0 * (1 - lens.vignette * (dx * dx + dy * dy))
            for k in range(3):
                value = total[k] * bright + lens.noise * _hash(key + row * size + column, k)
                picture[row, column, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


@_compiled
def _frame_of(surface: Surface, b: int) -> Surface:
    return Surface(
        surface.table[b], surface.triangles, surface.triangle[b], surface.weights[b], surface.depth[b], surface.paint
    )


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
    for b in range(pictures.shape[0]):
        light = Lights(lights.gamma[b], lights.turn[b], lights.half[b], lights.glint[b])
        _shade_frame(pictures[b], background, keys[b], _frame_of(body, b), _frame_of(hair, b), light, lens, cover[b])
