"""insightface: SCRFD (Guo et al., 2021), 68 landmarks in 3D and ArcFace, with models that the user has."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.errors import MissingAsset, MissingPackage
from models.face3d.alignment import ARCFACE
from preparation.faces import LEFT_EYE, RIGHT_EYE, Face
from preparation.warp import invert, sample, similarity, transform

_INSTALL = "pip install -e '.[insightface]' && pip install --no-deps insightface==2.1"
_LICENCE = "insightface models: non-commercial research only"
_TASKS = ("detection", "landmark_3d_68", "recognition")
_FOLLOW_SIZE = 320
# Where ArcFace expects eyes, nose and mouth corners in its 112 px picture (insightface's template), centres at +0.5.
_ARCFACE_SIZE = 112
_ARCFACE = 0.5 + np.array(ARCFACE)


class InsightFaceAnalyser:
    """Faces of all sizes and poses, for users who have the models of a pack.

    Args:
        root: the folder that holds `models/<pack>/*.onnx`; `~` is the home folder.
        pack: the name of the model pack.
        detection_size: the side in px that SCRFD sees.
        providers: onnxruntime's execution providers, in order of preference.

    Raises:
        MissingPackage: insightface or onnxruntime is not installed.
        MissingAsset: the pack is not there, lies one folder too deep, or lacks a network.
    """

    name = "insightface"
    version = "1"
    licence = _LICENCE

    def __init__(
        self,
        root: str = "~/.insightface",
        pack: str = "buffalo_l",
        detection_size: int = 640,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> None:
        for package in ("insightface", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                raise MissingPackage(package, _INSTALL)
        self._root = Path(root).expanduser()
        self._pack = pack
        self._detection_size = detection_size
        self._providers = list(providers)
        check_pack(self._root / "models" / pack)

    def faces(self, frame: np.ndarray) -> list[Face]:
        """All faces, the largest first; see `Analyser`."""
        found = [to_face(result) for result in self._models[0].get(_bgr(frame))]
        return sorted(found, key=lambda face: -face.area)

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """The largest face in a square of twice the face around where it was, or None."""
        square = similarity((previous.box[:2] + previous.box[2:]) / 2, 2 * previous.size)
        crop = sample(frame, square, _FOLLOW_SIZE, border=cv2.BORDER_CONSTANT)
        found = self.faces(crop)
        if not found:
            return None
        back = invert(square)
        corners = transform(back, found[0].box.reshape(2, 2) / _FOLLOW_SIZE)
        points = transform(back, found[0].points / _FOLLOW_SIZE)
        return Face(corners.ravel(), found[0].score, points)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """ArcFace's vector (512,) float32, not normalised."""
        return arcface(self._models[1], frame, face)

    @functools.cached_property
    def _models(self) -> tuple[Any, Any]:
        """The detector with its landmarks, and the recogniser apart, so that it runs only when asked."""
        return load_pack(self._root, self._pack, self._detection_size, self._providers)


def check_pack(folder: Path) -> None:
    """Refuse a pack that insightface would download without a time limit, or stumble over.

    Raises:
        MissingAsset: no folder, no networks in it, networks one folder too deep, or an empty file.
    """
    name, remedy = f"insightface pack {folder.name}", f"unpack {folder.name}.zip so that the .onnx files lie there"
    files = sorted(folder.glob("*.onnx"))
    if not files:
        if any(folder.glob("*/*.onnx")):
            remedy = f"its .onnx files lie one folder too deep: move them up into {folder}"
        raise MissingAsset(name, str(folder / "*.onnx"), _LICENCE, remedy)
    for file in files:
        if file.stat().st_size == 0:
            raise MissingAsset(name, str(file), _LICENCE, f"the file is empty: {remedy}")


def load_pack(root: Path, pack: str, size: int, providers: list[str]) -> tuple[Any, Any]:
    """(detector with landmarks, recogniser) by insightface's own loader.

    Raises:
        MissingAsset: a network of the pack is missing or cannot be read.
    """
    app = importlib.import_module("insightface.app")
    broken = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    remedy = f"unpack {pack}.zip again: it needs a detector, 1k3d68.onnx and a recogniser"
    missing = MissingAsset(f"insightface pack {pack}", str(root / "models" / pack), _LICENCE, remedy)
    try:
        analysis = app.FaceAnalysis(name=pack, root=str(root), allowed_modules=list(_TASKS), providers=providers)
    except (AssertionError, OSError, broken.InvalidProtobuf, broken.Fail, broken.InvalidGraph) as error:
        raise missing from error
    if not set(_TASKS) <= set(analysis.models):
        raise missing
    analysis.prepare(ctx_id=-1 if providers == ["CPUExecutionProvider"] else 0, det_size=(size, size))
    return analysis, analysis.models.pop("recognition")


def to_face(result: Any) -> Face:
    """One of insightface's results (pixel centres at whole numbers) as a `Face`."""
    points = np.asarray(result.landmark_3d_68, dtype=np.float32)[:, :2] + np.float32(0.5)
    box = np.asarray(result.bbox, dtype=np.float32) + np.float32(0.5)
    return Face(box=box, score=float(result.det_score), points=points)


def arcface(recogniser: Any, frame: np.ndarray, face: Face) -> np.ndarray:
    """The embedding of a face that is aligned by five points taken from its 68."""
    p = face.points.astype(np.float64)
    five = np.stack([p[LEFT_EYE].mean(axis=0), p[RIGHT_EYE].mean(axis=0), p[30], p[48], p[54]])
    square = fit_similarity(five, _ARCFACE / _ARCFACE_SIZE)
    aligned = sample(frame, square, _ARCFACE_SIZE, border=cv2.BORDER_CONSTANT)
    return np.asarray(recogniser.get_feat(_bgr(aligned)), dtype=np.float32).ravel()


def fit_similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix that takes points (N, 2) to targets (N, 2) by turning, scaling and shifting: least squares."""
    origin, goal = points.mean(axis=0), targets.mean(axis=0)
    # In complex numbers a turn with a scale is one product.
    z, w = (points - origin) @ (1, 1j), (targets - goal) @ (1, 1j)
    turn = np.vdot(z, w) / np.vdot(z, z).real
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, goal - linear @ origin])


def _bgr(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[:, :, ::-1])
