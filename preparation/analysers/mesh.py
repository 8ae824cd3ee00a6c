"""The default analyser: BlazeFace, then MediaPipe's 468-point mesh and its iris network, all through OpenCV."""

import math

import cv2
import numpy as np

from preparation.analysers.blazeface import FaceDetector
from preparation.analysers.tflite import load_network, network_file
from preparation.faces import LEFT_EYE, RIGHT_EYE, Face
from preparation.warp import invert, sample, similarity, transform

# The mesh vertex of each iBUG-68 point; the eyes (36 to 47) are replaced by the lids of the iris network.
# fmt: off
IBUG68 = np.array([
    127, 234, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 240, 97, 2, 326, 460,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lips
])
# fmt: on
_LEFT_CORNERS, _RIGHT_CORNERS = (33, 133), (362, 263)
# Six of the iris network's 71 lid points, in iBUG order for the eye that is left in the image and for its mirror image.
_LEFT_LID, _RIGHT_LID = (0, 11, 13, 8, 5, 3), (8, 13, 11, 0, 3, 5)
_LEAST_PRESENCE = 0.5
_DETECTION_MARGIN = 1.5
_TRACK_MARGIN = 1.5
_EYE_MARGIN = 2.3


class MeshAnalyser:
    """Faces down to about 5 % of the frame's long side; 68 landmarks from the mesh, lids and pupils from the iris net.

    The networks are read on first use, run on one thread, and give the same output for the same input.

    Raises:
        MissingPackage: the package with the networks is not installed.
    """

    name = "mesh"
    version = "1"
    licence = "Apache-2.0 (MediaPipe networks)"

    def __init__(self) -> None:
        network_file("face_landmark")

    def faces(self, frame: np.ndarray) -> list[Face]:
        """All faces, the largest first; see `Analyser`."""
        found = []
        for detection in FaceDetector()(frame):
            left, right = detection.keypoints[:2]
            square = similarity(detection.centre, _DETECTION_MARGIN * detection.side, _angle(left, right))
            mesh = _fit_mesh(frame, square)
            if mesh is None:
                continue
            # A second fit in the square that following uses: detected and followed landmarks then differ by 1.1 % of
            # the eye distance, not 2.1 %, so a track shows no step where a detection renews it.
            again = _fit_mesh(frame, _track_square(_box(mesh), mesh[33], mesh[263]))
            found.append(_face(frame, mesh if again is None else again, detection.score))
        return sorted(found, key=lambda face: -face.area)

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """The mesh fitted again around where the face was; None when its presence falls below 0.5."""
        mesh = _fit_mesh(frame, _track_square(previous.box, previous.points[36], previous.points[45]))
        return None if mesh is None else _face(frame, mesh, previous.score)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """None: there is no identity network here."""
        return None


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    x, y = right - left
    return math.atan2(float(y), float(x))


def _box(mesh: np.ndarray) -> np.ndarray:
    return np.concatenate([mesh.min(axis=0), mesh.max(axis=0)])


def _track_square(box: np.ndarray, left_corner: np.ndarray, right_corner: np.ndarray) -> np.ndarray:
    """The square around a face known by its mesh's box (4,) and the outer corners of its eyes (2,)."""
    side = _TRACK_MARGIN * float((box[2:] - box[:2]).max())
    return similarity((box[:2] + box[2:]) / 2, side, _angle(left_corner, right_corner))


def _fit_mesh(frame: np.ndarray, square: np.ndarray) -> np.ndarray | None:
    """The 468 points (468, 2) in px of the frame, fitted in a square of it, or None without a face there."""
    network = load_network("face_landmark", 192, ("conv2d_20", "conv2d_30"))
    crop = sample(frame, square, network.size, border=cv2.BORDER_CONSTANT)
    mesh, presence = network(crop, low=0.0)
    if 1.0 / (1.0 + math.exp(-float(presence.item()))) < _LEAST_PRESENCE:
        return None
    flat = mesh.reshape(468, 3)[:, :2].astype(np.float64) / network.size
    return transform(invert(square), flat)


def _fit_eye(frame: np.ndarray, corners: np.ndarray, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lid points (71, 2) and the pupil's centre (2,) of the eye between two corners (2, 2), in px of the frame.

    The network knows the eye that is left in the image; the other one is shown to it mirrored.
    """
    network = load_network("iris_landmark", 64, ("output_eyes_contours_and_brows", "output_iris"))
    left, right = corners
    side = _EYE_MARGIN * float(np.linalg.norm(right - left))
    square = similarity((left + right) / 2, max(side, 1.0), _angle(left, right))
    crop = sample(frame, square, network.size, border=cv2.BORDER_CONSTANT)
    lids, iris = network(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop, low=0.0)
    points = np.concatenate([lids.reshape(71, 3), iris.reshape(5, 3)[:1]])[:, :2].astype(np.float64) / network.size
    if mirrored:
        points[:, 0] = 1.0 - points[:, 0]
    points = transform(invert(square), points)
    return points[:71], points[71]


def _face(frame: np.ndarray, mesh: np.ndarray, score: float) -> Face:
    left_lid, left_pupil = _fit_eye(frame, mesh[list(_LEFT_CORNERS)], mirrored=False)
    right_lid, right_pupil = _fit_eye(frame, mesh[list(_RIGHT_CORNERS)], mirrored=True)
    points = mesh[IBUG68].astype(np.float32)
    # The mesh hardly blinks: its eye aspect ratio correlates 0.54 with dlib's, that of these lids 0.87.
    points[LEFT_EYE] = left_lid[list(_LEFT_LID)]
    points[RIGHT_EYE] = right_lid[list(_RIGHT_LID)]
    return Face(
        box=_box(mesh).astype(np.float32),
        score=score,
        points=points,
        pupils=np.array([left_pupil, right_pupil], dtype=np.float32),
    )
