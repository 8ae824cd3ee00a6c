"""Soft studio light as spherical harmonics: a key, a fill opposite, a sky and a floor."""

import numpy as np
import torch

from models.face3d.lighting import AMBIENT, harmonics

_KEY_AZIMUTH, _KEY_HEIGHT = 1.15, (0.05, 0.95)  # radians; a key below the eyes looks like a campfire
_EXPOSURE = (0.86, 1.04)  # mean light on a face that looks at the camera, where 1 leaves the albedo as it is
_DARKEST = 0.34  # of a sphere's visible half, so that no face sinks into black


def sphere_directions(count: int) -> np.ndarray:
    """(count, 3) float32 unit vectors spread evenly over the sphere (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    z, angle = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1).astype(np.float32)


_DIRECTIONS = sphere_directions(400)
_BASIS = harmonics(torch.from_numpy(_DIRECTIONS)).numpy()  # (400, 9)
_PROJECT = np.linalg.pinv(_BASIS)  # (9, 400)


def project(light: np.ndarray) -> np.ndarray:
    """Lighting (27,) whose shading of `sphere_directions(400)` comes nearest to `light` (400, 3)."""
    gamma = (_PROJECT @ light).T
    gamma[:, 0] -= AMBIENT
    return gamma.reshape(27).astype(np.float32)


def warmth(kelvin_like: float) -> np.ndarray:
    """A light's colour from -1 (blue sky) to 1 (candle), of mean brightness 1."""
    colour = np.array([1 + 0.16 * kelvin_like, 1.0, 1 - 0.22 * kelvin_like])
    return colour / colour.mean()


def lamp(azimuth: float, height: float, softness: float) -> np.ndarray:
    """Light (400,) that a soft lamp at these angles throws on normals of all directions, 1 at most."""
    direction = np.array(
        [np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)], dtype=np.float32
    )
    return np.clip((_DIRECTIONS @ direction + softness) / (1 + softness), 0, None)


def draw_lighting(rng: np.random.Generator) -> np.ndarray:
    """Lighting (27,) float32: varied direction, contrast and warmth; never too dark, never blown out."""
    side = rng.uniform(-1, 1)
    azimuth = _KEY_AZIMUTH * np.sign(side) * abs(side) ** 0.8
    key = lamp(azimuth, rng.uniform(*_KEY_HEIGHT), rng.uniform(0.1, 0.5))
    fill = lamp(-azimuth + rng.normal(0, 0.4), rng.uniform(-0.2, 0.6), 0.8)
    sky = np.clip(0.5 + 0.5 * _DIRECTIONS[:, 1], 0, 1)
    warm = float(np.clip(rng.normal(0, 0.36), -0.6, 0.9))
    light = key[:, None] * warmth(warm)
    light = light + rng.uniform(0.25, 0.7) * fill[:, None] * warmth(-0.5 * warm + rng.normal(0, 0.3))
    light = light + rng.uniform(0.15, 0.5) * (0.55 + 0.45 * sky[:, None]) * warmth(rng.normal(0, 0.3))
    front = _DIRECTIONS[:, 2] > 0.35
    light *= rng.uniform(*_EXPOSURE) / light[front].mean()
    seen = light[_DIRECTIONS[:, 2] > 0].mean(1)
    lift = max(0.0, (_DARKEST - seen.min()) / (1 - seen.min()))
    return project(light * (1 - lift) + lift)
