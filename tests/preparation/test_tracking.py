from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.faces import Face
from preparation.tracking import FaceTracker, Track, choose, match, overlap, sharpness, split_where_it_leaves
from tests.preparation.synthetic import head


def face(x: float, y: float = 50, size: float = 40) -> Face:
    box = np.array([x, y, x + size, y + size], np.float32)
    points = np.linspace(box[:2], box[2:], 68).astype(np.float32)
    return Face(box, 0.9, points)


class Scripted:
    """Detects and follows what a script says for each frame; the frame's first pixel is its number."""

    name, version, licence = "scripted", "1", "none"

    def __init__(self, detected: list[list[Face]], present: list[list[Face]] | None = None) -> None:
        self.detected, self.present = detected, present or detected
        self.detections: list[int] = []

    def faces(self, frame: np.ndarray) -> list[Face]:
        self.detections.append(int(frame[0, 0, 0]))
        return self.detected[frame[0, 0, 0]]

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        near = [found for found in self.present[frame[0, 0, 0]] if overlap(found.box, previous.box) > 0.1]
        return near[0] if near else None

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


def track(analyser: Scripted, every: int = 5, **options: int) -> list[tuple[int, int]]:
    tracker = FaceTracker(analyser, every, **options)
    for index in range(len(analyser.detected)):
        frame = np.zeros((120, 400, 3), np.uint8)
        frame[0, 0, 0] = index
        tracker.see(index, frame)
    return [(found.first, found.stop) for found in tracker.tracks]


def test_detection_is_rare_while_a_face_is_followed() -> None:
    analyser = Scripted([[face(50 + n)] for n in range(30)])
    assert track(analyser) == [(0, 30)]
    assert analyser.detections == [0, 5, 10, 15, 20, 25]


def test_a_gap_ends_the_track_and_nothing_is_invented() -> None:
    script = [[] if 8 <= n < 17 else [face(50)] for n in range(30)]
    assert track(Scripted(script)) == [(0, 8), (17, 30)]


def test_a_second_face_gets_its_own_track() -> None:
    script = [[face(50)] + ([face(200)] if n >= 7 else []) for n in range(20)]
    assert track(Scripted(script)) == [(0, 20), (10, 20)]


def test_a_face_that_only_following_sees_is_given_back() -> None:
    detected = [[face(50)] if n < 11 else [] for n in range(60)]
    ghost = [[face(50)] for _ in range(60)]
    assert track(Scripted(detected, ghost), patience=3) == [(0, 11)]


def test_missed_detections_are_bridged() -> None:
    detected = [[face(50)] if n not in (5, 10) else [] for n in range(30)]
    assert track(Scripted(detected, [[face(50)] for _ in range(30)])) == [(0, 30)]


def test_a_shot_ends_all_tracks() -> None:
    tracker = FaceTracker(Scripted([[face(50)]] * 10))
    frame = np.zeros((120, 400, 3), np.uint8)
    for index in range(10):
        if index == 6:
            tracker.end_shot()
        tracker.see(index, frame)
        if index == 3:
            tracker.repeat()
    assert [(found.shot, found.first, len(found.faces)) for found in tracker.tracks] == [(0, 0, 7), (1, 6, 4)]


def test_matching_prefers_the_best_overlap() -> None:
    left, right = Track(0, 0, [face(50)]), Track(0, 0, [face(80)])
    pairs = match([left, right], [face(82), face(60)], 0.3)
    found = {id(t): None if f is None else float(f.box[0]) for t, f in pairs if t is not None}
    assert found == {id(left): 60.0, id(right): 82.0}


boxes = st.tuples(*[st.floats(0, 100) for _ in range(2)], *[st.floats(1, 100) for _ in range(2)]).map(
    lambda v: np.array([v[0], v[1], v[0] + v[2], v[1] + v[3]])
)


@given(boxes, boxes)
def test_overlap_is_a_symmetric_fraction(a: np.ndarray, b: np.ndarray) -> None:
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert -1e-9 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, a) == pytest.approx(1)


def test_policies() -> None:
    big_left = Track(0, 0, [face(10, size=80)] * 30)
    small_middle = Track(0, 0, [face(190, 40, size=30)] * 40)
    later = Track(0, 50, [face(300, size=30)] * 10)
    tracks = [small_middle, later, big_left]
    assert choose(tracks, "largest", 400, 120) == [big_left, later]
    assert choose(tracks, "central", 400, 120) == [small_middle, later]
    assert len(choose(tracks, "all", 400, 120)) == 3


def test_a_track_is_cut_where_the_face_leaves_its_place_or_the_picture() -> None:
    wandering = Track(0, 5, [face(50 + 2 * n) for n in range(50)])
    pieces = split_where_it_leaves(wandering, 400, 120)
    assert pieces[0].first == 5 and pieces[-1].stop == 55
    assert all(a.stop == b.first for a, b in pairwise(pieces)) and len(pieces) > 1
    for piece in pieces:
        assert all(overlap(f.box, piece.faces[0].box) >= 0.25 for f in piece.faces)
    leaving = Track(0, 0, [face(350 + n) for n in range(20)])
    (inside,) = split_where_it_leaves(leaving, 400, 120)
    assert inside.stop == 16  # from x = 366 on, less than 85 % of the points are in the picture


def test_sharpness_tells_blur() -> None:
    import cv2

    box = Face(np.array([50, 30, 140, 130], np.float32), 1.0, np.zeros((68, 2), np.float32))
    clear = head(True)
    blurred = cv2.GaussianBlur(clear, (0, 0), 4)
    assert sharpness(clear, box) > 10 * sharpness(blurred, box)
    outside = Face(np.array([-500, -500, -400, -400], np.float32), 1.0, np.zeros((68, 2), np.float32))
    assert np.isfinite(sharpness(clear, outside))
