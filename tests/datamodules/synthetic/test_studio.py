"""Pictures of people: the same every time, and true to their coefficients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datamodules.synthetic import studio
from datamodules.synthetic.embedded import head
from datamodules.synthetic.person import Person, draw_person
from datamodules.synthetic.studio import film
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.rotation import place

SIZE = 128


def performance(person: Person, frames: int = 1, **expression: float) -> Coefficients:
    """The person still, looking into the camera, with some expressions."""
    model = head()
    still = Coefficients.zeros(frames, model.n_identity, model.n_expression, model.n_texture)
    for name, strength in expression.items():
        still.expression[:, model.expression_names.index(name)] = strength
    still.translation[:] = torch.tensor([0.0, -0.2, -5.0])
    return replace(
        still,
        identity=torch.from_numpy(person.identity).expand(frames, -1),
        texture=torch.from_numpy(person.texture).expand(frames, -1),
        lighting=torch.from_numpy(person.lighting).expand(frames, -1),
    )


def points(coefficients: Coefficients, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (T, 68, 2) and pupils (T, 2, 2) in pixels."""
    model, camera = head(), Camera.deep3d(size)
    shape = model.shape(coefficients.identity, coefficients.expression, coefficients.gaze)
    marks = torch.cat([model.landmarks68(shape), model.pupils(shape)], dim=1)
    pixels = camera.project(camera.view(place(marks, coefficients.rotation, coefficients.translation)))
    return pixels[:, :68].numpy(), pixels[:, 68:].numpy()


def patch(picture: np.ndarray, at: np.ndarray, radius: int = 1) -> np.ndarray:
    """Mean colour (3,) around a pixel (x, y)."""
    x, y = np.floor(at).astype(int)
    return picture[y - radius : y + radius + 1, x - radius : x + radius + 1].reshape(-1, 3).mean(0)


@pytest.fixture(scope="module")
def person() -> Person:
    """Somebody with open face and plain skin."""
    drawn = draw_person(3)
    return replace(drawn, beard=replace(drawn.beard, kind="none"), hair=replace(drawn.hair, fringe=0.0))


def test_pictures_are_bytes_of_the_asked_size(person: Person) -> None:
    for size in (64, 100):
        pictures = film(person, performance(person, 2), size)
        assert pictures.shape == (2, size, size, 3)
        assert pictures.dtype == np.uint8
        assert 20 < pictures.mean() < 235
        assert pictures.std() > 15


def test_same_person_same_bytes() -> None:
    one, other = draw_person(5), draw_person(5)
    assert one is not other
    np.testing.assert_array_equal(film(one, performance(one, 2), 64), film(other, performance(other, 2), 64))


def test_frames_do_not_depend_on_how_they_are_chunked(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = performance(person, 5)
    coefficients.rotation[:, 1] = torch.linspace(-0.3, 0.3, 5)
    whole = film(person, coefficients, 64)
    monkeypatch.setattr(studio, "_CHUNK", 2)
    np.testing.assert_array_equal(film(person, coefficients, 64), whole)


def test_people_look_different() -> None:
    pictures = [film(who, performance(who), 64)[0].astype(float) for who in map(draw_person, (1, 2, 3))]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[first] - pictures[second]).mean() > 12


def test_lips_are_redder_than_the_chin_at_their_landmarks(person: Person) -> None:
    coefficients = performance(person)
    picture, (marks, _) = film(person, coefficients, 256)[0], points(coefficients, 256)
    lip = patch(picture, 0.5 * (marks[0, 57] + marks[0, 66]))
    chin = patch(picture, 0.5 * (marks[0, 57] + marks[0, 8]))
    assert lip[0] / lip[1] > 1.1 * chin[0] / chin[1]


def test_pupils_are_dark_where_they_are_projected_and_follow_gaze(person: Person) -> None:
    coefficients = performance(person, 2)
    coefficients.gaze[1] = torch.tensor([0.0, 0.4, 0.0, 0.4])
    pictures, (_, pupils) = film(person, coefficients, 256), points(coefficients, 256)
    moved = pupils[1] - pupils[0]
    assert (np.abs(moved[:, 0]) > 2.5).all()
    for eye in range(2):
        for frame in range(2):
            own = patch(pictures[frame], pupils[frame, eye], 0).mean()
            other = patch(pictures[1 - frame], pupils[frame, eye], 0).mean()
            assert own < 0.75 * other


def test_the_mouth_is_dark_inside(person: Person) -> None:
    coefficients = performance(person, jawOpen=0.9)
    picture, (marks, _) = film(person, coefficients, 256)[0], points(coefficients, 256)
    inside = patch(picture, 0.5 * (marks[0, 62] + marks[0, 66])).mean()
    closed = film(person, performance(person), 256)[0]
    lips = patch(closed, points(performance(person), 256)[0][0, 57]).mean()
    assert inside < 0.5 * lips


def test_closed_lids_hide_the_eyes(person: Person) -> None:
    shut = performance(person, eyeBlink_L=1.0, eyeBlink_R=1.0)
    opened = performance(person)
    pupils = points(opened, 256)[1][0]
    for eye in range(2):
        skin = patch(film(person, shut, 256)[0], pupils[eye] - [0, 2], 0)
        iris = patch(film(person, opened, 256)[0], pupils[eye], 0)
        assert skin.mean() > 1.3 * iris.mean()


def test_the_shoulders_stay_when_the_head_turns(person: Person) -> None:
    coefficients = performance(person, 2)
    coefficients.rotation[1] = torch.tensor([0.1, 0.5, 0.1])
    still, turned = film(person, coefficients, SIZE).astype(float)
    change = np.abs(turned - still).mean(-1)
    lower, rim = change[-10:], slice(SIZE // 3, 2 * SIZE // 3)
    assert lower.mean() < 4
    assert change[rim, rim].mean() > 3 * lower.mean()


def test_light_comes_from_the_coefficients(person: Person) -> None:
    coefficients = performance(person, 2)
    lighting = torch.zeros(3, 9)
    lighting[:, 3] = 0.3  # minus x: from the image's left
    coefficients = replace(coefficients, lighting=torch.stack([lighting.flatten(), -lighting.flatten()]))
    pictures, (marks, _) = film(person, coefficients, SIZE), points(coefficients)
    left, right = 0.5 * (marks[0, 2] + marks[0, 31]), 0.5 * (marks[0, 14] + marks[0, 35])
    first, second = (patch(p, left).mean() - patch(p, right).mean() for p in pictures)
    assert first * second < 0
    assert abs(first - second) > 40
