from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from preparation.source_audio import read_audio, read_track
from tests.preparation.synthetic import Speech, head, onsets, stamps, write_video

SPEECH = Speech([0.5, 1.1, 1.63, 2.2])


def write_sound(path: Path, planes: np.ndarray, rate: int, layout: str, codec: str, sample_format: str) -> Path:
    """Writes (channels, N) values, as they are, to a sound file."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout, format=sample_format)
        packed = planes.T.reshape(1, -1) if not sample_format.endswith("p") else planes
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), sample_format, layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_stays_where_it_was(tmp_path: Path, rate: int, suffix: str) -> None:
    path = tmp_path / f"talk.{suffix}"
    write_video(path, stamps("25", 3), lambda *_: head(), SPEECH.sound(0, 3, rate), rate=rate)
    samples = read_audio(path)
    assert samples is not None and samples.dtype == np.float32
    assert abs(len(samples) / 16000 - 3) < 0.1
    found = onsets(np.abs(samples), 16000, 0.2)
    assert np.abs(found - SPEECH.onsets).max() < 0.003


@pytest.mark.parametrize("sound_start", [0.0, 0.7, 1.3])
@pytest.mark.parametrize("picture_start", [Fraction(0), Fraction(1, 4)])
def test_start_times_are_honoured(tmp_path: Path, sound_start: float, picture_start: Fraction) -> None:
    path = tmp_path / "late.mkv"
    sound = SPEECH.sound(sound_start, 3)
    write_video(path, stamps("25", 3, picture_start), lambda *_: head(), sound, sound_start)
    track = read_track(path, origin=picture_start)
    assert track is not None
    assert abs(track.start - max(sound_start - float(picture_start), 0)) < 0.03
    wanted = [onset - float(picture_start) for onset in SPEECH.onsets if onset > sound_start]
    found = onsets(np.abs(track.samples), 16000, 0.2)
    assert np.abs(found - wanted).max() < 0.003
    assert read_audio(path) is not None and len(read_audio(path)) == len(track.samples)  # type: ignore[arg-type]


def test_a_span_is_the_same_as_a_slice(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    speech = Speech(list(np.arange(0.3, 11, 0.7)))
    write_video(path, stamps("25", 12), lambda *_: head(), speech.sound(0, 12))
    whole, part = read_track(path), read_track(path, start=Fraction(8), end=Fraction(10))
    assert whole is not None and part is not None
    assert len(part.samples) == 32000
    assert np.abs(part.samples[800:-800] - whole.samples[128800:159200]).max() < 1e-2


def test_gaps_become_silence_and_are_told(tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for at in (0.0, 1.0):  # half a second each
            values = (SPEECH.sound(at, at + 0.5, 16000)[None] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(values, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, round(at * 16000), Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    track = read_track(path)
    assert track is not None
    assert np.abs(onsets(np.abs(track.samples), 16000, 0.2) - [1.1]).max() < 0.003
    assert "gaps of 0.50 s" in track.notes[0]


def test_the_centre_of_six_channels_is_heard(tmp_path: Path) -> None:
    planes = np.zeros((6, 16000), np.float32)
    planes[2] = SPEECH.sound(0, 1, 16000)  # FL FR FC LFE BL BR
    samples = read_audio(write_sound(tmp_path / "six.wav", planes, 16000, "5.1", "pcm_f32le", "flt"))
    assert samples is not None and np.abs(samples).max() > 0.1


@pytest.mark.parametrize(
    ("codec", "sample_format", "values"),
    [
        ("pcm_u8", "u8", np.array([[128, 255, 0, 128] * 400], np.uint8)),
        ("pcm_s16le", "s16", np.array([[0, 32767, -32768, 0] * 400], np.int16)),
        ("pcm_s32le", "s32", np.array([[0, 2**31 - 1, -(2**31), 0] * 400], np.int32)),
        ("pcm_f32le", "flt", np.array([[0, 1, -1, 0] * 400], np.float32)),
    ],
)
def test_sample_formats_have_one_scale(tmp_path: Path, codec: str, sample_format: str, values: np.ndarray) -> None:
    samples = read_audio(write_sound(tmp_path / "a.wav", values, 16000, "mono", codec, sample_format))
    assert samples is not None
    assert np.abs(samples[400:1200] - np.tile([0, 1, -1, 0], 200)).max() < 0.02


def test_loud_and_broken_values_are_told(tmp_path: Path) -> None:
    values = np.full((1, 16000), 8.0, np.float32)
    values[0, ::100] = np.nan
    values[0, 5] = np.inf
    track = read_track(write_sound(tmp_path / "loud.wav", values, 16000, "mono", "pcm_f32le", "flt"))
    assert track is not None and np.isfinite(track.samples).all() and np.abs(track.samples).max() <= 1
    assert [("161 samples" in note, "peak was 8.00" in note) for note in track.notes] == [(True, False), (False, True)]


def test_no_sound_is_none(tmp_path: Path) -> None:
    assert read_audio(write_video(tmp_path / "silent.mp4", stamps("25", 0.2), lambda *_: head())) is None
    (tmp_path / "empty.wav").touch()
    assert read_audio(tmp_path / "empty.wav") is None
    assert read_audio(tmp_path / "none.wav") is None


def test_real_sounds(real_data: Path) -> None:
    seconds = {"u8_8k_mono": 2, "odd_rate_11025": 2, "flac_named": 1, "stereo_left_only": 1, "six_channels_16k": 0.5}
    for name, length in seconds.items():
        samples = read_audio(real_data / "bad" / f"{name}.wav")
        assert samples is not None and abs(len(samples) / 16000 - length) < 0.01
        assert samples.std() > 0.003, name
    late = read_track(real_data / "bad" / "audio_starts_late.mp4")
    assert late is not None and abs(late.start - 0.536) < 0.001
