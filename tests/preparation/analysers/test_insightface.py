"""The models may not be shipped, so their results are stood in for; refusals are the real ones."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MissingAsset, MissingPackage
from preparation.analysers.insightface import InsightFaceAnalyser, arcface, fit_similarity, to_face
from preparation.faces import Face
from preparation.warp import similarity, transform


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = importlib.util.find_spec
    known = ("insightface", "onnxruntime")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: ModuleSpec(name, None) if name in known else find(name)
    )


def result(x: float, size: float) -> SimpleNamespace:
    """What insightface.app gives for one face: pixel centres at whole numbers."""
    points = np.random.default_rng(0).uniform(0, size, (68, 3)) + np.array([x, x, 0])
    return SimpleNamespace(bbox=np.array([x, x, x + size, x + size]), det_score=np.float32(0.8), landmark_3d_68=points)


class Pack:
    """Stands in for the loaded networks; keeps what it was shown."""

    def __init__(self, *results: SimpleNamespace) -> None:
        self.results, self.shown = results, np.zeros(0)

    def get(self, image: np.ndarray) -> list[SimpleNamespace]:
        self.shown = image
        return list(self.results)

    def get_feat(self, image: np.ndarray) -> np.ndarray:
        self.shown = image
        return np.arange(512.0)[None]


def analyser(root: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> InsightFaceAnalyser:
    (root / "models" / "buffalo_l").mkdir(parents=True)
    (root / "models" / "buffalo_l" / "det_10g.onnx").write_bytes(b"network")
    monkeypatch.setattr("preparation.analysers.insightface.load_pack", lambda *_: (pack, pack))
    return InsightFaceAnalyser(root=str(root))


@pytest.mark.parametrize("missing", ["insightface", "onnxruntime"])
def test_a_missing_package_names_the_command(missing: str, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    find: Any = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(MissingPackage, match="--no-deps insightface"):
        InsightFaceAnalyser()


def test_refused_packs(tmp_path: Path, installed: None) -> None:
    folder = tmp_path / "models" / "buffalo_l"
    with pytest.raises(MissingAsset, match=r"unpack buffalo_l\.zip") as caught:
        InsightFaceAnalyser(root=str(tmp_path))
    assert "non-commercial" in str(caught.value)
    (folder / "buffalo_l").mkdir(parents=True)
    with pytest.raises(MissingAsset, match="unpack"):
        InsightFaceAnalyser(root=str(tmp_path))
    (folder / "buffalo_l" / "det_10g.onnx").write_bytes(b"network")
    with pytest.raises(MissingAsset, match="one folder too deep"):
        InsightFaceAnalyser(root=str(tmp_path))
    (folder / "det_10g.onnx").touch()
    with pytest.raises(MissingAsset, match="the file is empty"):
        InsightFaceAnalyser(root=str(tmp_path))


def test_results_become_faces(tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = Pack(result(10, 20), result(50, 40))
    frame = np.random.default_rng(1).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    large, small = analyser(tmp_path, pack, monkeypatch).faces(frame)
    assert (large.size, small.size) == (40, 20)
    np.testing.assert_array_equal(pack.shown, frame[:, :, ::-1])
    np.testing.assert_allclose(small.box, (10.5, 10.5, 30.5, 30.5))
    np.testing.assert_allclose(small.points, result(10, 20).landmark_3d_68[:, :2] + 0.5, atol=1e-4)
    assert small.points.dtype == small.box.dtype == np.dtype("float32")


def test_following_looks_at_twice_the_face(tmp_path: Path, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = np.zeros((200, 200, 3), dtype=np.uint8)
    previous = to_face(result(79.5, 40))
    # In the 320 px crop of 80 px around (100, 100), a face of 160 px in the middle is the same face again.
    again = analyser(tmp_path / "a", Pack(result(79.5, 160)), monkeypatch).follow(frame, previous)
    assert again is not None
    np.testing.assert_allclose(again.box, previous.box, atol=0.01)
    assert analyser(tmp_path / "b", Pack(), monkeypatch).follow(frame, previous) is None


def test_the_embedding_is_of_an_aligned_face() -> None:
    points = np.full((68, 2), 100, dtype=np.float32)
    points[36:42], points[42:48], points[30], points[48], points[54] = (
        (80, 90),
        (120, 90),
        (100, 115),
        (85, 135),
        (115, 135),
    )
    frame = np.zeros((200, 200, 3), dtype=np.uint8)
    frame[86:94, 76:84, 0] = 255
    pack = Pack()
    vector = arcface(pack, frame, Face(np.array([60, 60, 140, 150], dtype=np.float32), 1.0, points))
    assert vector.shape == (512,)
    y, x = np.argwhere(pack.shown[:, :, 2] > 128).mean(axis=0)
    assert np.hypot(x - 38.3, y - 51.7) < 2


@given(st.floats(-200, 200), st.floats(0.5, 500), st.floats(-3, 3))
def test_fit_similarity_finds_the_exact_one(centre: float, side: float, angle: float) -> None:
    matrix = similarity(np.array([centre, -centre]), side, angle)
    points = np.array([(0, 0), (10, 3), (4, 8), (-3, 5)], dtype=float)
    np.testing.assert_allclose(fit_similarity(points, transform(matrix, points)), matrix, atol=1e-6, rtol=1e-6)
