from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from preparation.source_video import DecodeReport, VideoError, probe, read_frames, timed_frames, to_rgb
from tests.preparation.synthetic import head, stamps, write_video

GREYS = 40  # frames are told apart by their grey value


def numbered(path: Path, times: list[Fraction], **options: object) -> Path:
    def picture(number: int, _: float) -> np.ndarray:
        return np.full((32, 48, 3), 20 + 5 * (number % GREYS), np.uint8)

    return write_video(path, times, picture, **options)  # type: ignore[arg-type]


def seen_numbers(path: Path, start: Fraction = Fraction(0), end: Fraction | None = None) -> list[int]:
    info = probe(path)
    return [round((to_rgb(t.frame, info).mean() - 20) / 5) for t in timed_frames(info, start=start, end=end)]


@pytest.mark.parametrize("kind", ["12", "24", "25", "29.97", "30", "60", "vfr"])
@pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 5)])
def test_frames_follow_the_time_stamps(tmp_path: Path, kind: str, start: Fraction) -> None:
    times = stamps(kind, 1.5, start)
    path = numbered(tmp_path / "clip.mkv", times)
    seen = seen_numbers(path)
    ticks = np.array([float(time - times[0]) for time in times])
    expected = [int(np.flatnonzero(ticks <= k / 25 + 0.02 + 1e-3)[-1]) % GREYS for k in range(len(seen))]
    close = [int(np.flatnonzero(ticks <= k / 25 + 0.02 - 1e-3)[-1]) % GREYS for k in range(len(seen))]
    assert all(number in pair for number, pair in zip(seen, zip(expected, close)))
    assert abs(len(seen) - round((ticks[-1] + np.diff(ticks)[-1]) * 25)) <= 1
    if kind == "25":
        assert seen == [number % GREYS for number in range(len(times))]


def test_a_span_is_the_same_as_a_slice(tmp_path: Path) -> None:
    path = numbered(tmp_path / "clip.mp4", stamps("30", 12))
    whole = seen_numbers(path)
    assert seen_numbers(path, start=Fraction(2), end=Fraction(3)) == whole[50:75]
    assert seen_numbers(path, start=Fraction(8), end=Fraction(9)) == whole[200:225]  # reached by seeking
    assert seen_numbers(path, start=Fraction(20)) == []


def turned(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Writes a display matrix (a, b, c, d of ISO 14496-12, times 65536) into the track header of an mp4."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    for place, value in zip((0, 4, 12, 16), matrix):
        data[at + place : at + place + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("matrix", "corner"),
    # ISO 14496-12: (x, y) -> (a x + c y, b x + d y) with y down, so (0, 1, -1, 0) turns clockwise.
    [((1, 0, 0, 1), (0, 0)), ((0, 1, -1, 0), (0, -1)), ((-1, 0, 0, -1), (-1, -1)), ((0, -1, 1, 0), (-1, 0))],
)
def test_the_display_matrix_is_honoured(
    tmp_path: Path, matrix: tuple[int, int, int, int], corner: tuple[int, int]
) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:24, :24] = 255  # stored upper left
    path = write_video(tmp_path / "phone.mp4", stamps("25", 0.2), lambda *_: picture)
    turned(path, matrix)
    info = probe(path)
    frame = next(read_frames(path))
    assert frame.shape == (info.height, info.width, 3) == ((64, 96, 3) if matrix[1] == 0 else (96, 64, 3))
    assert frame[corner].min() > 200
    assert next(read_frames(path, longest=48)).shape[:2] == tuple(n // 2 for n in frame.shape[:2])


def test_full_range_grey_is_not_washed_out(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (64, 64, 3)).copy()
    options = {"crf": "1", "color_range": "pc"}
    path = write_video(tmp_path / "full.mp4", stamps("25", 0.2), lambda *_: ramp, pixels="yuvj420p", options=options)
    seen = next(read_frames(path))
    assert seen[:, :2].max() < 8 and seen[:, -2:].min() > 247


@pytest.mark.parametrize("colour", [(200, 40, 40), (30, 160, 60), (60, 70, 220)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_survive(tmp_path: Path, colour: tuple[int, int, int], pixels: str) -> None:
    flat = np.broadcast_to(np.array(colour, np.uint8), (48, 64, 3)).copy()
    path = write_video(tmp_path / "flat.mkv", stamps("25", 0.2), lambda *_: flat, pixels=pixels)
    assert np.abs(next(read_frames(path)).mean(axis=(0, 1)) - colour).max() < 3


def test_odd_sizes_and_wide_pixels(tmp_path: Path) -> None:
    picture = np.full((35, 33, 3), 100, np.uint8)
    path = write_video(
        tmp_path / "odd.mkv", stamps("25", 0.2), lambda *_: picture, pixels="yuv444p", aspect=Fraction(2)
    )
    assert next(read_frames(path)).shape == (35, 66, 3)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video at all " * 50)
    (tmp_path / "empty.mp4").touch()
    for name, reason in (("text.mp4", "unreadable"), ("empty.mp4", "unreadable"), ("none.mp4", "missing")):
        with pytest.raises(VideoError) as caught:
            probe(tmp_path / name)
        assert caught.value.reason == reason
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no_video"):
        probe(tmp_path / "sound.mp4")


def test_frames_come_one_by_one(tmp_path: Path) -> None:
    path = numbered(tmp_path / "clip.mp4", stamps("25", 2))
    report = DecodeReport()
    assert len(list(islice(timed_frames(probe(path), report=report), 3))) == 3
    assert report.decoded < 20


def test_a_broken_packet_costs_itself(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", stamps("25", 3), lambda n, _: head(n % 10 < 5))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat")
    rng = np.random.default_rng(0)
    for place in rng.integers(start + 2000, len(data) - 4000, 40):
        data[place] ^= 0xFF
    path.write_bytes(data)
    report = DecodeReport()
    frames = list(timed_frames(probe(path), report=report))
    assert report.damaged + report.refused > 0
    assert 70 <= len(frames) <= 75  # the time line stays whole


def test_hostile_videos(real_data: Path) -> None:
    outcomes: dict[str, int | str] = {}
    for path in sorted((real_data / "bad").glob("*.mp4")):
        try:
            outcomes[path.stem] = sum(1 for _ in read_frames(path, longest=64))
        except VideoError as error:
            outcomes[path.stem] = error.reason
    expected = {
        "12fps": 25, "variable_frame_rate": 134, "truncated_faststart": 25, "odd_size_255x257": 25, "tiny_64": 25,
        "one_frame": 1, "audio_longer_than_video": 25, "face_disappears": 90, "corrupt_packets": 75,
        "empty": "unreadable", "text_renamed": "unreadable", "truncated_no_moov": "unreadable",
        "audio_only": "no_video", "zero_frames": "no_frames",
    }  # fmt: skip
    assert {name: outcomes[name] for name in expected} == expected


def test_real_rates_and_hevc(real_data: Path) -> None:
    counts = {"retalking_woman_30fps": 166, "retalking_suit_man_vfr": 152, "vertical_small_face_hevc": 250}
    for name, count in counts.items():
        assert sum(1 for _ in timed_frames(probe(real_data / "videos" / f"{name}.mp4"))) == count
