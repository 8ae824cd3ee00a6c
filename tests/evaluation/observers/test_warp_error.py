"""Flicker: none of a smooth motion, that of noise in closed form, and the same in one piece as in several."""

import cv2
import numpy as np
import pytest
import torch

from evaluation.footage import Footage
from evaluation.observers.warp_error import FlowWarpError, visible, warp_error
from metrics.warp_error import WarpError
from models.images import to_images
from tests.evaluation.conftest import ToyAnalyser

CPU = torch.device("cpu")


def gliding(count: int = 3, step: int = 2) -> np.ndarray:
    """A soft pattern that moves to the left by `step` pixels a frame, uint8 (T, 256, 256, 3)."""
    noise = np.random.default_rng(0).random((300, 400, 3)).astype(np.float32)
    pattern = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 40, 215, cv2.NORM_MINMAX).astype(np.uint8)
    return np.stack([pattern[20:276, 20 + step * t : 276 + step * t] for t in range(count)])


def flicker(frames: np.ndarray) -> float:
    metric = WarpError()
    metric.update(FlowWarpError(CPU).see(frames))
    return float(metric.compute())


def test_motion_alone_is_no_flicker() -> None:
    assert flicker(gliding()) < 0.001
    assert 1000 * ((np.diff(gliding().astype(float), axis=0) / 255) ** 2).mean() > 0.3  # what it is without flow


def test_noise_scores_twice_its_variance_and_rises() -> None:
    random = np.random.default_rng(1)
    scores = []
    for sigma in (2, 4, 8):
        noisy = gliding().astype(float) + random.normal(0, sigma, gliding().shape)
        scores.append(flicker(np.clip(noisy.round(), 0, 255).astype(np.uint8)))
    expected = [1000 * 2 * (sigma / 255) ** 2 for sigma in (2, 4, 8)]
    assert scores == pytest.approx(expected, rel=0.3)  # flow takes a part of it for motion
    assert scores[0] < scores[1] < scores[2]


def test_brightness_that_pulses_scores_more_the_more_it_pulses() -> None:
    pulse = np.array([1, -1, 1])[:, None, None, None]
    scores = [flicker((gliding() * (1 + share * pulse)).clip(0, 255).astype(np.uint8)) for share in (0, 0.02, 0.05)]
    assert scores[0] < scores[1] < scores[2]


def test_warped_squares_by_a_known_flow() -> None:
    first = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    second = first.roll(2, dims=3) + 0.1  # everything goes two pixels to the right and grows brighter
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0] = 2
    assert visible(flow, -flow)[0].sum(dim=0).tolist() == [8, 8, 8, 8, 8, 8, 0, 0]  # the last columns left the frame
    assert warp_error(first, second, flow, -flow).item() == pytest.approx(0.01, abs=1e-6)
    assert not visible(flow, flow).any()  # there and back ends elsewhere
    assert warp_error(first, second, flow, flow).isnan().all()
    torn = flow.clone()
    torn[..., 4:] = 0
    assert not visible(torn, -torn)[0, :, 3].any()


def test_pieces_join_up_and_a_still_scores_nothing() -> None:
    frames, observer = gliding(6), FlowWarpError(CPU)
    whole = observer.see(frames)
    footage = Footage(ToyAnalyser())
    parts = []
    for start, end in ((0, 1), (1, 4), (4, 6)):
        footage.show(to_images(frames[start:end]))
        parts.append(footage.seen(observer))
    assert [len(part) for part in parts] == [0, 3, 2]
    assert torch.cat(parts).tolist() == pytest.approx(whole.tolist())
    still = Footage(ToyAnalyser(), still=True)
    still.show(to_images(frames[:1]).expand(5, -1, -1, -1))
    assert still.seen(observer).tolist() == [0] * 4
    with pytest.raises(ValueError, match="one number per pair"):
        WarpError().update(torch.zeros(2, 3))
