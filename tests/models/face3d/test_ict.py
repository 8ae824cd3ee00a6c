"""ICT's head on a toy of its layout, and on the real arrays where they are at hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import MissingAsset, UserError
from models.face3d import ict_preparation
from models.face3d.face_model import LinearFaceModel
from models.face3d.ict import load_ict
from models.face3d.ict_paint import COLOURS
from models.face3d.rotation import rotation_matrix
from tests.models.face3d import toy_ict


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ict_preparation, "PARTS", toy_ict.PARTS)
        patch.setattr(ict_preparation, "VERTICES", sum(toy_ict.PARTS.values()))
        return ict_preparation.prepare(toy_ict.write_checkout(tmp_path_factory.mktemp("ict")))


@pytest.fixture
def file(arrays: dict[str, np.ndarray], tmp_path: Path) -> str:
    np.savez(tmp_path / "ict.npz", allow_pickle=False, **arrays)
    return str(tmp_path / "ict.npz")


def moved(model: LinearFaceModel, gaze: list[float], identity: dict[int, float] | None = None) -> torch.Tensor:
    numbers = torch.zeros(1, 100)
    for mode, value in (identity or {}).items():
        numbers[0, mode] = value
    return model.shape(numbers, torch.zeros(1, 53), torch.tensor([gaze]))[0]


def test_interface_and_units(file: str, arrays: dict[str, np.ndarray]) -> None:
    model = load_ict(file)
    assert (model.name, model.n_identity, model.n_expression, model.n_texture) == ("ict", 100, 53, 5)
    assert model.has_eyes
    assert set(model.expression_low.tolist()) == {0.0}
    assert set(model.expression_high.tolist()) == {1.0}
    jaw = torch.zeros(1, 53)
    jaw[0, model.expression_names.index("jawOpen")] = 0.5
    identity = torch.zeros(1, 100)
    identity[0, 0] = 2
    points = model.landmarks68(model.shape(identity, jaw))[0]
    expected = torch.from_numpy(arrays["vertices"][:68]) / 10 + torch.tensor([0, 0.1, 0])
    expected[55:60, 1] -= 0.1
    torch.testing.assert_close(points, expected, atol=1e-4, rtol=0)


def test_inner_shells_are_not_drawn(file: str) -> None:
    model = load_ict(file)
    drawn = model.triangles.flatten()
    for start in (99, 143):
        assert start in drawn
        assert not torch.isin(torch.arange(start + toy_ict.OUTER, start + 44), drawn).any()


def test_zero_gaze_looks_ahead_for_everybody(file: str) -> None:
    model = load_ict(file)
    for identity in ({}, {0: 1.0}, {1: 3.0}):
        pupils = model.pupils(moved(model, [0, 0, 0, 0], identity)[None])[0]
        centre = torch.tensor([[-1, 1, 1], [1, 1, 1]]) * torch.from_numpy(toy_ict.CENTRE).float() / 10
        centre = centre * (1 + 0.05 * identity.get(1, 0)) + torch.tensor([0, 0.05, 0]) * identity.get(0, 0)
        direction = torch.nn.functional.normalize(pupils - centre, dim=1)
        torch.testing.assert_close(direction, torch.tensor([[0.0, 0, 1]] * 2), atol=0.03, rtol=0)


def test_gaze_of_the_eye_left_in_the_image_comes_first(file: str) -> None:
    model = load_ict(file)
    still, turned = moved(model, [0, 0, 0, 0]), moved(model, [0.3, 0.2, 0, 0])
    pupils = model.pupils(turned[None])[0]
    assert pupils[0, 0] < 0 < pupils[1, 0]
    assert (turned[:143] - still[:143]).abs().max() == 0  # all but the subject's right eye
    assert model.eyes is not None
    centre = model.eyes.centres[0]
    before = model.pupils(still[None])[0, 0] - centre
    torch.testing.assert_close(pupils[0] - centre, rotation_matrix(torch.tensor([0.3, 0.2, 0])) @ before)


def test_the_cornea_stays_inside_the_ball(file: str) -> None:
    """It would show through closed lids: nothing is farther out than 0.95 of the median radius, for any identity."""
    model = load_ict(file)
    assert model.eyes is not None
    for identity in ({}, {1: 2.0}):
        shape = moved(model, [0.4, 0.4, -0.4, 0.4], identity)
        centres = model.eyes.centres * (1 + 0.05 * identity.get(1, 0))
        for centre, index in zip(centres, (model.eyes.first, model.eyes.second)):
            radius = (shape[index] - centre).norm(dim=1)
            limit = 0.1 * toy_ict.RADIUS * 0.95 * (1 + 0.05 * identity.get(1, 0))
            assert radius.max() == pytest.approx(limit, rel=0.02)


def test_colours_by_part(file: str, arrays: dict[str, np.ndarray]) -> None:
    model = load_ict(file)
    albedo = model.texture(torch.zeros(1, 5))[0]
    pupil = model.pupils(albedo[None])[0]
    torch.testing.assert_close(pupil, torch.tensor([COLOURS["pupil"]] * 2))
    teeth = list(arrays["part_names"]).index("teeth")
    torch.testing.assert_close(albedo[model.vertex_part == teeth], torch.tensor([COLOURS["teeth"]] * 4))
    assert albedo.min() >= 0
    assert albedo.max() <= 1
    darker = model.texture(torch.tensor([[-1.0, 0, 0, 0, 0]]))[0]
    assert (darker <= albedo + 1e-6).all()
    torch.testing.assert_close(darker[model.vertex_part == teeth], albedo[model.vertex_part == teeth])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"landmarks68": None, "uv": None}, "lacks uv, landmarks68"),
        ({"identity_offsets": np.zeros((80, 187, 3))}, r"identity_offsets is \(80, 187, 3\), .* has \(100, 187, 3\)"),
        ({"length_unit": np.array("metre")}, "format 1 in centimetres"),
        ({"format_version": np.array(2)}, "ict_preparation"),
    ],
)
def test_another_file(
    change: dict[str, np.ndarray | None], words: str, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    changed = {key: value for key, value in {**arrays, **change}.items() if value is not None}
    np.savez(tmp_path / "ict.npz", allow_pickle=False, **changed)
    with pytest.raises(UserError, match=words):
        load_ict(str(tmp_path / "ict.npz"))


def test_missing_asset_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match=r"MIT.*git clone.*ict_preparation"):
        load_ict()


@pytest.mark.parametrize("name", ["ict_face_model_lite.npz", "ict_face_model.npz"])
def test_real_arrays(name: str, real_data: Path) -> None:
    path = real_data.parent / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    model = load_ict(str(path))
    assert model.version == "1.1-521f6e45c119"  # both files: their coefficients mean the same
    still = moved(model, [0, 0, 0, 0])
    points = model.landmarks68(still[None])[0]
    assert (points[36] - points[45]).norm() == pytest.approx(0.892, abs=0.01)  # outer eye corners, decimetres
    pupils = model.pupils(still[None])[0]
    assert (pupils[0] - pupils[1]).norm() == pytest.approx(0.623, abs=0.002)
    assert model.eyes is not None
    for turned in ([0.0, 0, 0, 0], [0.3, -0.4, 0.3, -0.4]):
        pupils = model.pupils(moved(model, turned, {0: 1.5, 3: -2})[None])[0]
        offset = torch.zeros(1, 100)
        offset[0, 0], offset[0, 3] = 1.5, -2
        centres = model.eyes.centres + torch.einsum("i,iek->ek", offset[0], model.eyes.centre_basis)
        direction = torch.nn.functional.normalize(pupils - centres, dim=1)
        angles = torch.tensor([*turned[:2], 0.0])
        torch.testing.assert_close(direction, (rotation_matrix(angles)[:, 2]).expand(2, 3), atol=0.01, rtol=0)
    normals = model.normals(still[None])[0]
    assert (normals[model.landmarks[[30, 33, 51, 57]]][:, 2] > 0).all()  # nose and lips face the viewer
    assert math.isclose(float(points[:, 0].mean()), 0, abs_tol=1e-3)
