import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.synthetic import mouth
from datamodules.synthetic.eyes import MOST_PITCH, MOST_YAW
from datamodules.synthetic.motion import MOST_TURNED, Motion, expression_array, move, nod
from datamodules.synthetic.phonemes import PHONEMES, VISEMES
from datamodules.synthetic.speech import Accent, Sound, Utterance, draw_utterance
from datamodules.synthetic.style import Style, draw_style


def frames(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / 25


def style(seed: int) -> Style:
    return draw_style(np.random.default_rng((seed, 1)))


def moved(seed: int, seconds: float = 8.0) -> tuple[Utterance, np.ndarray, Motion]:
    rng, times = np.random.default_rng(seed), frames(round(25 * seconds))
    utterance = draw_utterance(rng, seconds)
    path = mouth.follow(utterance, times, style(seed).articulation)
    return utterance, times, move(rng, style(seed), times, path, utterance.accents(), utterance.phrases())


def saying(*symbols: str, each: float = 0.1) -> Utterance:
    known = [PHONEMES[symbol] for symbol in ("SIL", *symbols, "SIL")]
    sounds = [Sound(phoneme, number * each, (number + 1) * each, 1, 0, 0) for number, phoneme in enumerate(known)]
    return Utterance(tuple(sounds), len(known) * each)


@given(symbol=st.sampled_from(["P", "B", "M"]), each=st.floats(0.03, 0.2), before=st.sampled_from(["AA", "S", "UW"]))
@settings(max_examples=60, deadline=None)
def test_lips_meet_however_fast(symbol: str, each: float, before: str) -> None:
    utterance = saying(before, symbol, "AA", each=each)
    times = frames(int(utterance.seconds * 25) + 1)
    path = mouth.follow(utterance, times)
    closed = path[:, mouth.PRESS] == 1
    assert closed.any() and (path[closed, mouth.JAW] <= 0.07).all()
    assert np.abs(times[closed] - 2.5 * each).min() <= 0.02 + each / 2


def test_open_vowels_open_the_jaw_and_rounded_ones_round() -> None:
    times = frames(100)
    peak = {
        symbol: mouth.follow(saying("HH", symbol, "HH", each=0.8), times)[45:55].mean(0)
        for symbol in ("AA", "IY", "UW", "S")
    }
    assert peak["AA"][mouth.JAW] > 0.6 > 0.35 > peak["IY"][mouth.JAW] > peak["S"][mouth.JAW]
    assert peak["UW"][mouth.ROUND] > 0.8 and peak["IY"][mouth.ROUND] < 0.1
    assert peak["IY"][mouth.SPREAD] > 0.5 and peak["UW"][mouth.SPREAD] < 0.1


def test_rounding_begins_before_its_vowel() -> None:
    times = frames(25)
    into_u, into_i = (mouth.follow(saying("AA", "S", "T", vowel, each=0.09), times) for vowel in ("UW", "IY"))
    during_s = (times > 0.18) & (times < 0.27)
    assert (into_u[during_s, mouth.ROUND] > into_i[during_s, mouth.ROUND] + 0.1).all()


def test_visemes_follow_the_sounds() -> None:
    utterance, times, _ = moved(0)
    named = [VISEMES[number] for number in mouth.visemes(utterance, times)]
    assert named == [utterance.sounds[number].phoneme.viseme for number in utterance.at(times)]
    path = mouth.follow(saying("AA", "UW", "SIL", each=0.5), frames(60))
    assert {"aa", "ou", "sil"} <= {VISEMES[number] for number in mouth.nearest_visemes(path)}


@pytest.mark.parametrize("seed", range(6))
def test_motion_keeps_its_limits_and_is_smooth(seed: int) -> None:
    _, times, motion = moved(seed)
    assert all(curve.shape == times.shape for curve in motion.expression.values())
    assert all((curve >= 0).all() and (curve <= 1).all() for curve in motion.expression.values())
    assert (np.abs(motion.rotation) <= MOST_TURNED).all()
    assert (MOST_TURNED <= [0.3, 0.5, 0.2]).all()
    assert np.abs(np.diff(motion.rotation, axis=0)).max() < 0.06
    assert (
        np.abs(motion.translation[:, :2]).max() < 0.7
        and ((motion.translation[:, 2] > -4.5) & (motion.translation[:, 2] < -1.5)).all()
    )
    assert np.array_equal(motion.gaze[:, :2], motion.gaze[:, 2:])
    assert (np.abs(motion.gaze) <= [MOST_PITCH, MOST_YAW] * 2).all()


def test_people_blink() -> None:
    gaps, shut = [], []
    for seed in range(12):
        _, times, motion = moved(seed)
        gaps += np.diff(motion.blinks).tolist()
        closed = motion.expression["eyeBlink_L"]
        assert np.array_equal(closed, motion.expression["eyeBlink_R"])
        for blink in motion.blinks:
            assert closed[np.abs(times - blink).argmin()] == 1
            shut.append(int((closed[np.abs(times - blink) < 0.3] > 0.5).sum()))
    assert min(gaps) > 0.8 and 2 < np.mean(gaps) < 5
    assert 3 <= np.mean(shut) <= 7  # frames


def test_lids_follow_the_gaze() -> None:
    found = []
    for seed in range(8):
        _, times, motion = moved(seed)
        awake = np.all([np.abs(times - blink) > 0.35 for blink in motion.blinks], axis=0)
        found.append((motion.gaze[awake, 0], motion.expression["eyeBlink_L"][awake]))
    pitch, lids = (np.concatenate(parts) for parts in zip(*found, strict=True))
    assert lids[pitch > 0.1].mean() > 0.1 > 0.02 > lids[pitch < 0].mean()


def test_eyes_mostly_meet_the_camera() -> None:
    """Head and eyes together point at the camera, whatever the head does."""
    hits = 0
    for seed in range(8):
        _, _, motion = moved(seed)
        camera = np.array([0, 0, 10.0]) - motion.translation
        wanted = np.arctan2(camera[:, 0], camera[:, 2])
        hits += (np.abs(motion.rotation[:, 1] + motion.gaze[:, 1] - wanted) < 0.1).mean()
    assert 0.5 < hits / 8 < 0.98


def test_head_and_brows_beat_on_accents() -> None:
    """Pitch just after accents is lower than around them, for speakers that nod; brows are higher on accents."""
    beats, brows = [], []
    for seed in range(16):
        utterance, times, motion = moved(seed)
        for accent in utterance.accents():
            if 0.6 < accent.time < 7.2 and accent.strength == 1:
                at = int(np.abs(times - accent.time - 0.06).argmin())
                around = (motion.rotation[at - 8, 0] + motion.rotation[at + 9, 0]) / 2
                beats.append(motion.rotation[at, 0] - around)
                raised = motion.expression["browInnerUp"]
                brows.append(raised[at] - (raised[at - 12] + raised[at + 12]) / 2)
    assert np.mean(beats) > 0.015 and np.mean(np.array(beats) > 0) > 0.7
    assert np.mean(brows) > 0.05
    after = np.linspace(-1, 1, 201)
    assert 0.03 < after[nod(after).argmax()] < 0.1


def test_styles_differ() -> None:
    spread = np.array([moved(seed)[2].rotation.std(0).sum() for seed in range(10)])
    assert spread.max() > 2 * spread.min()
    still = move(np.random.default_rng(0), style(0), frames(100), np.zeros((100, 7)), [], [])
    assert np.isfinite(still.rotation).all()
    beaten = move(np.random.default_rng(0), style(0), frames(100), np.zeros((100, 7)), [Accent(2.0, 1.0)], [])
    assert np.abs(beaten.rotation - still.rotation)[45:55].max() > 0.01


def test_curves_find_their_direction() -> None:
    curves = {"jawOpen": np.array([0.2, 2.0]), "mouthClose": np.array([0.0, 0.5])}
    low, high = np.zeros(3), np.ones(3)
    array = expression_array(curves, ["mouthClose", "", "jawOpen"], low, high)
    assert array.dtype == np.float32
    np.testing.assert_allclose(array, [[0, 0, 0.2], [0.5, 0, 1.0]])
    with pytest.raises(KeyError, match="jawOpen"):
        expression_array(curves, ["mouthClose", "", ""], low, high)
