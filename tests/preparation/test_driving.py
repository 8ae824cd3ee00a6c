"""What is found out about a driving video before anything is rendered."""

import re
from pathlib import Path

import numpy as np
import pytest

from datamodules.video import VideoWriter
from models.errors import UserError
from preparation.analysers.mesh import MeshAnalyser
from preparation.crop import FommCrop
from preparation.driving import Driving, open_driving, ranges, read_driving
from preparation.faces import Face


class BrightSquare:
    """Finds the bright square that stands for a face."""

    name = "square"
    version = "1"
    licence = "none"

    def faces(self, frame: np.ndarray) -> list[Face]:
        bright = frame.min(axis=2) > 180
        if bright.sum() < 100:
            return []
        y, x = np.nonzero(bright)
        box = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32)
        points = np.linspace(box[:2], box[2:], 68).astype(np.float32)
        return [Face(box, 1.0, points)]

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return next(iter(self.faces(frame)), None)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


def write(path: Path, lefts: list[int | None]) -> Path:
    """A video of a 40 px square at these places on grey, or of grey alone."""
    with VideoWriter(path, (160, 96)) as video:
        for left in lefts:
            frame = np.full((96, 160, 3), 90, np.uint8)
            if left is not None:
                frame[30:70, left : left + 40] = 240
            video.write(frame)
    return path


def look(path: Path) -> Driving:
    return read_driving(path, BrightSquare(), FommCrop(0.1))


def test_one_crop_for_the_whole_shot(tmp_path: Path) -> None:
    driving = look(write(tmp_path / "a.mp4", [50, 52, 54, 56, 58]))
    assert (driving.frames, driving.missing, driving.warnings) == (5, [], [])
    assert len({id(crop) for crop in driving.crops.values()}) == 1
    assert driving.crops[0].side == pytest.approx(1.2 * 48, abs=2)  # 40 px wide, moved by 8, margins of a tenth
    pictures = list(driving.pictures(32))
    assert [picture.shape for picture in pictures] == [(32, 32, 3)] * 5


def test_missing_faces_are_held_skipped_or_stop(tmp_path: Path) -> None:
    driving = look(write(tmp_path / "a.mp4", [None, None, 50, 50, 50, None, 50, 50, 50, None]))
    assert driving.missing == [0, 1, 5, 9]
    assert len(list(driving.pictures(16))) == 6
    assert driving.plan("hold") == (list(range(10)), [0, 0, 0, 1, 2, 2, 3, 4, 5, 5])
    assert driving.plan("skip") == ([2, 3, 4, 6, 7, 8], [0, 1, 2, 3, 4, 5])
    with pytest.raises(UserError, match=r"no face in 4 of 10 frames \(0-1, 5, 9\); missing_face=hold"):
        driving.plan("stop")


def test_no_face_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no face in the driving video \(3 frames\)"):
        look(write(tmp_path / "a.mp4", [None, None, None]))


def test_a_flash_of_the_detector_does_not_widen_the_crop(tmp_path: Path) -> None:
    driving = look(write(tmp_path / "a.mp4", [20] * 6 + [None] * 2 + [110] + [None] * 2))
    assert driving.missing == [6, 7, 8, 9, 10]
    assert driving.crops[0].side == pytest.approx(1.2 * 40, abs=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("truncated_faststart.mp4", r"only \d+ of the 75 frames it promises can be decoded"),
        ("corrupt_packets.mp4", "damaged places in the picture data"),
        ("tiny_64.mp4", "the face is only .* px, its motion will be imprecise"),
        ("two_faces.mp4", "several faces; one is followed"),
        ("cut_to_other_person.mp4", "the picture cuts at frame 25, the motion jumps there"),
    ],
)
def test_what_is_odd_is_said(real_data: Path, name: str, message: str) -> None:
    driving = read_driving(real_data / "bad" / name, MeshAnalyser(), FommCrop(0.1))
    assert any(re.search(message, warning) for warning in driving.warnings), driving.warnings


def test_ranges_are_short() -> None:
    assert ranges([3, 4, 5, 9]) == "3-5, 9"
    assert ranges(list(range(0, 40, 2))).endswith("14 and 12 more")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad/text_renamed.mp4", "give a video that a player can open"),
        ("bad/empty.mp4", "empty file"),
        ("bad/truncated_no_moov.mp4", "give a video that a player can open"),
        ("bad/zero_frames.mp4", "no frame"),
        ("bad/audio_only.mp4", "sound but no picture, and this model is driven by video"),
        ("audio/hallo_44k_stereo.wav", "sound but no picture"),
        ("bad/absent.mp4", "there is no such file"),
    ],
)
def test_what_is_no_video_is_named(real_data: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_driving(real_data / name)
