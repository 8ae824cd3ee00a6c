"""The command itself, as a user calls it; on the real clips where they are."""

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datamodules.evaluation import segments
from datamodules.shard_format import Segment, read_dataset
from preparation.source_audio import read_audio
from tests.commands import run_command
from tests.preparation.synthetic import write_talk


def prepare(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FIGUREHEAD_ALLOCATOR": "system", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "prepare.py", *arguments], capture_output=True, text=True, env=environment)


def digests(output: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(output.glob("*.tar"))]


def all_segments(output: Path) -> list[Segment]:
    return [found for split in read_dataset(output).identities for found in segments(output, split)]


def test_help_names_the_words_of_a_user() -> None:
    text = prepare("--help").stdout
    for word in ("input=", "output=(required)", "folder, hdtf", "dlib, insightface, mesh", "workers=", "runner=local"):
        assert word in text


def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_talk(tmp_path / "a.mp4", 1.2)
    for arguments, message in [
        ((f"input={tmp_path}/none", f"output={tmp_path}/out"), "does not exist"),
        ((f"input={tmp_path}", f"output={tmp_path}/out", "size=255"), "size=255: it must be even"),
        ((f"input={tmp_path}", f"output={tmp_path}/out", "polcy=all"), "did you mean policy?"),
        ((f"output={tmp_path}/out",), "please give input="),
    ]:
        code, said = run_command("prepare", arguments, monkeypatch), capsys.readouterr().err
        assert code == 2 and message in said
        assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_hostile_videos_end_as_they_should(real_data: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "shards"
    result = prepare(f"input={real_data}/bad", f"output={hostile}", "workers=2", "coefficients=none")
    assert result.returncode == 0, result.stderr
    with (hostile / "rejected.csv").open(encoding="utf-8") as file:
        rejected = {Path(row["source"]).stem: row["reason"] for row in csv.DictReader(file)}
    assert rejected == {
        "truncated_no_moov": "unreadable",
        "text_renamed": "unreadable",
        "empty": "unreadable",
        "audio_only": "no_video",
        "zero_frames": "no_frames",
        "one_frame": "too_short",
        "tiny_64": "face_too_small",
        "corrupt_packets": "damaged",
    }
    clips: dict[str, list[Segment]] = {}
    for segment in all_segments(hostile):
        clips.setdefault(segment.info["clip"], []).append(segment)
    frames = {name: [len(segment.frames) for segment in found] for name, found in clips.items()}
    hard = next(name for name in frames if name.startswith("path_with_spaces"))
    assert frames == {
        "12fps": [25],
        "audio_longer_than_video": [25],
        "audio_shorter_than_video": [75],
        "audio_starts_late": [50],
        "cut_to_other_person": [25, 25],
        "face_disappears": [30],
        "grayscale_full_range": [25],
        "odd_size_255x257": [25],
        "rotated_by_metadata": [25],
        "truncated_faststart": [25],
        "two_faces": [50],
        "variable_frame_rate": [134],
        hard: [25],
    }
    said = {name: " ".join(found[0].info["decisions"]["notes"]) for name, found in clips.items()}
    for name, words in {
        "truncated_faststart": "promises 75 frames, 25 could be decoded",
        "face_disappears": "40 of 90 frames show no face",
        "two_faces": "2 face tracks, 1 kept",
        "audio_longer_than_video": "sound goes on",
        "audio_shorter_than_video": "sound from 0.00 s to 0.51 s of 3.00 s",
        "audio_starts_late": "sound from 0.54 s",
        "rotated_by_metadata": "turned by 90 degrees",
    }.items():
        assert words in said[name]
    grey = clips["grayscale_full_range"][0].frames
    assert np.ptp(grey.astype(int), axis=-1).max() <= 4 and grey.min() < 12 and grey.max() > 235


@pytest.mark.slow
def test_real_clips(real_data: Path, tmp_path: Path) -> None:
    """The beginning of every clip gives a segment, steady and in step with the sound of its source."""
    videos = sorted((real_data / "videos").glob("*.mp4"))
    listed = tmp_path / "list.csv"
    listed.write_text("path,end\n" + "".join(f"{path},1.2\n" for path in videos))
    output = tmp_path / "shards"
    people = f"identities={real_data}/metadata.csv"
    result = prepare(f"input={listed}", people, f"output={output}", "workers=2", "coefficients=none")
    assert result.returncode == 0, result.stderr
    assert set(read_dataset(output).identities) == {"train", "test"}
    found = all_segments(output)
    assert {Path(segment.info["source"]) for segment in found} == set(videos)
    for segment in found:
        points = segment.tracks["landmarks"]["points"]
        assert (points > -8).all() and (points < 264).all(), segment.key
        middle = points.mean(axis=(0, 1))
        assert np.abs(middle - 128).max() < 45, segment.key
        steps = np.abs(np.diff(points, 2, axis=0)).mean()
        assert steps < 1.5, f"{segment.key}: landmarks jitter"
        if segment.audio is not None:
            whole = read_audio(real_data / "videos" / segment.info["source"])
            assert whole is not None
            start = round(segment.info["span"][0] * 16000)
            assert abs(lag(segment.audio, whole[start : start + len(segment.audio)])) < 0.02 * 16000


def lag(one: np.ndarray, two: np.ndarray) -> int:
    """Samples by which `one` is late against `two`: the peak of their cross-correlation."""
    size = 2 * max(len(one), len(two))
    spectrum = np.fft.rfft(one, size) * np.conj(np.fft.rfft(two, size))
    peak = int(np.fft.irfft(spectrum, size).argmax())
    return peak if peak < size // 2 else peak - size
