import io
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.video import VideoWriter, decode_frames, decode_window, encode_mp4
from models.errors import UserError
from tests.datamodules.conftest import make_segment

FRAMES = make_segment(0, "x", frames=50).frames
MP4 = encode_mp4(FRAMES)
DECODED = decode_window(MP4, 0, 50)


def test_round_trip_keeps_colours_and_frames() -> None:
    difference = DECODED.astype(int) - FRAMES
    assert np.abs(difference).mean() < 6 and np.abs(difference.mean((0, 1, 2))).max() < 2
    assert (np.abs(DECODED[:, None].astype(int) - FRAMES[None]).mean((2, 3, 4)).argmin(1) == np.arange(50)).all()


def test_equal_frames_give_equal_bytes() -> None:
    for _ in range(60):  # x264's mbtree differed about once in a hundred times
        assert encode_mp4(FRAMES[:6].copy()) == encode_mp4(FRAMES[:6])
    assert encode_mp4(FRAMES) == MP4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 49), min_size=1, max_size=12))
def test_any_frames_equal_sequential_decoding(indices: list[int]) -> None:
    assert (decode_frames(memoryview(MP4), indices) == DECODED[indices]).all()


def test_decoding_equals_a_general_demuxer() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 160, 128, 3), np.uint8)  # several megabytes, many chunks
    for frames in (FRAMES, FRAMES[:1], noise):
        mp4 = encode_mp4(frames, crf=1)
        with av.open(io.BytesIO(mp4), "r") as container:
            reference = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        brighter = np.minimum(reference.astype(int) + 1, 255)  # gives back what the fast conversion loses
        assert (decode_frames(mp4, range(len(frames))) == brighter).all()


@pytest.mark.parametrize("data", [b"", b"not a video at all", MP4[:40], MP4[:-300], b"\0" * 100])
def test_other_bytes_are_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="the mp4 of a segment"):
        decode_frames(data, [0])


@pytest.mark.parametrize("indices", [[50], [-1], [3, 70]])
def test_missing_frames_are_an_error(indices: list[int]) -> None:
    with pytest.raises(IndexError, match="the video has 50 frames"):
        decode_frames(MP4, indices)


def test_scaling_on_the_way_is_antialiased() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    small = decode_frames(encode_mp4(noise, crf=1), [0, 1], size=32)
    assert small.shape == (2, 32, 32, 3)
    assert small.std() < 0.6 * noise.std()  # picking pixels would keep the noise


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8)]
)
def test_wrong_arrays_are_refused(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frames must be"):
        encode_mp4(frames)


def test_writer_writes_video_sound_and_tags(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "übung.mp4"
    sound = 0.5 * np.sin(np.arange(50000) * 0.1)
    with VideoWriter(path, (32, 32), audio=sound, metadata={"comment": "synthetic", "figurehead": "yes"}) as writer:
        for frame in FRAMES:
            writer.write(frame)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with av.open(str(path), "r") as container:
        assert container.metadata["comment"] == "synthetic" and container.metadata["figurehead"] == "yes"
        audio, video = container.streams.audio[0], container.streams.video[0]
        assert video.frames == 50 and video.average_rate == 25
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio)])
    assert abs(len(heard) - 32000) <= 2048  # two seconds: what lies beyond the last frame is dropped
    assert 0.3 < np.abs(heard[4000:28000]).max() < 0.7


def test_writer_leaves_nothing_behind_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("the earlier one")
    with pytest.raises(RuntimeError, match="stopped"), VideoWriter(path, (32, 32)) as writer:
        writer.write(FRAMES[0])
        raise RuntimeError("stopped")
    assert path.read_text() == "the earlier one" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(UserError, match="no frame was written"), VideoWriter(path, (32, 32)):
        pass
    with pytest.raises(UserError, match="even width"):
        VideoWriter(path, (33, 32))
    assert path.read_text() == "the earlier one" and list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_leave_the_whole_video_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, (32, 32)) as first:
        first.write(FRAMES[0])
        with VideoWriter(path, (32, 32)) as second:
            for frame in FRAMES[:10]:
                second.write(frame)
        first.write(FRAMES[1])
    with av.open(str(path), "r") as container:
        assert len([*container.decode(video=0)]) == 2
    assert list(tmp_path.iterdir()) == [path]
