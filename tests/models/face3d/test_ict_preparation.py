"""From a checkout of ICT-FaceKit to arrays, on a small one of the same layout."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import UserError
from models.face3d import ict_preparation
from models.face3d.ict import load_ict
from models.face3d.ict_preparation import main, prepare
from tests.models.face3d import toy_ict


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ict_preparation, "PARTS", toy_ict.PARTS)
    monkeypatch.setattr(ict_preparation, "VERTICES", sum(toy_ict.PARTS.values()))
    (tmp_path / "ICT-FaceKit").mkdir()
    return toy_ict.write_checkout(tmp_path / "ICT-FaceKit")


def test_what_is_read(checkout: Path) -> None:
    arrays = prepare(checkout)
    mean = toy_ict.neutral()
    np.testing.assert_allclose(arrays["vertices"], mean, atol=1e-6)
    up = np.broadcast_to([0, 0.5, 0], mean.shape)
    np.testing.assert_allclose(arrays["identity_offsets"][0], up, atol=1e-6)
    np.testing.assert_allclose(arrays["identity_offsets"][1], 0.05 * mean, rtol=1e-3, atol=1e-5)
    assert arrays["expression_offsets"][52, 57].tolist() == [0, -2, 0]
    quads = sum(len(corner) == 4 for corners in toy_ict.polygons().values() for corner in corners)
    assert len(arrays["triangles"]) == sum(map(len, toy_ict.polygons().values())) + quads
    assert arrays["triangles"].max() < len(mean)  # lashes are left out
    np.testing.assert_array_equal(arrays["triangles"], arrays["triangles_uv"])
    materials = [str(arrays["material_names"][number]) for number in arrays["triangle_material"]]
    assert list(dict.fromkeys(materials)) == list(toy_ict.polygons())


def test_quads_are_cut_along_the_shorter_diagonal(checkout: Path) -> None:
    arrays = prepare(checkout)
    first = toy_ict.polygons()["M_Face"][0]
    corners = arrays["vertices"][first]
    short = np.linalg.norm(corners[0] - corners[2]) <= np.linalg.norm(corners[1] - corners[3])
    shared = set(arrays["triangles"][0]) & set(arrays["triangles"][1])
    assert shared == ({first[0], first[2]} if short else {first[1], first[3]})


def test_eyes_are_found(checkout: Path) -> None:
    arrays = prepare(checkout)
    for eye, mirror in enumerate((np.ones(3), toy_ict.MIRROR)):  # the subject's left eye comes first in the file
        np.testing.assert_allclose(arrays["eyeball_centers"][eye], toy_ict.CENTRE * mirror, atol=0.02)
        np.testing.assert_allclose(arrays["eyeball_axes"][eye], toy_ict.AXIS * mirror, atol=0.02)
    np.testing.assert_allclose(arrays["eyeball_center_identity_offsets"][0], [[0, 0.5, 0]] * 2, atol=2e-3)


def test_command_writes_what_the_loader_reads(checkout: Path, tmp_path: Path) -> None:
    assert main([str(checkout), "--output", str(tmp_path / "made" / "ict.npz")]) == 0
    assert load_ict(str(tmp_path / "made" / "ict.npz")).expression_names[-1] == "jawOpen"
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["ict.npz"]


def test_another_folder_or_a_file_cut_short(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(checkout / "FaceXModel")]) == 2
    assert "no checkout of ICT-FaceKit" in capsys.readouterr().err
    file = checkout / "FaceXModel" / "identity050.obj"
    file.write_text(file.read_text()[:2000])
    with pytest.raises(UserError, match=r"identity050\.obj"):
        prepare(checkout)
    file.unlink()
    assert main([str(checkout)]) == 2
    error = capsys.readouterr().err
    assert "identity050.obj" in error
    assert error.count("\n") == 1
