import numpy as np
import pytest
import torch

from datamodules.shard_format import Segment, decode_segment, encode_segment, json_bytes
from datamodules.synthetic import speaker
from datamodules.synthetic.embedded import head
from datamodules.synthetic.phonemes import VISEMES
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.rotation import place

SIZE, SECONDS = 64, 1.0


@pytest.fixture(scope="module")
def made() -> Segment:
    return speaker.clip(3, 1, SECONDS, SIZE)


@pytest.fixture(scope="module")
def decoded(made: Segment) -> Segment:
    return decode_segment(made.key, encode_segment(made, crf=10))


def coefficients(segment: Segment) -> Coefficients:
    arrays = segment.tracks["coefficients_procedural"]
    return Coefficients.from_arrays({name: torch.from_numpy(array) for name, array in arrays.items()})


def inner_lips(points: np.ndarray) -> np.ndarray:
    """(T,) height of the opening between the lips as a fraction of the distance between the eyes; below 0: pressed."""
    eyes = np.linalg.norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), axis=1)
    return (points[:, [67, 66, 65], 1] - points[:, 61:64, 1]).mean(1) / eyes


def test_a_clip_is_a_segment(made: Segment) -> None:
    assert made.key == "synthetic/00000003/0001/0000"
    assert made.frames.shape == (25, SIZE, SIZE, 3) and made.audio is not None and made.audio.shape == (16000,)
    assert made.frames.astype(float).std() > 10
    assert made.info["visemes"] == list(VISEMES) and made.info["coefficients"]["procedural"]["estimator"] == "truth"
    assert {"voice", "style", "phonemes", "licence", "split"} <= set(made.info)
    assert set(made.tracks) == {"landmarks", "coefficients_procedural", "visemes"}
    json_bytes(made.info)


def test_decoded_landmarks_are_the_projected_coefficients(decoded: Segment) -> None:
    found, model, camera = coefficients(decoded), head(), Camera.deep3d(SIZE)
    shape = model.shape(found.identity, found.expression, found.gaze)
    for name, points in (("points", model.landmarks68(shape)), ("pupils", model.pupils(shape))):
        pixels = camera.project(camera.view(place(points, found.rotation, found.translation)))
        np.testing.assert_allclose(decoded.tracks["landmarks"][name], pixels.numpy(), atol=1e-3)
    alignment = decoded.tracks["coefficients_procedural"]["alignment"]
    np.testing.assert_allclose(alignment, np.tile([SIZE, SIZE, 224 / SIZE, SIZE / 2, SIZE / 2], (25, 1)))


def test_tracks_have_their_shapes(decoded: Segment) -> None:
    sizes = {name: array.shape for name, array in decoded.tracks["coefficients_procedural"].items()}
    assert sizes == {
        "identity": (25, 80), "expression": (25, 64), "texture": (25, 80), "rotation": (25, 3), "translation": (25, 3),
        "lighting": (25, 27), "gaze": (25, 4), "alignment": (25, 5),
    }  # fmt: skip
    assert all(array.dtype == np.float32 for array in decoded.tracks["coefficients_procedural"].values())
    assert decoded.tracks["visemes"]["viseme"].dtype == np.int64
    assert (decoded.tracks["landmarks"]["score"] == 1).all()


def test_the_face_is_framed() -> None:
    """Chin to brows lie inside, and the head fills about half of the picture or more."""
    for number in range(12):
        take = speaker.rehearse(speaker.draw_speaker(number), 0, 2.0)
        points = speaker.truth(take.coefficients, 100)["points"]
        assert points.min() > 5 and points.max() < 95
        height = np.ptp(points[..., 1], axis=1)
        assert ((height > 30) & (height < 62)).all()


def test_lips_really_meet_on_bilabials() -> None:
    """In every p, b and m at least one frame has closed lips; open vowels part them."""
    closed, opened = [], []
    for number in range(8):
        take = speaker.rehearse(speaker.draw_speaker(number), 0, 4.0)
        gap = inner_lips(speaker.truth(take.coefficients, 224)["points"])
        times = (np.arange(take.frames) + 0.5) / 25
        for sound in take.performance.sounds:
            inside = (times > sound.start - 0.02) & (times < sound.end + 0.02)
            if sound.phoneme.closes_lips:
                closed.append(gap[inside].min())
            elif sound.phoneme.viseme == "aa" and sound.seconds > 0.08:
                opened.append(gap[inside].max())
    assert len(closed) > 10 and np.max(closed) < 0.015
    assert np.median(opened) > 0.1


def test_eyes_close_in_a_blink() -> None:
    take = speaker.rehearse(speaker.draw_speaker(1), 0, 8.0)
    points = speaker.truth(take.coefficients, 224)["points"]
    height = np.linalg.norm(points[:, [37, 38]] - points[:, [41, 40]], axis=2).mean(1)
    width = np.linalg.norm(points[:, 36] - points[:, 39], axis=1)
    at = [round(blink * 25 - 0.5) for blink in take.performance.motion.blinks]
    assert at and (height[at] / width[at]).max() < 0.12 < 0.2 < np.median(height / width)


def test_the_numbers_decide(made: Segment) -> None:
    again = speaker.clip(3, 1, SECONDS, SIZE)
    assert np.array_equal(again.frames, made.frames) and again.info == made.info
    assert encode_segment(again) == encode_segment(made)
    other = speaker.clip(3, 2, SECONDS, SIZE)
    assert other.audio is not None and made.audio is not None and not np.array_equal(other.audio, made.audio)
    person, stranger = coefficients(made).identity[0], coefficients(speaker.clip(4, 1, SECONDS, SIZE)).identity[0]
    assert torch.equal(person, coefficients(other).identity[0]) and not torch.equal(person, stranger)


def test_some_frames_of_a_take() -> None:
    take = speaker.rehearse(speaker.draw_speaker(3), 1, SECONDS)
    part = speaker.segment(take, np.array([0, 12, 24]), SIZE)
    assert part.frames.shape == (3, SIZE, SIZE, 3) and part.audio is None
    whole = speaker.truth(take.coefficients, SIZE)["points"]
    np.testing.assert_allclose(part.tracks["landmarks"]["points"], whole[[0, 12, 24]], atol=1e-3)
