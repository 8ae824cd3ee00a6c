"""The default analyser: BlazeFace, then MediaPipe's 468-point mesh and its iris network, all through OpenCV."""

import math

import cv2
import numpy as np

from preparation.analysers.blazeface import FaceDetector
from preparation.analysers.tflite import load_network
from preparation.faces import Face
from preparation.warp import invert, sample, similarity, transform

# The mesh vertex of each iBUG-68 point.
IBUG68 = np.array(
    [127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356]  # jaw
    + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]  # brows
    + [168, 197, 5, 4, 98, 97, 2, 326, 327]  # nose
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]  # eyes
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181]  # outer lips
    + [78, 81, 13, 311, 308, 402, 14, 178]  # inner lips
)
_EYES = ((33, 133), (362, 263))
_LEAST_PRESENCE = 0.5
_DETECTION_MARGIN = 1.5
_TRACK_MARGIN = 1.5
_EYE_MARGIN = 2.3


class MeshAnalyser:
    """Faces down to about 5 % of the frame's long side; 68 landmarks taken from the mesh, pupils from the iris network.

    The networks are read on first use, run on one thread, and give the same output for the same input.

    Raises (on first use):
        MissingPackage: the package with the networks is not installed.
    """

    name = "mesh"
    version = "1"
    licence = "Apache-2.0 (MediaPipe networks)"

    def faces(self, frame: np.ndarray) -> list[Face]:
        """All faces, the largest first; see `Analyser`."""
        found = []
        for detection in FaceDetector()(frame):
            left, right = detection.keypoints[:2]
            square = similarity(detection.centre, _DETECTION_MARGIN * detection.side, _angle(left, right))
            mesh = _fit_mesh(frame, square)
            if mesh is not None:
                found.append(_face(frame, mesh, detection.score))
        return sorted(found, key=lambda face: -face.area)

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """The mesh fitted again around where the face was; None when its presence falls below 0.5."""
        angle = _angle(previous.points[36], previous.points[45])
        centre = (previous.box[:2] + previous.box[2:]) / 2
        mesh = _fit_mesh(frame, similarity(centre, _TRACK_MARGIN * previous.size, angle))
        return None if mesh is None else _face(frame, mesh, previous.score)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """None: there is no identity network here."""
        return None


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    x, y = right - left
    return math.atan2(float(y), float(x))


def _fit_mesh(frame: np.ndarray, square: np.ndarray) -> np.ndarray | None:
    """The 468 points (468, 2) in px of the frame, fitted in a square of it, or None without a face there."""
    network = load_network("face_landmark", 192, ("conv2d_20", "conv2d_30"))
    crop = sample(frame, square, network.size, border=cv2.BORDER_CONSTANT)
    mesh, presence = network(crop, low=0.0)
    if 1.0 / (1.0 + math.exp(-float(presence.item()))) < _LEAST_PRESENCE:
        return None
    flat = mesh.reshape(468, 3)[:, :2].astype(np.float64) / network.size
    return transform(invert(square), flat)


def _fit_pupil(frame: np.ndarray, left: np.ndarray, right: np.ndarray, mirrored: bool) -> np.ndarray:
    """The pupil's centre (2,) in px, of the eye between two corners; the network knows one eye, the other is mirrored."""
    network = load_network("iris_landmark", 64, ("output_iris",))
    side = _EYE_MARGIN * float(np.linalg.norm(right - left))
    square = similarity((left + right) / 2, max(side, 1.0), _angle(left, right))
    crop = sample(frame, square, network.size, border=cv2.BORDER_CONSTANT)
    (iris,) = network(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop, low=0.0)
    pupil = iris.reshape(5, 3)[0, :2].astype(np.float64) / network.size
    if mirrored:
        pupil[0] = 1.0 - pupil[0]
    return transform(invert(square), pupil)


def _face(frame: np.ndarray, mesh: np.ndarray, score: float) -> Face:
    pupils = [
        _fit_pupil(frame, mesh[left], mesh[right], mirrored)
        for (left, right), mirrored in zip(_EYES, (False, True), strict=True)
    ]
    return Face(
        box=np.concatenate([mesh.min(axis=0), mesh.max(axis=0)]).astype(np.float32),
        score=score,
        points=mesh[IBUG68].astype(np.float32),
        pupils=np.array(pupils, dtype=np.float32),
    )
