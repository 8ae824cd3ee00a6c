"""A few frames of a real clip, harmed by degrees: the metrics tell less from more."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from evaluation.footage import Footage
from evaluation.observers.coefficients import FaceCoefficients
from evaluation.observers.observer import Observer
from evaluation.observers.warp_error import FlowWarpError
from metrics.ard import ARD
from metrics.cpbd import cpbd
from models.face3d.recon import load_embedded
from models.images import to_images
from preparation.analysers.mesh import MeshAnalyser

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(real_data: Path) -> np.ndarray:
    """Four frames, uint8 (4, 256, 256, 3)."""
    with av.open(str(real_data / "videos" / "may.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(4))]
    return np.stack([cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in frames])


def seen(observer: Observer, frames: np.ndarray) -> Tensor:
    footage = Footage(MeshAnalyser())
    footage.show(to_images(frames))
    return footage.seen(observer)


def rolled(frames: np.ndarray, degrees: float) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((128, 128), degrees, 1)
    return np.stack([cv2.warpAffine(frame, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE) for frame in frames])


def test_rolling_the_picture_scores_a_third_of_the_degrees(clip: np.ndarray) -> None:
    observer = FaceCoefficients(load_embedded, CPU, "embedded")
    truth, scores = seen(observer, clip), []
    for degrees in (0, 5, 10, 15):
        metric = ARD("embedded")
        metric.update(seen(observer, rolled(clip, degrees)), truth)
        scores.append(float(metric.compute()))
    assert scores == pytest.approx([0, 5 / 3, 10 / 3, 15 / 3], abs=1)
    assert all(less < more for less, more in pairwise(scores))


def test_blur_takes_sharpness_and_noise_makes_flicker(clip: np.ndarray) -> None:
    blurred = [np.stack([cv2.GaussianBlur(frame, (0, 0), width) for frame in clip]) for width in (0.5, 1, 2)]
    sharpness = [cpbd(to_images(frames)).mean().item() for frames in (clip, *blurred)]
    assert all(less < more for more, less in pairwise(sharpness)), sharpness
    noise = np.random.default_rng(0).normal(0, 1, clip.shape)
    noisy = [np.clip(clip + sigma * noise, 0, 255).round().astype(np.uint8) for sigma in (0, 2, 4, 8)]
    flicker = [seen(FlowWarpError(CPU), frames).mean().item() for frames in noisy]
    assert all(less < more for less, more in pairwise(flicker)), flicker
