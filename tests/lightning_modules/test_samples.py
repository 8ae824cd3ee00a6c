"""Sample pictures and videos: where, when, and what is in them."""

from pathlib import Path

import numpy as np
from PIL import Image

from lightning_modules.callbacks.samples import Samples
from tests.lightning_modules.toy import SIDE, Toy, fit, output


def test_grid_and_video_at_validations_far_enough_apart(tmp_path: Path) -> None:
    videos: dict[Path, np.ndarray] = {}
    clip = np.random.default_rng(0).integers(0, 255, (11, SIDE, SIDE, 3), dtype=np.uint8)

    def write(path: Path, frames: np.ndarray) -> None:
        videos[path] = frames

    samples = Samples(tmp_path, every=2, rows=3, clip=clip, write_video=write)
    fit(Toy(steps=4), samples, val_check_interval=1)
    assert output(tmp_path) == ["step_00000001.png", "step_00000003.png"]
    assert Image.open(tmp_path / "step_00000003.png").size == (2 * SIDE, 3 * SIDE)
    frames = videos[tmp_path / "step_00000003.mp4"]
    assert frames.shape == (11, SIDE, 2 * SIDE, 3)
    assert np.array_equal(frames[:, :, :SIDE], np.repeat(clip[:1], 11, axis=0))


def test_without_a_clip_there_are_pictures_only(tmp_path: Path) -> None:
    fit(Toy(steps=1), Samples(tmp_path), val_check_interval=1)
    assert output(tmp_path) == ["step_00000001.png"]
