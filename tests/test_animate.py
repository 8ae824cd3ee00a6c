"""animate.py from end to end with an untrained little network: what comes out, and how bad input ends."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.commands import run_command

Animate = Callable[..., tuple[int, str]]


@pytest.fixture
def animate(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Animate:
    """Run the command; returns its exit code and what it said."""

    def run(source: Path, driving: Path, *words: str, output: Path | None = None) -> tuple[int, str]:
        given = {"checkpoint": tiny_checkpoint, "source": source, "driving": driving}
        given["output"] = output or tmp_path / "out.mp4"
        quoted = [f"{key}='{value}'" for key, value in given.items()]
        code = run_command("animate", [*quoted, *words], monkeypatch)
        return code, "".join(capsys.readouterr())

    return run


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".ckpt"]


def test_a_video_with_mark_and_tags(animate: Animate, real_data: Path, tmp_path: Path) -> None:
    """Hard names on all sides; one frame out for each frame of the driving."""
    driving = next((real_data / "bad").glob("path with spaces*.mp4"))
    output = tmp_path / "Ausgabe 说话 ü" / "out.mp4"
    code, said = animate(real_data / "portraits" / "astronaut.png", driving, output=output)
    assert code == 0, said
    assert "s per frame, peak memory" in said
    with av.open(str(output)) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.frames) == ("h264", Fraction(25), 25)
        assert video.metadata["comment"].startswith("synthetic: made by Figurehead, sadtalker, checkpoint ")
    code, said = animate(real_data / "portraits" / "astronaut.png", driving, "mark=off")
    assert code == 0, said
    marked, plain = frames(output), frames(tmp_path / "out.mp4")
    difference = np.abs(marked.astype(int) - plain).max(axis=(0, 3))
    assert difference[-8:, -20:].max() > 60
    assert difference[:32].max() < 25  # H.264 only


def test_the_sound_stays_in_step(animate: Animate, real_data: Path, tmp_path: Path) -> None:
    from preparation.source_audio import read_audio

    driving = real_data / "bad" / "audio_starts_late.mp4"
    code, said = animate(real_data / "portraits" / "astronaut.png", driving)
    assert code == 0, said
    before, after = read_audio(driving), read_audio(tmp_path / "out.mp4")
    assert before is not None
    assert after is not None
    with av.open(str(tmp_path / "out.mp4")) as video:
        seconds = video.streams.video[0].frames / 25
    assert abs(len(after) / 16000 - seconds) < 1 / 25
    length = min(len(before), len(after))
    spectrum = np.fft.rfft(before[:length], 2 * length).conj() * np.fft.rfft(after[:length], 2 * length)
    shift = int(np.argmax(np.fft.irfft(spectrum)))
    assert abs(min(shift, shift - 2 * length, key=abs)) < 0.02 * 16000


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rgba_bearded_man.png", ""),
        ("exif_rotated6_glasses_man.jpg", ""),
        ("huge_7000_astronaut.jpg", ""),
        ("gray_L_astronaut.png", ""),
        ("palette_robot.png", ""),
        ("two_people.jpg", "note: .*2 faces; took the one at"),
    ],
)
def test_portraits_that_work(animate: Animate, real_data: Path, tmp_path: Path, name: str, said: str) -> None:
    import re

    code, words = animate(real_data / "portraits" / name, real_data / "bad" / "one_frame.mp4")
    assert code == 0, words
    assert re.search(said, words)
    assert frames(tmp_path / "out.mp4").shape == (1, 64, 64, 3)


@pytest.mark.parametrize(
    ("source", "driving", "message"),
    [
        ("portraits/no_face_grass.jpg", "videos/may.mp4", "no face found"),
        ("portraits/tiny_48_astronaut.png", "videos/may.mp4", "at least 32 px are needed"),
        ("bad/truncated.jpg", "videos/may.mp4", "damaged or cut short"),
        ("portraits/absent.png", "videos/may.mp4", "no such file"),
        ("portraits/astronaut.png", "bad/text_renamed.mp4", "give a video that a player can open"),
        ("portraits/astronaut.png", "audio/hallo_44k_stereo.wav", "sound but no picture"),
        ("portraits/astronaut.png", "videos/absent.mp4", "there is no such file"),
    ],
)
def test_what_cannot_be_used_is_one_plain_line(
    animate: Animate, real_data: Path, tmp_path: Path, source: str, driving: str, message: str
) -> None:
    code, said = animate(real_data / source, real_data / driving)
    assert code == 2
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in said
    assert leftovers(tmp_path) == []


def test_a_face_that_disappears(animate: Animate, real_data: Path, tmp_path: Path) -> None:
    source, driving = real_data / "portraits" / "astronaut.png", real_data / "bad" / "face_disappears.mp4"
    code, said = animate(source, driving, "missing_face=skip", "sound=off", "batch=8")
    assert code == 0, said
    assert "driving frames (30-69): missing_face=skip" in said
    assert len(frames(tmp_path / "out.mp4")) == 50
    code, said = animate(source, driving, "missing_face=stop")
    assert code == 2
    assert "no face in 40 of 90 frames (30-69)" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing_face=guess",), "missing_face=guess: it must be one of hold, skip, stop"),
        (("motion=fast",), "motion=fast: it must be one of relative, absolute"),
        (("batch=0",), "batch=0: it starts at 1"),
        (("+scale.nod=2",), "this motion has no part nod; it has rotation, translation, expression"),
        (("crop=hdtf",), "use crop=fomm"),
        (("device=abacus",), "device=abacus: it is not to be had here"),
        (("markk=off",), "unknown key markk; did you mean mark?"),
    ],
)
def test_wrong_options(animate: Animate, real_data: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    code, said = animate(real_data / "portraits" / "astronaut.png", real_data / "bad" / "one_frame.mp4", *words)
    assert code == 2
    assert message in said
    assert leftovers(tmp_path) == []


def test_output_must_be_an_mp4(animate: Animate, real_data: Path, tmp_path: Path) -> None:
    driving = real_data / "bad" / "one_frame.mp4"
    for output in (tmp_path / "out.gif", tmp_path):
        code, said = animate(real_data / "portraits" / "astronaut.png", driving, output=output)
        assert code == 2
        assert "give the name of a file that ends in .mp4" in said
