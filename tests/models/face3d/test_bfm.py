"""BFM_model_front.mat: what is read, and what another file is called. Numbers: tests/parity/test_face_models.py."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from models.errors import MissingAsset, UserError
from models.face3d.bfm import load_bfm

FILE = Path(__file__).parents[2] / "parity" / "bfm" / "BFM_model_front.mat"


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return {key: value for key, value in loadmat(FILE).items() if not key.startswith("__")}


def saved(folder: Path, arrays: dict[str, np.ndarray]) -> str:
    savemat(folder / "BFM_model_front.mat", arrays)
    return str(folder / "BFM_model_front.mat")


def test_interface(arrays: dict[str, np.ndarray]) -> None:
    model = load_bfm(str(FILE))
    assert (model.name, model.n_identity, model.n_expression, model.n_texture) == ("bfm", 80, 64, 80)
    assert not model.has_eyes
    torch.testing.assert_close(model.mean.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    assert model.triangles.min() == 0
    assert model.landmarks.tolist() == (arrays["keypoints"][0] - 1).tolist()
    front = model.front_vertices[model.front_triangles]
    assert front.shape == (len(arrays["tri_mask2"]), 3)
    assert model.front_vertices[0] == arrays["frontmask2_idx"][0, 0] - 1
    assert model.skin.shape == (len(model.mean),)
    shape = model.shape(torch.zeros(2, 80), torch.zeros(2, 64), torch.ones(2, 4))
    torch.testing.assert_close(shape, model.mean.expand(2, -1, -1))


def test_number_types_of_the_file_do_not_matter(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Files in circulation hold the same numbers as float32 or float64, indices as integers or not, rows or columns."""
    other = {key: value.astype(np.float64) for key, value in arrays.items()}
    other |= {
        "tri": arrays["tri"].astype(np.int32),
        "keypoints": arrays["keypoints"].T,
        "meanshape": arrays["meanshape"].T,
    }
    ours, same = load_bfm(str(FILE)), load_bfm(saved(tmp_path, other))
    assert ours.version == same.version
    for key, value in ours.named_buffers():
        torch.testing.assert_close(same.get_buffer(key), value, rtol=0, atol=0)


def test_other_numbers_are_another_version(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    arrays["exBase"][5, 3] += 1e-3
    assert load_bfm(saved(tmp_path, arrays)).version != load_bfm(str(FILE)).version


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shapePC": np.zeros((3, 2))}, "before Deep3D's preparation.*bfm_preparation"),
        ({"idBase": None, "skinmask": None}, "lacks idBase, skinmask"),
        ({"exBase": np.zeros((1200, 29))}, r"exBase is \(1200, 29\), expected \(1200, 64\)"),
        ({"texBase": np.zeros((1197, 80))}, "texBase is"),
        ({"keypoints": np.ones((1, 5))}, r"keypoints is \(5,\), expected \(68,\)"),
        ({"keypoints": np.full((1, 68), 401)}, "keypoints should hold numbers from 1 to 400"),
        ({"tri": np.zeros((722, 3))}, "tri should hold numbers from 1"),
        ({"meanshape": np.zeros((1, 1199))}, "meanshape is"),
    ],
)
def test_another_file(
    change: dict[str, np.ndarray | None], words: str, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    changed = {key: value for key, value in {**arrays, **change}.items() if value is not None}
    with pytest.raises(UserError, match=words):
        load_bfm(saved(tmp_path, changed))


def test_files_that_are_missing_cut_or_no_matlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no file at"):
        load_bfm(str(tmp_path / "none.mat"))
    path = tmp_path / "BFM_model_front.mat"
    for content in (b"", b"text", FILE.read_bytes()[:5000], FILE.read_bytes()[:128]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"BFM_model_front\.mat"):
            load_bfm(str(path))
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path / "empty"))
    with pytest.raises(MissingAsset, match=r"licence.*PublicMM1/01_MorphableModel.mat.*bfm_preparation"):
        load_bfm()
