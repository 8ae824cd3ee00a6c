"""Made-up speakers through prepare.py, as a user calls it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from datamodules.audio_codec import decode_flac
from datamodules.evaluation import segments
from datamodules.shard_format import Segment, encode_segment, verify
from datamodules.video import decode_frames
from models.errors import UserError
from preparation.describe import CAPTION, TILE
from preparation.results import Results
from preparation.source_video import VideoError
from preparation.synthetic import FRAMING, Speakers, SpokenClip
from tests.commands import run_command

SMALL = ("source=synthetic", "size=64", "source.seconds=1", "source.speakers=2", "source.clips=2")
ENVIRONMENT = {**os.environ, "FIGUREHEAD_ALLOCATOR": "system", "OMP_NUM_THREADS": "1"}


def prepare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "prepare.py", *arguments], capture_output=True, text=True, env=ENVIRONMENT)


def digests(output: Path) -> dict[str, str]:
    files = [path for path in output.iterdir() if path.suffix in (".tar", ".json", ".csv")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def all_segments(output: Path) -> list[Segment]:
    return [found for split in verify(output).identities for found in segments(output, split)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("synthetic") / "shards"
    result = prepare(*SMALL, f"output={output}", "workers=1")
    assert result.returncode == 0, result.stderr
    return output


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone that comes and goes, at 22,050 Hz; a file that is no sound; and one in a folder, too short."""
    folder = tmp_path_factory.mktemp("recordings")
    at = np.arange(3 * 22050) / 22050
    soundfile.write(folder / "a.wav", 0.3 * np.sin(2 * np.pi * 200 * at) * (np.sin(2 * np.pi * 3 * at) > 0), 22050)
    (folder / "b.wav").write_text("no sound")
    (folder / "deep").mkdir()
    soundfile.write(folder / "deep" / "c.wav", np.zeros(4000), 16000)
    return folder


def test_shards_hold_people_with_truth(finished: Path) -> None:
    dataset = verify(finished)
    assert dataset.totals["samples"] == 4 and dataset.totals["identities"] == 2
    assert (dataset.size, dataset.analyser["name"]) == (64, "synthetic") and "MIT" in dataset.licence
    assert {split: len(people) for split, people in dataset.identities.items()} == {"test": 1, "train": 1}
    assert all(name.startswith("synthetic/") for people in dataset.identities.values() for name in people)
    for segment in all_segments(finished):
        assert segment.frames.shape == (25, 64, 64, 3) and segment.audio is not None
        assert {"landmarks", "coefficients_procedural", "visemes"} <= set(segment.tracks)
        assert segment.info["split"] in ("train", "test")


def test_a_second_call_says_that_all_is_there(finished: Path) -> None:
    before = digests(finished)
    again = prepare(*SMALL, f"output={finished}", "workers=1")
    assert again.returncode == 0 and "is complete: nothing to do" in again.stdout
    other = prepare(*SMALL, f"output={finished}", "source.seed=1")
    assert other.returncode == 2 and "source.seed=0 then, 1 now" in other.stderr
    assert digests(finished) == before


def test_describe_shows_them(finished: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(finished, tmp_path / "copy")
    result = prepare("task=describe", f"output={copied}")
    assert result.returncode == 0, result.stderr
    assert "faces by synthetic" in result.stdout and (copied / "contact_sheet.png").is_file()


def test_a_clip_is_the_same_whichever_clips_and_process_come_before(finished: Path) -> None:
    """So that killed runs and any number of workers write the same bytes (see test_run.py)."""
    source = Speakers(64, speakers=2, clips=2, seconds=1.0)
    (made,) = source.segments(source.clips()[-1])
    stored = next(segment for segment in all_segments(finished) if segment.key == made.key)
    assert stored.audio is not None
    again = encode_segment(made)
    assert np.array_equal(stored.frames, decode_frames(again["mp4"], range(25)))
    assert np.array_equal(stored.audio, decode_flac(again["flac"]))
    for name, track in made.tracks.items():
        assert all(np.array_equal(array, stored.tracks[name][part]) for part, array in track.items())


def test_given_sounds_are_spoken(recordings: Path, tmp_path: Path) -> None:
    source = Speakers(64, speakers=2, clips=3, seconds=1.0, wavs=str(recordings))
    clips = source.clips()
    assert [clip.source for clip in clips] == ["a.wav", "b.wav", "deep/c.wav"] * 2
    first = next(source.segments(clips[0]))
    assert first.audio is not None and first.info["source"] == "a.wav"
    level = np.sqrt(np.mean(first.audio.reshape(-1, 640) ** 2, axis=1))
    jaw = first.tracks["coefficients_procedural"]["expression"][:, 0]  # jawOpen
    assert level.max() > 0.15 and np.corrcoef(level, jaw)[0, 1] > 0.2
    second = source.rehearse(clips[3]).performance.audio  # the next stretch of the same file
    whole, _ = soundfile.read(recordings / "a.wav")
    assert abs(np.abs(second).mean() - np.abs(whole[22050:44100]).mean()) < 0.02
    for clip in (clips[1], clips[2]):
        with pytest.raises(VideoError, match="no_sound"):
            list(source.segments(clip))


def test_a_still_clip_moves_in_its_tracks_alone() -> None:
    def one(still: bool) -> Segment:
        source = Speakers(32, speakers=1, clips=1, seconds=1.0, still=still)
        return next(source.segments(source.clips()[0]))

    moving, still = one(False), one(True)
    assert np.array_equal(still.frames, np.repeat(moving.frames[:1], 25, axis=0))
    assert still.audio is not None and moving.audio is not None
    assert np.array_equal(still.audio, moving.audio)
    assert np.array_equal(still.tracks["landmarks"]["points"], moving.tracks["landmarks"]["points"])
    assert still.info["decisions"]["notes"] and not moving.info["decisions"]["notes"]


def test_unusable_sounds_are_listed(recordings: Path, tmp_path: Path) -> None:
    source = Speakers(64, speakers=1, clips=3, seconds=1.0, wavs=str(recordings))
    results = Results(tmp_path)
    outcomes = [
        results.store(str(n), clip, source.segments(clip), "clips", 16) for n, clip in enumerate(source.clips())
    ]
    assert [(outcome.source, outcome.reason) for outcome in outcomes] == [
        ("a.wav", None), ("b.wav", "no_sound"), ("deep/c.wav", "no_sound"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_preview_shows_and_sounds(tmp_path: Path) -> None:
    result = prepare(*SMALL, "task=preview", "rows=2", f"output={tmp_path}")
    assert result.returncode == 0, result.stderr
    picture = np.asarray(Image.open(tmp_path / "preview.png"))
    assert picture.shape == (2 * (TILE + CAPTION), 8 * TILE, 3)
    assert len(set(Image.open(tmp_path / "portrait.png").size)) == 1
    with av.open(str(tmp_path / "preview.mp4")) as video:
        assert {stream.codec_context.name for stream in video.streams} == {"h264", "aac"}
        assert sum(1 for _ in video.decode(video=0)) == 25
        assert "synthetic" in video.metadata["comment"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("source=synthetic", "source.seconds=0.5"), "source.seconds=0.5: a clip lasts from 1 to 8 seconds"),
        (("source=synthetic", "crop=ffhq", "rules.least_face=3"), "crop, rules.least_face: of no use with source=syn"),
        (("source=synthetic", "source.speaker=3"), "did you mean source.speakers?"),
        (("source.speakers=3",), "unknown key source.speakers"),
        (("source=made_up",), "known: synthetic, videos"),
        (("task=preview",), "task=preview shows source=synthetic"),
    ],
)
def test_mistakes_are_one_line(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run_command("prepare", [*arguments, f"output={tmp_path}/out"], monkeypatch)
    said = capsys.readouterr().err
    assert code == 2 and message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"speakers": 0}, "source.speakers=0: it must be at least 1"),
        ({"clips": 10**6}, "source.clips=1000000: it must be at least 1 and less than"),
        ({"seconds": 9.0}, "from 1 to 8 seconds"),
        ({"seed": -1}, "must not be negative"),
        ({"size": 65}, "size=65: it must be even"),
        ({"wavs": "nowhere"}, "nowhere does not exist"),
    ],
)
def test_impossible_speakers_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Speakers(**{"size": 64, **wrong}).clips()


def test_a_folder_without_sounds_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no sound file"):
        Speakers(64, wavs=str(tmp_path)).clips()


def test_seeds_are_other_people() -> None:
    names = [{clip.identity for clip in Speakers(64, seed=seed).clips()} for seed in (0, 1)]
    assert not names[0] & names[1] and len(names[0]) == 24
    clips = Speakers(64, speakers=30, clips=11).clips()
    assert [clip.key for clip in clips] == sorted(clip.key for clip in clips)
    assert all(isinstance(clip, SpokenClip) for clip in clips)


def test_the_record_says_what_was_asked(finished: Path) -> None:
    settings = json.loads((finished / "preparation.json").read_bytes())["settings"]
    assert settings["source"]["speakers"] == 2 and settings["crop"] == FRAMING
