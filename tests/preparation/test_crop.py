from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.instantiate import build
from models.errors import UserError
from preparation.crop import Crop, CropRule, FfhqCrop, FommCrop, HdtfCrop
from preparation.faces import Face
from preparation.warp import similarity

CONFIGS = Path(__file__).parents[2] / "configs" / "crop"
FRAME = (640, 480)
SQUARES = st.builds(
    lambda x, y, side, angle: Crop("test", similarity(np.array([x, y]), side, angle)),
    st.floats(100, 540),
    st.floats(100, 380),
    st.floats(60, 900),
    st.floats(-3.1, 3.1),
)


def made_up_points() -> np.ndarray:
    """68 points of a roughly drawn upright face of 200 px."""
    angles = np.linspace(np.pi, 0, 17)
    points = np.zeros((68, 2), dtype=np.float32)
    points[:17] = np.stack([320 + 100 * np.cos(angles), 200 + 140 * np.sin(angles)], axis=1)
    for start, stop, (x, y), radius in ((17, 36, (320, 220), 30), (36, 42, (280, 200), 12), (42, 48, (360, 200), 12)):
        turns = np.linspace(0, 2 * np.pi, stop - start, endpoint=False) + np.pi
        points[start:stop] = np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns) / 2], axis=1)
    turns = np.linspace(np.pi, 3 * np.pi, 13)[:-1]
    points[48:60] = np.stack([320 + 35 * np.cos(turns), 285 + 12 * np.sin(turns)], axis=1)
    points[60:68] = (320, 285)
    return points


@given(SQUARES, st.sampled_from([64, 256, 512]), st.lists(st.floats(-2000, 2000), min_size=2, max_size=20))
def test_points_round_trip(crop: Crop, size: int, values: list[float]) -> None:
    points = np.array(values[: len(values) // 2 * 2]).reshape(-1, 2)
    np.testing.assert_allclose(crop.frame_points(crop.points(points, size), size), points, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(SQUARES, st.sampled_from([64, 128, 256]), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_a_drawn_dot_lands_where_points_says(crop: Crop, size: int, x: float, y: float) -> None:
    where = crop.frame_points(np.array([[x, y]]) * size, size)[0]
    grid = np.stack(np.meshgrid(np.arange(-300, 940) + 0.5, np.arange(-300, 780) + 0.5), axis=-1)
    width = max(3.0, 1.5 * crop.side / size)
    dot = np.exp(-0.5 * (((grid - where) / width) ** 2).sum(axis=-1))
    frame = np.repeat((250 * dot[..., None]).astype(np.uint8), 3, axis=2)
    # The frame begins at -300, so that no dot is cut by its border.
    shifted = Crop("test", np.column_stack([crop.matrix[:, :2], crop.matrix[:, 2] + crop.matrix[:, :2] @ (-300, -300)]))
    seen = shifted.apply(frame, size)[..., 0].astype(np.float64)
    centres = np.arange(size) + 0.5
    found = np.array([(seen.sum(axis=0) * centres).sum(), (seen.sum(axis=1) * centres).sum()]) / seen.sum()
    spread = width * size / crop.side
    if min(x, 1 - x, y, 1 - y) * size > 3 * spread:
        assert np.hypot(*(found - crop.points(where[None], size)[0])) < 0.5


def test_a_crop_at_scale_one_copies_pixels() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    crop = Crop("test", similarity(np.array([42.0, 52.0]), 64))
    np.testing.assert_array_equal(crop.apply(frame, 64), frame[20:84, 10:74])


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_fine_patterns_become_grey_instead_of_moire(angle: float) -> None:
    frame = np.zeros((900, 900, 3), dtype=np.uint8)
    frame[:, ::2] = 255
    crop = Crop("test", similarity(np.array([450.0, 450.0]), 500, angle))
    assert crop.apply(frame, 64).astype(float).std() < 6
    one_sample_each = cv2.resize(frame[200:700, 200:700], (64, 64), interpolation=cv2.INTER_NEAREST)
    assert one_sample_each.astype(float).std() > 100


def test_shrinking_agrees_with_area_means() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    crop = Crop("test", similarity(np.array([256.0, 256.0]), 512))
    expected = cv2.resize(frame, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.apply(frame, 128).astype(int) - expected).max() <= 1


def test_outside_the_frame_its_border_is_repeated() -> None:
    frame = np.random.default_rng(4).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    crop = Crop("test", similarity(np.array([30.0, 30.0]), 80))
    np.testing.assert_array_equal(crop.apply(frame, 80), np.pad(frame, ((10, 10), (10, 10), (0, 0)), mode="edge"))
    assert crop.outside((60, 60)) == pytest.approx(10 / 80)


@given(SQUARES)
def test_json_round_trip(crop: Crop) -> None:
    again = Crop.from_json(yaml.safe_load(yaml.safe_dump(crop.to_json())))
    assert again.kind == crop.kind
    np.testing.assert_array_equal(again.matrix, crop.matrix)


def test_fomm_takes_the_union_with_its_margin() -> None:
    boxes = np.array([(100, 100, 200, 220), (np.nan,) * 4, (140, 90, 230, 200)], dtype=np.float32)
    points = np.full((3, 68, 2), np.nan, dtype=np.float32)
    crop = FommCrop(margin=0.1).fit(points, boxes, FRAME)
    # The union is 130 x 130 around (165, 155); a tenth is added on each side.
    np.testing.assert_allclose(crop.corners, np.array([(87, 77), (87, 233), (243, 233), (243, 77)]), atol=1e-4)
    assert crop.outside(FRAME) == 0


@given(st.floats(0, 560), st.floats(0, 420), st.floats(30, 300), st.floats(30, 300), st.floats(0, 0.5))
def test_fomm_holds_every_box(x: float, y: float, w: float, h: float, margin: float) -> None:
    box = np.array([x, y, min(x + w, 640), min(y + h, 480)])
    crop = FommCrop(margin).fit(np.zeros((1, 68, 2)), box[None], FRAME)
    low, high = crop.corners[0], crop.corners[2]
    assert (low <= box[:2] + 1e-6).all()
    assert (high >= box[2:] - 1e-6).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(30, 300), st.floats(0, 0.3))
def test_fomm_keeps_a_square_box_in_the_frame(x: float, y: float, side: float, margin: float) -> None:
    corner = np.array([x * (640 - side), y * (480 - side)])
    crop = FommCrop(margin).fit(np.zeros((1, 68, 2)), np.concatenate([corner, corner + side])[None], FRAME)
    assert crop.side == pytest.approx((1 + 2 * margin) * side)
    assert crop.outside(FRAME) < 1e-6


def test_fomm_shifts_a_clip_that_is_already_cropped() -> None:
    box = np.array([(40, 5, 200, 165)], dtype=np.float32)
    crop = FommCrop(0.2).fit(np.zeros((1, 68, 2)), box, (256, 256))
    np.testing.assert_allclose(crop.corners[[0, 2]], np.array([(8, 0), (232, 224)]), atol=1e-4)


def test_ffhq_agrees_with_the_published_quad() -> None:
    points = made_up_points()
    left, right = points[36:42].mean(0).astype(float), points[42:48].mean(0).astype(float)
    eyes, mouth = (left + right) / 2, (points[48] + points[54]).astype(float) / 2
    x = (right - left) - np.flipud(mouth - eyes) * [-1, 1]
    x *= max(np.hypot(*(right - left)) * 2.0, np.hypot(*(mouth - eyes)) * 1.8) / np.hypot(*x)
    y = np.flipud(x) * [-1, 1]
    c = eyes + (mouth - eyes) * 0.1
    crop = FfhqCrop().fit(points[None], np.zeros((1, 4)), FRAME)
    np.testing.assert_allclose(crop.corners, np.stack([c - x - y, c - x + y, c + x + y, c + x - y]), atol=1e-3)


@given(st.floats(-0.7, 0.7))
def test_ffhq_turns_with_the_head(angle: float) -> None:
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    points = made_up_points().astype(np.float64)
    turned = (points - (320, 240)) @ turn.T + (320, 240)
    straight = FfhqCrop().fit(points[None], np.zeros((1, 4)), FRAME).points(points, 256)
    again = FfhqCrop().fit(turned[None], np.zeros((1, 4)), FRAME).points(turned, 256)
    np.testing.assert_allclose(again, straight, atol=1e-6)
    assert again[36, 0] < again[45, 0]
    assert again[57, 1] > again[36, 1]


def test_hdtf_needs_a_box_that_fits_the_frame() -> None:
    points, boxes = made_up_points()[None], np.zeros((1, 4))
    crop = HdtfCrop().fit(points, boxes, FRAME, np.array([100, 50, 500, 450]))
    np.testing.assert_allclose(crop.corners[[0, 2]], np.array([(100, 50), (500, 450)]), atol=1e-6)
    with pytest.raises(UserError, match=r"_crop_wh\.txt"):
        HdtfCrop().fit(points, boxes, FRAME)
    with pytest.raises(UserError, match="another resolution"):
        HdtfCrop().fit(points, boxes, FRAME, np.array([100, 50, 900, 850]))
    with pytest.raises(UserError, match="empty"):
        HdtfCrop().fit(points, boxes, FRAME, np.array([100, 50, 100, 90]))


@pytest.mark.parametrize("rule", [FommCrop(), FfhqCrop()])
def test_a_track_without_a_face_is_refused(rule: CropRule) -> None:
    with pytest.raises(UserError, match="no frame"):
        rule.fit(np.full((4, 68, 2), np.nan), np.full((4, 4), np.nan), FRAME)


def test_a_face_moves_with_its_crop() -> None:
    points = made_up_points()
    face = Face(np.array([220, 100, 420, 340], dtype=np.float32), 0.9, points, points[[36, 42]])
    crop = FommCrop(0.1).fit(points[None], face.box[None], FRAME)
    moved = crop.face(face, 128)
    assert moved.size == pytest.approx(128 / 1.2, rel=1e-4)
    assert moved.pupils is not None
    np.testing.assert_allclose(moved.pupils, moved.points[[36, 42]])
    assert moved.points.dtype == np.float32


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_configs_build(path: Path) -> None:
    node: dict[str, Any] = yaml.safe_load(path.read_text())
    assert build(node).kind == path.stem
