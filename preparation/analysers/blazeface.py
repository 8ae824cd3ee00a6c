"""BlazeFace (Bazarevsky et al., 2019): finds faces with MediaPipe's short and full range networks."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from preparation.analysers.tflite import Network, load_network
from preparation.warp import invert, sample, similarity, transform

LEAST_SCORE = 0.5
_MERGE_IOU = 0.3


@dataclass(frozen=True, eq=False)
class Detection:
    """A face by its detector: box (4,) x0, y0, x1, y1 and keypoints (6, 2) in pixels of the frame, score in [0, 1].

    The keypoints are: the eye left in the image, the right one, nose tip, mouth, left and right ear.
    """

    box: np.ndarray
    keypoints: np.ndarray
    score: float

    @property
    def centre(self) -> np.ndarray:
        """(2,) px."""
        return (self.box[:2] + self.box[2:]) / 2

    @property
    def side(self) -> float:
        """The longer side in px."""
        return float((self.box[2:] - self.box[:2]).max())


@functools.cache
def anchors(size: int, layers: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Anchor centres (N, 2) in [0, 1]: for each layer (stride, boxes per cell), row by row."""
    centres = []
    for stride, per_cell in layers:
        cells = size // stride
        line = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(centres).astype(np.float32)


def iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with others (N, 4), as (N,)."""
    overlap = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(overlap, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return shared / np.maximum(areas + (box[2:] - box[:2]).prod() - shared, 1e-9)


def merge(values: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Weighted non-maximum suppression: overlapping candidates become their mean, weighted by score.

    values: (N, 16), the first four being a box; scores: (N,). A merged score is the best of its group.
    """
    order = np.argsort(-scores, kind="stable")
    merged = []
    while len(order):
        same = iou(values[order[0], :4], values[order, :4]) > _MERGE_IOU
        same[0] = True
        group = order[same]
        merged.append((np.average(values[group], axis=0, weights=scores[group]), float(scores[group[0]])))
        order = order[~same]
    return merged


class _Range:
    """One of the two networks with its anchors."""

    def __init__(self, network: Network, layers: tuple[tuple[int, int], ...]) -> None:
        self.size = network.size
        self._network = network
        self._anchors = anchors(network.size, layers)

    def candidates(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes with keypoints (N, 16) in [0, 1] of the square image, and their scores (N,)."""
        logits, offsets = self._network(image, low=-1.0)
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[:, 0], -80, 80)))
        found = scores >= LEAST_SCORE
        pairs = offsets[found].reshape(-1, 8, 2) / self.size
        centre = pairs[:, 0] + self._anchors[found]
        half = pairs[:, 1] / 2
        keypoints = pairs[:, 2:] + self._anchors[found][:, None]
        values = np.concatenate([centre - half, centre + half, keypoints.reshape(-1, 12)], axis=1)
        return values.astype(np.float64), scores[found].astype(np.float64)


class FaceDetector:
    """Both networks on the whole frame, then the short range once more on a crop around each candidate.

    The second look makes the place exact and refuses what only looked like a face when it was small.
    """

    def __init__(self) -> None:
        short = ("classificators", "regressors")
        full = ("reshaped_classifier_face_4", "reshaped_regressor_face_4")
        self._short = _Range(load_network("face_detection_short_range", 128, short), ((8, 2), (16, 6)))
        self._full = _Range(load_network("face_detection_full_range", 192, full), ((4, 1),))

    def __call__(self, frame: np.ndarray) -> list[Detection]:
        """All faces of a uint8 RGB frame (H, W, 3), the best score first."""
        side = max(frame.shape[:2])
        found = [detector.candidates(_letterbox(frame, detector.size)) for detector in (self._short, self._full)]
        values = np.concatenate([values for values, _ in found]) * side
        coarse = merge(values, np.concatenate([scores for _, scores in found]))
        exact = [self._look_again(frame, _detection(value, score)) for value, score in coarse]
        kept = [face for face in exact if face is not None]
        # Two candidates of one face become the same face after the second look.
        stacked = np.array([np.concatenate([face.box, face.keypoints.ravel()]) for face in kept]).reshape(-1, 16)
        return [_detection(value, score) for value, score in merge(stacked, np.array([face.score for face in kept]))]

    def _look_again(self, frame: np.ndarray, coarse: Detection) -> Detection | None:
        if coarse.side < 2:
            return None
        matrix = similarity(coarse.centre, 2 * coarse.side)
        crop = sample(frame, matrix, self._short.size, border=cv2.BORDER_CONSTANT)
        values, scores = self._short.candidates(crop)
        back = invert(matrix)
        for value, score in merge(values, scores):
            detection = _detection(transform(back, value.reshape(8, 2)).ravel(), score)
            if iou(coarse.box, detection.box[None])[0] > _MERGE_IOU:
                return detection
        return None


def _detection(value: np.ndarray, score: float) -> Detection:
    return Detection(value[:4], value[4:].reshape(6, 2), score)


def _letterbox(frame: np.ndarray, size: int) -> np.ndarray:
    """The frame in the upper left of a black square, as large as it fits; the full side maps to `size`."""
    height, width = frame.shape[:2]
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.zeros((size, size, 3), dtype=np.uint8)
    square[: inner[1], : inner[0]] = cv2.resize(frame, inner, interpolation=way)
    return square
