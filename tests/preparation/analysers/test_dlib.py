import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import MissingPackage
from preparation.analysers.dlib import DlibAnalyser
from preparation.analysers.mesh import MeshAnalyser
from preparation.faces import Analyser


def picture(real_data: Path, name: str) -> np.ndarray:
    return np.array(Image.open(real_data / "portraits" / name).convert("RGB"))


@pytest.fixture
def analyser() -> DlibAnalyser:
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    return DlibAnalyser()


def test_agrees_with_the_mesh(real_data: Path, analyser: DlibAnalyser) -> None:
    assert isinstance(analyser, Analyser)
    frame = picture(real_data, "obama_official.jpg")
    (ours,), (mesh,) = analyser.faces(frame), MeshAnalyser().faces(frame)
    assert np.linalg.norm(ours.points - mesh.points, axis=1).mean() < 0.05 * mesh.size
    assert np.abs(ours.box - mesh.box).max() < 0.15 * mesh.size
    assert ours.pupils is None
    assert 0.5 < ours.score < 1


def test_two_faces_the_largest_first(real_data: Path, analyser: DlibAnalyser) -> None:
    first, second = analyser.faces(picture(real_data, "two_people.jpg"))
    assert first.area >= second.area


def test_huge_pictures_give_the_place_in_their_own_pixels(real_data: Path, analyser: DlibAnalyser) -> None:
    (small,) = analyser.faces(picture(real_data, "astronaut.png"))
    (huge,) = analyser.faces(picture(real_data, "huge_7000_astronaut.jpg"))
    assert np.linalg.norm(huge.points * 512 / 7000 - small.points, axis=1).mean() < 0.03 * small.size


def test_following(real_data: Path, analyser: DlibAnalyser) -> None:
    frame = picture(real_data, "astronaut.png")
    (face,) = analyser.faces(frame)
    moved = analyser.follow(np.roll(frame, (4, 6), axis=(0, 1)), face)
    assert moved is not None
    np.testing.assert_allclose(moved.points.mean(axis=0) - face.points.mean(axis=0), (6, 4), atol=1.5)
    assert analyser.follow(np.zeros_like(frame), face) is None


def test_embeddings_part_people_and_join_pictures_of_one(real_data: Path, analyser: DlibAnalyser) -> None:
    def embed(name: str) -> np.ndarray:
        frame = picture(real_data, name)
        vector = analyser.embedding(frame, MeshAnalyser().faces(frame)[0])
        assert vector is not None
        assert vector.shape == (128,)
        return vector

    obama = embed("obama_official.jpg")
    assert np.linalg.norm(obama - embed("partial_face.jpg")) < 0.6 < np.linalg.norm(obama - embed("astronaut.png"))


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_a_missing_package_names_the_command(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(MissingPackage, match=r"pip install .*dlib-bin"):
        DlibAnalyser()
