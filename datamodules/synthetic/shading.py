"""One compiled pass over a frame: light, paint, hair, background, lens and sampling down to pixels.

Every pixel is the mean of 2 x 2 samples. The plain formulas stand in `models.face3d.lighting`; here they are fused,
as a separate array per term would cost several times as much as the whole frame may.
"""

import numba
import numpy as np

# columns of the body's vertex table and of its detail texels
NORMAL, ALBEDO, UV, OCCLUSION, BODY_COLUMNS = 0, 3, 6, 8, 9
TANGENT, HAIR_UV, HAIR_OCCLUSION, HAIR_COLUMNS = 3, 6, 8, 9
TEXEL = 12  # multiply RGB, add RGB, gloss, sharpness, bump x y z, unused


@numba.njit(cache=True, fastmath=True, inline="always")
def _sample(texture, u, v, values):
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


@numba.njit(cache=True, fastmath=True, inline="always")
def _light(gamma, x, y, z, out):
    """Spherical-harmonics light on a normal; `gamma` (3, 9) has the harmonics' constants folded in."""
    for k in range(3):
        g = gamma[k]
        out[k] = (
            g[0] + g[1] * y + g[2] * z + g[3] * x + g[4] * x * y + g[5] * y * z
            + g[6] * (3 * z * z - 1) + g[7] * x * z + g[8] * (x * x - y * y)
        )  # fmt: skip


@numba.njit(cache=True, fastmath=True, inline="always")
def _mix(table, triangles, triangle, weights, values, columns):
    a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
    u, v, w = weights[0], weights[1], weights[2]
    for k in range(columns):
        values[k] = u * table[a, k] + v * table[b, k] + w * table[c, k]


@numba.njit(cache=True, fastmath=True, inline="always")
def _shade_body(values, texel, detail, gamma, turn, half, glint, light, out):
    _sample(detail, values[UV], values[UV + 1], texel)
    bx, by, bz = texel[8] / 127.5 - 1.00392, texel[9] / 127.5 - 1.00392, texel[10] / 127.5 - 1.00392
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
    open_ = values[OCCLUSION]
    for k in range(3):
        albedo = values[ALBEDO + k] * texel[k] * (2 / 255.0) + texel[3 + k] / 255.0
        out[k] = (albedo * light[k] + shine * glint[k]) * open_


@numba.njit(cache=True, fastmath=True, inline="always")
def _shade_hair(values, texel, strands, gamma, half, glint, light, sheen, frizz, cover, out):
    """Colour of a strand with a band of sheen across the hair; returns its opacity."""
    _sample(strands, values[HAIR_UV], values[HAIR_UV + 1], texel)
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
    band = sheen * across * across * across
    open_ = values[HAIR_OCCLUSION]
    bright = texel[0] + texel[1] + texel[2]
    for k in range(3):
        albedo = texel[k] / 255.0
        out[k] = (albedo * light[k] + band * glint[k] * (0.25 * albedo + 0.0004 * bright + 0.02)) * open_
    # against the background the outline thins out and frays
    edge = min(max((cover - 0.5 - 0.4 * frizz * texel[4] / 255.0) * 4.0, 0.0), 1.0)
    return texel[3] / 255.0 * edge


@numba.njit(cache=True, fastmath=True, inline="always")
def _film(value):
    """Bright values bend softly below 1."""
    if value < 0.75:
        return max(value, 0.0)
    return 0.75 + 0.25 * (1 - np.exp(-(value - 0.75) * 4.0))


@numba.njit(cache=True, fastmath=True, inline="always")
def _hash(a, b):
    """A number in [-1, 1) from two: sensor noise without state."""
    mask = np.uint64(0xFFFFFFFF)
    h = (np.uint64(a) * np.uint64(0x9E3779B1) + np.uint64(b) * np.uint64(0x85EBCA77)) & mask
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & mask
    h = ((h ^ (h >> np.uint64(12))) * np.uint64(0x297A2D39)) & mask
    h = h ^ (h >> np.uint64(15))
    return np.float32(h) * np.float32(2.0 / 4294967296.0) - np.float32(1.0)


@numba.njit(cache=True, fastmath=True, nogil=True)
def shade_frames(
    pictures, background, noise, vignette, key,
    body, body_triangles, body_id, body_weights, body_depth, detail,
    hair, hair_triangles, hair_id, hair_weights, hair_depth, strands, sheen, frizz, cover,
    gamma, turn, half, glint,
):  # fmt: skip
    """Fill `pictures` (B, S, S, 3) uint8.

    Args:
        background: (S, S, 3) float32 in [0, 1].
        noise, vignette: strength; key: (B,) integers that the noise depends on.
        body: (B, N, 9) normal, albedo, uv, openness; body_triangles: (F, 3); body_id, body_weights, body_depth: the
            fragments at 2 S.
        detail: (H, W, 12) uint8 painted texels.
        hair...: the same for the sheet of hair: (B, M, 9) normal, strand direction, uv, openness; strands (h, w, 5).
        sheen: strength of the hair's highlight; frizz: how far its outline frays, 0 to 1; cover: (B, 2 S, 2 S) uint8, the
            blurred share of the surroundings that is not background.
        gamma: (B, 3, 9) light with the harmonics' constants folded in; turn: (B, 3, 3) of the head; half: (B, 2, 3)
            unit vectors between the key light and the camera, for skin and for eyes; glint: (B, 3) their colour.
    """
    size = pictures.shape[1]
    values = np.empty(9, np.float32)
    texel = np.empty(12, np.float32)
    light = np.empty(3, np.float32)
    out = np.empty(3, np.float32)
    tuft = np.empty(3, np.float32)
    total = np.empty(3, np.float32)
    for b in range(pictures.shape[0]):
        for row in range(size):
            for column in range(size):
                total[:] = 0.0
                for sample in range(4):
                    y, x = 2 * row + (sample >> 1), 2 * column + (sample & 1)
                    triangle, strand = body_id[b, y, x], hair_id[b, y, x]
                    if triangle >= 0:
                        _mix(body[b], body_triangles, triangle, body_weights[b, y, x], values, BODY_COLUMNS)
                        _shade_body(values, texel, detail, gamma[b], turn[b], half[b], glint[b], light, out)
                    else:
                        for k in range(3):
                            out[k] = background[row, column, k]
                    if strand >= 0 and (triangle < 0 or hair_depth[b, y, x] < body_depth[b, y, x]):
                        _mix(hair[b], hair_triangles, strand, hair_weights[b, y, x], values, HAIR_COLUMNS)
                        alpha = _shade_hair(values, texel, strands, gamma[b], half[b], glint[b], light, sheen, frizz, cover[b, y, x] / 255.0, tuft)
                        for k in range(3):
                            out[k] += alpha * (tuft[k] - out[k])
                    for k in range(3):
                        total[k] += _film(out[k])
                dx, dy = (column + 0.5) / size - 0.5, (row + 0.5) / size - 0.5
                lens = 0.25 * (1 - vignette * (dx * dx + dy * dy))
                for k in range(3):
                    value = total[k] * lens * 255.0 + noise * _hash(key[b] + row * size + column, k)
                    pictures[b, row, column, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
