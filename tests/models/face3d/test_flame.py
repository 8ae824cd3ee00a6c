"""FLAME on a toy of its layout: moving parts, files, errors. Numbers: tests/parity/test_face_models.py."""

import io
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import MissingAsset, UserError
from models.face3d.flame import Flame, axis_angle_matrix, load_flame
from models.face3d.rotation import rotation_matrix

JAW, NEUTRAL = slice(20, 30), {"identity": torch.zeros(1, 100), "expression": torch.zeros(1, 53)}
CENTRES = np.array([[0, 0, 0], [0, -0.05, 0], [0, -0.02, 0.01], [0.03, 0.03, 0.08], [-0.03, 0.03, 0.08]])

Arrays = dict[str, np.ndarray]


@pytest.fixture
def model() -> Arrays:
    """Vertices: 20 of the head, 10 of the jaw, 6 of each eye (an octahedron of 1 cm), 2 of the neck."""
    random = np.random.default_rng(0)
    eye = 0.01 * np.concatenate([np.eye(3), -np.eye(3)])
    vertices = np.concatenate(
        [0.1 * random.standard_normal((30, 3)), CENTRES[3] + eye, CENTRES[4] + eye, [[0.0] * 3] * 2]
    )
    joint = np.repeat([0, 2, 3, 4, 1], [20, 10, 6, 6, 2])
    weights = np.eye(5)[joint]
    regressor = np.zeros((5, 44))
    for number, members in ((3, slice(30, 36)), (4, slice(36, 42))):
        regressor[number, members] = 1 / 6
    for number in range(3):  # the place that gives these joints their centres, whatever the vertices are
        regressor[number, :20] = np.linalg.lstsq(
            np.vstack([vertices[:20].T, np.ones(20)]), [*CENTRES[number], 1], rcond=None
        )[0]
    return {
        "v_template": vertices,
        "shapedirs": 0.001 * random.standard_normal((44, 3, 400)) * (joint < 3)[:, None, None],
        "posedirs": np.zeros((44, 3, 36)),
        "J_regressor": regressor,
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], range(5)], dtype=np.uint32),
        "weights": weights,
        "f": random.integers(0, 44, (80, 3)).astype(np.uint32),
    }


@pytest.fixture
def embedding() -> Arrays:
    random = np.random.default_rng(1)
    made: Arrays = {}
    for kind, shape in (("static", (51,)), ("dynamic", (79, 17)), ("full", (1, 68))):
        made[f"{kind}_lmk_faces_idx"] = random.integers(0, 80, shape)
        made[f"{kind}_lmk_bary_coords"] = random.dirichlet(np.ones(3), shape)
    return made


@pytest.fixture
def flame(model: Arrays, embedding: Arrays) -> Flame:
    return Flame(model, embedding)


def saved(folder: Path, model: Arrays, embedding: Arrays) -> str:
    np.savez(folder / "generic_model.npz", allow_pickle=False, **model)
    np.savez(folder / "landmark_embedding.npz", allow_pickle=False, **embedding)
    return str(folder / "generic_model.npz")


def test_interface(flame: Flame) -> None:
    shape = flame.shape(**NEUTRAL)
    torch.testing.assert_close(shape[0], 10 * flame.template)  # decimetres
    assert flame.landmarks68(shape).shape == (1, 68, 3)
    assert flame.texture(torch.zeros(3, 2)).shape == (3, 44, 3)
    assert (flame.n_identity, flame.n_expression, flame.n_texture) == (100, 53, 2)
    assert len(flame.expression_names) == len(flame.expression_low) == len(flame.expression_high) == 53
    assert torch.bincount(flame.vertex_part).tolist() == [32, 6, 6]
    assert flame.normals(shape).shape == shape.shape
    assert not flame.state_dict()


def test_gaze_turns_the_eye_left_in_the_image_first(flame: Flame) -> None:
    gaze = torch.tensor([[0.3, 0.1, -0.2, 0.4]])
    still, turned = flame.shape(**NEUTRAL), flame.shape(**NEUTRAL, gaze=gaze)
    assert (turned - still)[0, :30].abs().max() < 1e-6
    pupils = flame.pupils(turned)[0]
    assert pupils[0, 0] < 0 < pupils[1, 0]
    for eye, centre in enumerate((CENTRES[4], CENTRES[3])):
        turn = rotation_matrix(torch.cat([gaze[0, 2 * eye : 2 * eye + 2], torch.zeros(1)]))
        expected = 10 * torch.from_numpy(centre).float() + turn @ torch.tensor([0, 0, 0.1])
        torch.testing.assert_close(pupils[eye], expected, atol=1e-5, rtol=0)


def test_jaw_turns_about_its_joint_and_opens_downwards(flame: Flame) -> None:
    expression = torch.zeros(1, 53)
    expression[0, flame.expression_names.index("jawOpen")] = 0.3
    moved = flame.shape(torch.zeros(1, 100), expression)[0]
    centre = 10 * torch.from_numpy(CENTRES[2]).float()
    turn = rotation_matrix(torch.tensor([0.3, 0, 0]))
    still = flame.shape(**NEUTRAL)[0]
    torch.testing.assert_close(moved[JAW], (still[JAW] - centre) @ turn.T + centre, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[:20], still[:20])


def test_pose_corrections_follow_the_joints_but_not_the_head(model: Arrays, embedding: Arrays) -> None:
    model["posedirs"][0, 1, 9] = 0.01  # vertex 0 goes up by R[0, 0] - 1 of the jaw
    flame = Flame(model, embedding)
    pose = torch.zeros(2, 15)
    pose[:, 7] = torch.tensor([0.5, 0])
    pose[1, 1] = 0.5
    still = torch.zeros(2, 100), torch.zeros(2, 50)
    vertices, joints = flame.skin(*still, pose)
    assert vertices[0, 0, 1] - flame.template[0, 1] == pytest.approx(0.01 * (np.cos(0.5) - 1), abs=1e-7)
    assert vertices[1, 0, 1] == pytest.approx(float(flame.template[0, 1]), abs=1e-6)
    torch.testing.assert_close(joints[0], torch.from_numpy(CENTRES).float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("degrees", "row"), [(0, 0), (0.4, 0), (12.6, 13), (39, 39), (80, 39), (-1, 40), (-39, 78), (-80, 78)]
)
def test_row_of_the_contour(degrees: float, row: int, flame: Flame) -> None:
    pose = torch.zeros(2, 15)
    pose[0, 1] = np.radians(degrees)  # by the head
    pose[1, 4] = np.radians(degrees)  # by the neck
    assert flame.contour_row(pose).tolist() == [row, row]


def test_gradients_of_skinning(flame: Flame) -> None:
    flame = flame.double()
    generator = torch.Generator().manual_seed(0)
    parts = [0.3 * torch.randn(1, size, dtype=torch.float64, generator=generator) for size in (2, 2, 15)]
    for part in parts:
        part.requires_grad_()
    assert torch.autograd.gradcheck(lambda *a: flame.landmarks3d(flame.skin(*a)[0]), parts, fast_mode=True)
    torch.testing.assert_close(axis_angle_matrix(torch.zeros(3)), torch.eye(3))
    zero = torch.zeros(1, 53, requires_grad=True)
    (gradient,) = torch.autograd.grad(flame.float().shape(torch.zeros(1, 100), zero).sum(), zero)
    assert torch.isfinite(gradient).all()


def test_pickle_with_chumpy_reads_like_plain_arrays(
    model: Arrays, embedding: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files people have: chumpy and scipy inside generic_model.pkl, torch tensors inside landmark_embedding.npy."""
    from scipy.sparse import csc_matrix

    module = types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x, self._dirty_vars = x, {"x"}

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch  # type: ignore[attr-defined]
    content: dict[str, Any] = {**model, "bs_type": "lrotmin", "bs_style": "lbs", "J": Ch(np.zeros((5, 3)))}
    content |= {key: Ch(model[key]) for key in ("v_template", "shapedirs", "weights")}
    content["J_regressor"] = csc_matrix(model["J_regressor"])
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        patch.setitem(sys.modules, "chumpy.ch", module)
        file = io.BytesIO()
        pickle.Pickler(file, protocol=2).dump(content)
    (tmp_path / "generic_model.pkl").write_bytes(file.getvalue())
    lively = {k: torch.from_numpy(v) if k.startswith("dynamic") else v for k, v in embedding.items()}
    np.save(tmp_path / "landmark_embedding.npy", np.array(lively, dtype=object))
    plain, read = Flame(model, embedding), load_flame(str(tmp_path / "generic_model.pkl"))
    assert plain.version == read.version
    for key, value in plain.named_buffers():
        torch.testing.assert_close(read.get_buffer(key), value, rtol=0, atol=0)


def test_assets_are_used_where_no_path_is_given(
    model: Arrays, embedding: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match=r"flame2020 is missing.*generic_model\.pkl"):
        load_flame()
    (tmp_path / "flame").mkdir()
    (tmp_path / "flame" / "generic_model.pkl").write_bytes(pickle.dumps(model, protocol=2))
    with pytest.raises(MissingAsset, match=r"flame_landmarks is missing.*DECA"):
        load_flame()
    np.save(tmp_path / "flame" / "landmark_embedding.npy", np.array(embedding, dtype=object))
    assert load_flame().name == "flame"


def test_another_file(model: Arrays, embedding: Arrays, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"weights is \(44, 24\), FLAME 2020 has \(44, 5\)"):
        load_flame(saved(tmp_path, {**model, "weights": np.zeros((44, 24))}, embedding))
    with pytest.raises(UserError, match=r"shapedirs is \(44, 3, 10\)"):
        load_flame(saved(tmp_path, {**model, "shapedirs": np.zeros((44, 3, 10))}, embedding))
    with pytest.raises(UserError, match="fewer than the landmark file speaks of"):
        load_flame(saved(tmp_path, {**model, "f": model["f"][:10]}, embedding))
    with pytest.raises(UserError, match="no numbers for posedirs, f:"):
        load_flame(saved(tmp_path, {k: v for k, v in model.items() if k not in ("posedirs", "f")}, embedding))
    path = saved(tmp_path, model, embedding)
    with pytest.raises(UserError, match="no numbers for static_lmk_faces_idx"):
        load_flame(path, path)
    with pytest.raises(UserError, match="no arrays at"):
        load_flame(str(tmp_path / "none.npz"), path)
