from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from preparation.shots import ShotDetector
from preparation.source_video import VideoError, probe, timed_frames, to_rgb
from tests.preparation.synthetic import head


def cuts(frames: list[np.ndarray]) -> list[int]:
    detector = ShotDetector()
    return [index for index, frame in enumerate(frames) if detector.is_cut(frame)]


def test_a_moving_head_is_one_shot() -> None:
    noise = np.random.default_rng(0)
    frames = [head(n % 7 < 3, (60 + n, 80 + 10 * np.sin(n / 5))) for n in range(60)]
    noisy = [np.clip(frame + noise.normal(0, 6, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    assert cuts(noisy) == []


@pytest.mark.parametrize("other", [(90, 40, 30), (150, 150, 150), (0, 0, 0)])
def test_another_place_is_another_shot(other: tuple[int, int, int]) -> None:
    frames = [head(n % 7 < 3) for n in range(20)] + [head(n % 7 < 3, background=other) for n in range(20)]
    assert cuts(frames) == [20]


def test_a_slow_fade_is_no_cut() -> None:
    assert cuts([(head() * (1 - n / 60)).astype(np.uint8) for n in range(60)]) == []


def real_cuts(path: Path) -> list[int]:
    info, detector = probe(path), ShotDetector()
    return [t.index for t in timed_frames(info) if not t.repeated and detector.is_cut(to_rgb(t.frame, info, 320))]


def test_real_clips_are_one_shot_each(real_data: Path) -> None:
    known = {"cut_to_other_person.mp4": [25], "face_disappears.mp4": [30, 50, 70]}
    for path in sorted([*(real_data / "videos").glob("*.mp4"), *(real_data / "bad").glob("*.mp4")]):
        try:
            assert real_cuts(path) == known.get(path.name, []), path.name
        except VideoError:
            continue


def test_cuts_between_real_speakers_are_seen(real_data: Path) -> None:
    """Also between two MEAD speakers in the same studio, the least change of all pairs."""
    still = {}
    for path in sorted((real_data / "videos").glob("*.mp4")):
        info = probe(path)
        frames = [to_rgb(t.frame, info, 320) for t in timed_frames(info) if t.index < 12]
        still[path.stem] = frames
    missed = [(a, b) for a, b in permutations(still, 2) if 12 not in cuts(still[a] + still[b])]
    assert missed == []
