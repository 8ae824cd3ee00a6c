"""Strands of hair as a picture over the hair sheet: colour and opacity."""

import cv2
import numpy as np

from datamodules.synthetic.hair import STYLES
from datamodules.synthetic.person import Hair

WIDTH, HEIGHT = 1024, 256  # around the head, along the strands
GREY = np.array([0.64, 0.63, 0.62], dtype=np.float32)


def ring_noise(
    rng: np.random.Generator, across: int, along: int, width: int = WIDTH, height: int = HEIGHT
) -> np.ndarray:
    """(height, width) noise of about unit variance that closes around the head: `across` by `along` cells."""
    coarse = rng.standard_normal((along, across)).astype(np.float32)
    coarse = np.concatenate([coarse[:, -2:], coarse, coarse[:, :2]], axis=1)
    scale = width / across
    fine = cv2.resize(coarse, (round(scale * (across + 4)), height), interpolation=cv2.INTER_CUBIC)
    start = round(2 * scale)
    return fine[:, start : start + width]


def paint_strands(hair: Hair, seed: int) -> np.ndarray:
    """(HEIGHT, WIDTH, 5) uint8: RGB of the strands, opacity, which ends strand by strand, and frizz."""
    style = STYLES[hair.style]
    if style is None:
        return np.zeros((2, 2, 5), np.uint8)
    rng = np.random.default_rng((seed, 102))
    curl = max(style.curl, 0.5 * hair.curl)
    fine = ring_noise(rng, 512, 4) * 0.5 + ring_noise(rng, 220, 5) * 0.55 + ring_noise(rng, 90, 4) * 0.5
    locks = ring_noise(rng, 34, 4)
    curls = ring_noise(rng, 110, 26) * 0.7 + ring_noise(rng, 220, 50) * 0.5
    strand = (1 - curl) * fine + curl * curls
    rows = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    wave = _bend(fine, 10 * curl * ring_noise(rng, 20, 6))
    strand = strand * 0.5 + 0.5 * (wave * (1 - 0.5 * curl) + curls * 0.5 * curl)

    bright = np.clip(1 + 0.22 * strand + 0.13 * locks, 0.35, 1.9) * (0.86 + 0.2 * rows)
    colour = np.array(hair.colour, dtype=np.float32) * bright[..., None]
    pick = (1 - curl) * (ring_noise(rng, 400, 3) * 0.8 + ring_noise(rng, 60, 2) * 0.4) + curl * curls
    greyness = 1 / (1 + np.exp(-(pick + _logit(hair.grey)) * (2.2 - 1.2 * curl)))[..., None]
    mixed = colour * (1 - greyness) + GREY * (0.75 + 0.25 * bright[..., None]) * greyness

    tips = 0.22 * np.sum([ring_noise(rng, across, 1)[-1:] for across in (512, 150, 40)], axis=0)
    length = np.clip(1 - style.soft * (0.55 + tips), 0.6, 0.985)
    alpha = np.clip((length - rows) / (0.35 * style.soft) + 0.6, 0, 1)
    frizz = np.clip(0.5 + 0.3 * (curl * curls + (1 - curl) * fine), 0, 1)
    picture = np.concatenate([np.clip(mixed, 0, 1), alpha[..., None], frizz[..., None]], axis=-1)
    return np.round(picture * 255).astype(np.uint8)


def _logit(share: float) -> float:
    """How far to shift unit noise so that about this share of it is above zero."""
    share = min(max(share, 0.002), 0.998)
    return 0.9 * float(np.log(share / (1 - share)))


def _bend(picture: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The picture with its columns moved aside by `shift` texels."""
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    return cv2.remap(picture, x + shift.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
