import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import UserError
from preparation.analysers.mesh import MeshAnalyser
from preparation.crop import FfhqCrop, FommCrop
from preparation.faces import Face
from preparation.portrait import Portrait, choose_face, load_portrait, read_image

# What each broken or odd picture must give: part of the message, or None where it works.
BAD_IMAGES = {
    "png_named.jpg": None,
    "jpeg_named.png": None,
    "truncated.jpg": "cut short",
    "empty.png": "empty",
    "one_pixel.png": "no face",
    "flat_gray.png": "no face",
    "extreme_aspect.png": "no face",
    "fully_transparent.png": "wholly transparent",
    "animated.gif": "at least 32 px",
    "upside_down.jpg": "no face",
    "svg_named.png": "not an image",
    "decompression_bomb_header.png": "too large",
}
TOO_SMALL = {"tiny_48_astronaut.png"}


class OneFace:
    """An analyser that sees the given faces in every frame."""

    name, version, licence = "made up", "0", "none"

    def __init__(self, *faces: Face) -> None:
        self.found = list(faces)

    def faces(self, frame: np.ndarray) -> list[Face]:
        return self.found

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return previous

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


def face_at(x: float, y: float, size: float) -> Face:
    box = np.array([x, y, x + size, y + size], dtype=np.float32)
    points = np.random.default_rng(0).uniform(0, size, (68, 2)).astype(np.float32) + box[:2]
    return Face(box, 0.9, points)


def save(path: Path, array: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(array).convert(mode).save(path) if mode else Image.fromarray(array).save(path)
    return path


def load(path: Path) -> Portrait:
    return load_portrait(path, MeshAnalyser(), FommCrop(), 256)


def test_every_portrait_has_its_faces(real_data: Path) -> None:
    with (real_data / "metadata.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "portrait"]
    assert len(rows) > 20
    for row in rows:
        path = real_data / row["file"]
        frame = read_image(path)
        assert sorted(frame.shape[:2]) == sorted((int(row["height"]), int(row["width"]))), row["file"]
        assert len(MeshAnalyser().faces(frame)) == int(row["faces"]), row["file"]
        if path.name in TOO_SMALL or row["faces"] == "0":
            with pytest.raises(UserError, match="at least 32" if path.name in TOO_SMALL else "no face"):
                load(path)
            continue
        if frame.size > 10**8:
            continue  # test_a_huge_portrait_cuts_like_the_small_one
        portrait = load(path)
        assert portrait.image.shape == (256, 256, 3)
        assert np.abs(portrait.face.points.mean(axis=0) - 128).max() < 60, row["file"]
        assert any("2 faces" in note for note in portrait.warnings) == (row["faces"] == "2")


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images(real_data: Path, name: str) -> None:
    message, path = BAD_IMAGES[name], real_data / "bad" / name
    if message is None:
        assert load(path).face.score > 0.5
        return
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_bad_image_has_an_outcome(real_data: Path) -> None:
    images = {path.name for path in (real_data / "bad").iterdir() if path.suffix in {".png", ".jpg", ".gif", ".svg"}}
    assert images == set(BAD_IMAGES)


def test_a_unicode_path_and_exif(real_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "портрет 说话 (1) #a%20b ü.jpg"
    shutil.copyfile(real_data / "portraits" / "exif_rotated6_glasses_man.jpg", path)
    upright = read_image(real_data / "portraits" / "glasses_man.jpg")
    turned = read_image(path)
    assert turned.shape == upright.shape
    assert np.abs(turned.astype(int) - upright).mean() < 3


def test_a_huge_portrait_cuts_like_the_small_one(real_data: Path) -> None:
    huge = load(real_data / "portraits" / "huge_7000_astronaut.jpg")
    small = load(real_data / "portraits" / "astronaut.png")
    assert np.linalg.norm(huge.face.points - small.face.points, axis=1).mean() < 3


def test_landmarks_stay_on_the_face_in_the_crop(real_data: Path) -> None:
    portrait = load_portrait(real_data / "portraits" / "obama_official.jpg", MeshAnalyser(), FfhqCrop(), 256)
    (again,) = MeshAnalyser().faces(portrait.image)
    assert np.linalg.norm(again.points - portrait.face.points, axis=1).mean() < 4


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "RGBA", "I"])
def test_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    white = np.full((8, 9, 3), 255, dtype=np.uint8)
    read = read_image(save(tmp_path / "image.tiff", white, mode if mode != "P" else None))
    np.testing.assert_array_equal(read, white)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    read = read_image(save(tmp_path / "deep.png", ramp))
    np.testing.assert_array_equal(read[0, :, 0], np.arange(256))


def test_transparent_parts_are_laid_on_white(tmp_path: Path) -> None:
    image = np.zeros((4, 4, 4), dtype=np.uint8)
    image[:, 2:] = (10, 20, 30, 255)
    image[:, 1] = (0, 0, 0, 128)
    read = read_image(save(tmp_path / "layers.png", image))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[0, 3].tolist() == [10, 20, 30]
    assert abs(int(read[0, 1, 0]) - 127) <= 1


def test_animations_give_their_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "two.gif")[2, 2].tolist() == [255, 0, 0]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(UserError, match="a folder"):
        read_image(tmp_path)


def test_a_picture_over_the_limit_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preparation.portrait.LARGEST_IMAGE", 50)
    with pytest.raises(UserError, match="8x9 pixels are too many"):
        read_image(save(tmp_path / "large.png", np.zeros((9, 8, 3), dtype=np.uint8)))


def test_rules_for_several_faces() -> None:
    small, large = face_at(100, 40, 30), face_at(10, 30, 60)
    assert choose_face([large, small], "largest", (230, 110)) is large
    assert choose_face([large, small], "central", (230, 110)) is small
    assert choose_face([large, small], 0, (230, 110)) is large
    assert choose_face([large, small], "1", (230, 110)) is small
    with pytest.raises(UserError, match="there are 2 faces"):
        choose_face([large, small], 2, (230, 110))
    with pytest.raises(UserError, match="say largest"):
        choose_face([large, small], "best", (230, 110))


def test_warnings_say_what_was_done(tmp_path: Path) -> None:
    path = save(tmp_path / "two.png", np.zeros((110, 230, 3), dtype=np.uint8))
    analyser = OneFace(face_at(-20, 30, 60), face_at(100, 40, 34))
    several, enlarged, border = load_portrait(path, analyser, FommCrop(0.3), 256).warnings
    assert "2 faces; took the one at x=10 y=60 (face=largest)" in several
    assert "enlarged to 256 px" in enlarged
    assert "reaches over" in border
    with pytest.raises(UserError, match="only 34 px; at least 40"):
        load_portrait(path, analyser, FommCrop(), 256, face=1, least_face=40)
