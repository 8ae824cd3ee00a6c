from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.shard_format import Segment, encode_segment
from preparation.clip import Clip
from preparation.crop import Crop, FfhqCrop, HdtfCrop
from preparation.planning import divide
from preparation.segments import segments
from preparation.source_video import VideoError
from tests.preparation.synthetic import (
    DiscAnalyser,
    Speech,
    head,
    mouth_brightness,
    onsets,
    rules,
    stamps,
    write_talk,
    write_video,
)


def clip(path: Path, **known: object) -> Clip:
    return Clip("made", "ann", "talk", path, path.name, **known)  # type: ignore[arg-type]


def cut(path: Path, **options: object) -> list[Segment]:
    return list(segments(clip(path), DiscAnalyser(), rules(**options)))  # type: ignore[arg-type]


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(VideoError) as caught:
        cut(path, **options)
    return caught.value.reason


@given(st.integers(0, 1000), st.integers(25, 2000), st.integers(50, 300))
def test_division_is_even_and_complete(start: int, length: int, most: int) -> None:
    parts = divide(start, start + length, most)
    sizes = [stop - first for first, stop in parts]
    assert parts[0][0] == start and parts[-1][1] == start + length
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert max(sizes) <= most and max(sizes) - min(sizes) <= 1 and len(parts) == -(-length // most)


@pytest.mark.parametrize("kind", ["24", "25", "29.97", "30", "60", "vfr"])
@pytest.mark.parametrize(
    ("picture_start", "sound_start"), [(Fraction(0), 0.0), (Fraction(1, 5), 0.0), (Fraction(0), 0.7)]
)
def test_sound_and_picture_stay_together(
    tmp_path: Path, kind: str, picture_start: Fraction, sound_start: float
) -> None:
    """The mouth turns white exactly when a tone begins: both are measured in the finished segment."""
    times = stamps(kind, 6, picture_start)
    speech = Speech.at_frames(times, 12)
    sound = speech.sound(sound_start, 6.3)
    path = write_video(tmp_path / "talk.mkv", times, lambda _, time: head(speech.speaking(time)), sound, sound_start)
    (segment,) = [found for found in cut(path) if found.audio is not None]
    assert segment.audio is not None and len(segment.audio) == len(segment.frames) * 640
    seen = onsets(mouth_brightness(segment.frames), 25, 20)
    heard = onsets(np.abs(segment.audio), 16000, 0.2)
    pairs = [(a, heard[np.abs(heard - a).argmin()]) for a in seen if np.abs(heard - a).min() < 0.1]
    shift = np.array([a - b for a, b in pairs])
    assert len(pairs) >= 8
    assert np.abs(shift).max() <= 0.0215, "no event is off by more than half a frame"
    assert abs(shift.mean()) < 0.012, "and there is no common shift"
    if kind == "25":
        assert np.abs(shift).max() < 0.003


def test_everything_decided_is_said(tmp_path: Path) -> None:
    path = write_talk(tmp_path / "talk.mp4", 2.0)
    (segment,) = segments(clip(path, licence="ours"), DiscAnalyser(), rules())
    info = segment.info
    assert segment.key == "made/ann/talk/0000"
    assert segment.frames.shape == (50, 64, 64, 3)
    assert (info["span"], info["fps"], info["frames"], info["size"], info["split"]) == ([0, 2], 25, 50, 64, None)
    assert (info["source"], info["licence"], info["av_offset_s"], info["coefficients"]) == (
        "talk.mp4",
        "ours",
        None,
        {},
    )
    assert info["analyser"]["name"] == "disc"
    assert info["audio"] == {"rate": 16000, "source_rate": 48000, "source_channels": 1, "start_s": 0, "beside": False}
    assert info["crop"]["kind"] == "fomm" and info["decisions"]["rules"]["policy"] == "largest"
    assert abs(info["decisions"]["face_px"] - 73) < 4
    assert encode_segment(segment).keys() == {"mp4", "flac", "json", "landmarks.npz"}


def test_landmarks_lie_on_the_cropped_face(tmp_path: Path) -> None:
    times = stamps("25", 1.6)
    path = write_video(tmp_path / "a.mp4", times, lambda n, _: head(n % 9 < 4, (80 + n, 80 + 8 * np.sin(n / 6))))
    (segment,) = cut(path, size=128)
    points = segment.tracks["landmarks"]["points"]
    assert points.shape == (40, 68, 2) and points.dtype == np.float32
    for frame, found in zip(segment.frames, points):
        rows, columns = np.nonzero((frame[..., 0] > 120) & (frame[..., 2] < 110))
        assert abs(columns.mean() - found[:, 0].mean()) < 2 and abs(np.median(rows) - found[:, 1].mean()) < 4
    crop = Crop.from_json(segment.info["crop"])
    assert crop.corners.min() >= -30


@pytest.mark.parametrize("longest", [96, 4000])
def test_a_bounded_first_pass_gives_the_same_places(tmp_path: Path, longest: int) -> None:
    path = write_talk(tmp_path / "talk.mp4", 1.2)
    (found,), (full,) = cut(path, analysis_size=longest), cut(path)
    difference = found.tracks["landmarks"]["points"] - full.tracks["landmarks"]["points"]
    assert np.abs(difference).max() < 3


def test_long_tracks_are_divided_and_shots_are_kept_apart(tmp_path: Path) -> None:
    times = stamps("25", 7)
    path = write_video(
        tmp_path / "a.mp4", times, lambda n, _: head(n % 9 < 4, background=(30, 40, 90) if n < 110 else (160, 150, 20))
    )
    found = cut(path, most_seconds=2.0)
    assert [segment.info["frames"] for segment in found] == [36, 37, 37, 32, 33]
    assert [segment.info["decisions"]["shot"] for segment in found] == [0, 0, 0, 1, 1]
    assert [segment.info["span"][0] for segment in found] == [0, 1.44, 2.92, 4.4, 5.68]
    matrices = [segment.info["crop"]["matrix"] for segment in found]
    assert matrices[0] == matrices[1] == matrices[2]


def test_a_lost_face_splits_and_nothing_is_invented(tmp_path: Path) -> None:
    nobody = np.full((160, 192, 3), (30, 40, 90), np.uint8)
    path = write_video(tmp_path / "a.mp4", stamps("25", 4), lambda n, _: nobody if 40 <= n < 60 else head(n % 9 < 4))
    first, second = cut(path)
    assert (first.info["span"], second.info["span"]) == ([0, 1.6], [2.4, 4])
    assert "20 of 100 frames show no face and were lost" in first.info["decisions"]["notes"]


def test_a_picture_that_stands_still_is_a_loss(tmp_path: Path) -> None:
    times = [time for time in stamps("25", 4) if not 1.5 <= time < 2.5]
    first, second = cut(write_video(tmp_path / "a.mp4", times, lambda n, _: head(n % 9 < 4)))
    assert first.info["span"][1] < 2.1 and second.info["span"][0] >= 2.48
    assert any("stands still" in note for note in first.info["decisions"]["notes"])


def test_sound_and_picture_have_a_common_part(tmp_path: Path) -> None:
    def talk(name: str, start: float, end: float) -> list[Segment]:
        sound = Speech([0.1, 0.6, 1.1, 2.1]).sound(start, end)
        return cut(write_video(tmp_path / name, stamps("25", 3), lambda *_: head(), sound, start))

    (longer,) = talk("longer.mkv", 0, 5)
    assert longer.audio is not None and len(longer.audio) == 48000
    assert any("goes on" in note for note in longer.info["decisions"]["notes"])
    with_sound, without = talk("shorter.mkv", 0, 1.6)
    assert with_sound.audio is not None and abs(len(with_sound.frames) - 41) <= 1
    assert without.audio is None and without.info["audio"] is None
    (silent,) = talk("short.mkv", 0, 0.5)
    assert silent.audio is None and "frames 0 to 74 are stored without sound" in silent.info["decisions"]["notes"]
    (late,) = talk("late.mkv", 0.7, 3)
    assert abs(late.info["span"][0] - 0.7) <= 0.03 and late.audio is not None
    assert late.info["audio"]["start_s"] == late.info["span"][0]


def test_reasons_of_refusal(tmp_path: Path) -> None:
    import cv2

    def video(name: str, picture: np.ndarray, seconds: float = 1.4) -> Path:
        return write_video(tmp_path / name, stamps("25", seconds), lambda *_: picture)

    nobody = np.full((160, 192, 3), (30, 40, 90), np.uint8)
    assert refusal(video("nobody.mp4", nobody)) == "no_face"
    assert refusal(video("short.mp4", head(), 0.8)) == "too_short"
    assert refusal(video("small.mp4", head(radius=16))) == "face_too_small"
    assert refusal(video("blurred.mp4", cv2.GaussianBlur(head(), (0, 0), 5))) == "blurred"
    assert refusal(video("border.mp4", head(centre=(26, 80))), most_outside=0.05) == "outside_picture"
    assert refusal(video("boxless.mp4", head()), crop=HdtfCrop()) == "no_crop"
    (tmp_path / "text.mp4").write_text("hello")
    assert refusal(tmp_path / "text.mp4") == "unreadable"
    assert refusal(tmp_path / "none.mp4") == "missing"


def test_policies(tmp_path: Path) -> None:
    def two(number: int, _: float) -> np.ndarray:
        left, right = head(number % 9 < 4, (50, 60), 40), head(number % 7 < 4, (60, 80), 26)
        return np.hstack([left, right])

    path = write_video(tmp_path / "two.mp4", stamps("25", 1.2), two)
    sizes = {
        policy: [
            segment.info["decisions"]["face_px"]
            for segment in cut(path, policy=policy, crop=FfhqCrop(), most_outside=9)
        ]
        for policy in ("largest", "central", "all")
    }
    assert len(sizes["largest"]) == len(sizes["central"]) == 1 and len(sizes["all"]) == 2
    assert sizes["largest"][0] > 75 and sizes["central"][0] < 60


def test_a_span_and_a_published_box(tmp_path: Path) -> None:
    path = write_talk(tmp_path / "talk.mp4", 4.0)
    known = clip(path, start=1.0, end=2.6, box=(80.0, 40.0, 304.0, 264.0), box_height=320)
    (segment,) = segments(known, DiscAnalyser(), rules(crop=HdtfCrop(), size=112))
    assert segment.info["span"] == [1.0, 2.6] and segment.info["audio"]["start_s"] == 1.0
    corners = Crop.from_json(segment.info["crop"]).corners
    assert np.abs(corners.min(axis=0) - [40, 20]).max() < 1e-6  # half the size of the list's picture
    (whole,) = cut(path)
    assert segment.audio is not None and whole.audio is not None
    assert np.abs(segment.audio[800:-800] - whole.audio[16800:40800]).max() < 0.01


def test_sound_beside_the_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "silent.mp4", stamps("25", 2), lambda *_: head())
    speech = Speech([0.5, 1.2])
    beside = write_video(tmp_path / "beside.mkv", stamps("25", 2), lambda *_: head(), speech.sound(0, 2))
    (segment,) = segments(clip(path, audio=beside), DiscAnalyser(), rules())
    assert segment.audio is not None and segment.info["audio"]["beside"]
    assert np.abs(onsets(np.abs(segment.audio), 16000, 0.2) - speech.onsets).max() < 0.003
