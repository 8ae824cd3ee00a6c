"""Sharpness against a transcription of the paper pixel by pixel, and under blur."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter
from torch import Tensor

from metrics.cpbd import CPBD, cpbd, luma


def picture(size: int = 128, seed: int = 0) -> np.ndarray:
    """Overlapping rectangles of many greys with hardly blurred edges and a little noise, (H, W) in 0..255."""
    random = np.random.default_rng(seed)
    grey = np.full((size, size), 120.0)
    for _ in range(120):
        y, x = random.integers(0, size, 2)
        grey[y : y + random.integers(4, 40), x : x + random.integers(4, 40)] = random.uniform(20, 235)
    return np.clip(gaussian_filter(grey, 0.4) + random.normal(0, 1, grey.shape), 0, 255).round()


def as_images(*greys: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack(greys) / 127.5 - 1).float()[:, None].expand(-1, 3, -1, -1)


def step_width(row: np.ndarray, place: int, sign: int) -> int:
    """Pixels from the start to the end of an edge along a row that rises (sign 1) or falls to the right."""
    left = 0
    while left < 100 and place - 2 - left >= 0 and sign * (row[place - 2 - left] - row[place - 1 - left]) < 0:
        left += 1
    right = 0
    while right < 100 and place + 2 + right < len(row) and sign * (row[place + 2 + right] - row[place + 1 + right]) > 0:
        right += 1
    return left + right + 2


def transcribed(grey: np.ndarray) -> float:
    """Narvekar and Karam 2011, one pixel and one block at a time."""
    power = convolve(grey, np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8, mode="nearest") ** 2
    power[power <= 2 * math.sqrt(power.mean())] = 0
    height, width = grey.shape
    edges, widths = np.zeros(grey.shape, bool), np.zeros(grey.shape)
    padded = np.pad(power, 1)
    slope_y, slope_x = np.gradient(grey)
    for y in range(height):
        for x in range(width):
            here, near = padded[y + 1, x + 1], padded[y : y + 3, x : x + 3]
            edges[y, x] = here > max(near[1, 0], near[1, 2]) or here > max(near[0, 1], near[2, 1])
            if edges[y, x] and 0 < y < height - 1 and 0 < x < width - 1:
                angle = 0.0 if slope_x[y, x] == 0 else math.degrees(math.atan2(slope_y[y, x], slope_x[y, x]))
                turn = abs(45 * round(angle / 45))
                if turn in (0, 180):
                    widths[y, x] = step_width(grey[y], x, 1 if turn == 0 else -1)
    sharp = counted = 0
    for y in range(0, height - 63, 64):
        for x in range(0, width - 63, 64):
            block = np.s_[y : y + 64, x : x + 64]
            if edges[block].sum() > 0.002 * 64 * 64:
                noticeable = 5 if grey[block].max() - grey[block].min() <= 50 else 3
                for found in widths[block][widths[block] > 0]:
                    counted += 1
                    sharp += round(100 * (1 - math.exp(-((found / noticeable) ** 3.6)))) <= 63
    return sharp / counted if counted else 0.0


def test_it_is_the_paper_pixel_by_pixel() -> None:
    greys = [picture(seed=0), gaussian_filter(picture(seed=1), 1.2).round(), picture(seed=2)[:, ::-1] * 0.15 + 100]
    greys[2] = greys[2].round()  # low contrast
    expected = [transcribed(grey) for grey in greys]
    assert len({round(value, 2) for value in expected}) == 3
    assert cpbd(as_images(*greys)).tolist() == pytest.approx(expected, abs=1e-6)


def test_blur_makes_it_fall() -> None:
    grey = picture(256)
    values = cpbd(as_images(*(gaussian_filter(grey, blur) for blur in (0, 0.5, 0.7, 1.0, 1.5)))).tolist()
    assert values[0] > 0.4 and values[-1] < 0.05
    assert all(later < earlier for earlier, later in pairwise(values)), values


def test_grey_is_that_of_pillow() -> None:
    from PIL import Image

    colours = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    images = torch.from_numpy(colours).movedim(-1, 0)[None].float() / 127.5 - 1
    difference = luma(images)[0].numpy() - np.asarray(Image.fromarray(colours).convert("L"), dtype=float)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.01  # Pillow's is in whole numbers


def test_metric_is_the_mean_over_frames_and_knows_its_limits() -> None:
    sharp, flat = picture(64), np.full((64, 64), 90.0)
    metric = CPBD()
    metric.update(as_images(sharp, flat))
    assert float(metric.compute()) == pytest.approx(float(cpbd(as_images(sharp))[0]) / 2, abs=1e-6)
    metric.update(torch.zeros(0, 3, 64, 64))
    assert metric.count == 2
    with pytest.raises(ValueError, match="at least 64 pixels a side"):
        metric.update(torch.zeros(1, 3, 32, 64))
    with pytest.raises(ValueError, match=r"prediction must lie in \[-1, 1\]"):
        metric.update(as_images(sharp) * 127.5)
