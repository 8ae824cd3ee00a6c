import numpy as np
import pytest

from datamodules.synthetic import mouth
from datamodules.synthetic.listening import listen
from datamodules.synthetic.performance import Performance, perform
from datamodules.synthetic.style import draw_style
from datamodules.synthetic.voice import draw_voice


def performed(seed: int, count: int = 200, recording: np.ndarray | None = None) -> Performance:
    voice = draw_voice(np.random.default_rng((seed, 0)), seed % 2)
    style = draw_style(np.random.default_rng((seed, 1)))
    return perform(np.random.default_rng((seed, 2)), voice, style, count, recording)


def energy(audio: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(audio.reshape(-1, 640) ** 2, axis=1))


def test_sound_and_motion_have_the_same_length() -> None:
    for count in (25, 30, 101):
        made = performed(0, count)
        assert made.audio.shape == (640 * count,) and made.visemes.shape == (count,) and made.mouth.shape == (count, 7)
        assert made.motion.rotation.shape == made.motion.translation.shape == (count, 3)


def test_the_mouth_moves_with_the_sound() -> None:
    found = [
        np.corrcoef(energy(made.audio), made.motion.expression["jawOpen"])[0, 1] for made in map(performed, range(10))
    ]
    assert min(found) > 0.35 and np.mean(found) > 0.55
    shifted = [
        np.corrcoef(energy(m.audio)[5:], m.motion.expression["jawOpen"][:-5])[0, 1] for m in map(performed, range(10))
    ]
    assert np.mean(shifted) < 0.5 * np.mean(found)


def test_nobody_moves_the_mouth_in_silence() -> None:
    made = performed(1)
    times = (np.arange(200) + 0.5) / 25
    silent = np.all([(times < start - 0.3) | (times > end + 0.3) for start, end in made.phrases], axis=0)
    assert (made.mouth[silent, mouth.JAW] < 0.06).all()


def test_the_seed_decides() -> None:
    one, same, other = performed(4), performed(4), performed(5)
    assert np.array_equal(one.audio, same.audio) and np.array_equal(one.motion.rotation, same.motion.rotation)
    assert all(np.array_equal(curve, same.motion.expression[name]) for name, curve in one.motion.expression.items())
    assert not np.array_equal(one.audio, other.audio) and not np.array_equal(one.motion.gaze, other.motion.gaze)


def test_a_recording_moves_the_mouth_like_its_words() -> None:
    """What is heard in made-up speech agrees with what was said."""
    times = (np.arange(200) + 0.5) / 25
    found = []
    for made in map(performed, range(8)):
        heard = listen(made.audio, times).mouth
        found.append([np.corrcoef(heard[:, n], made.mouth[:, n])[0, 1] for n in (mouth.JAW, mouth.ROUND, mouth.SPREAD)])
    assert (np.mean(found, axis=0) > [0.75, 0.45, 0.45]).all()


def test_a_recording_is_cut_or_filled_up() -> None:
    recording = performed(2).audio
    made = performed(3, 50, recording)
    assert np.array_equal(made.audio, recording[: 50 * 640]) and made.sounds == () and made.accents and made.phrases
    longer = performed(3, 300, recording)
    assert not longer.audio[len(recording) :].any()
    assert (longer.mouth[210:, mouth.JAW] < 0.05).all()


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_keeps_the_mouth_shut(level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, 32000).astype(np.float32)
    made = performed(0, 50, noise)
    assert made.mouth[:, mouth.JAW].max() < 0.05 and made.accents == () and np.isfinite(made.motion.gaze).all()
