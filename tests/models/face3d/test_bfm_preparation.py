"""From the makers' files to BFM_model_front.mat, on small files of the same layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from models.errors import UserError
from models.face3d.bfm import load_bfm
from models.face3d.bfm_preparation import main, prepare

RAW, TRIMMED, FRONT, MODES, EXPRESSIONS = 40, 30, 12, 90, 70


def chosen(random: np.random.Generator, count: int, size: int) -> np.ndarray:
    return np.sort(random.permutation(count)[:size])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    basel: dict[str, Any] = {}
    for kind in ("shape", "tex"):
        basel[f"{kind}MU"] = 1e5 * random.standard_normal((3 * RAW, 1)).astype(np.float32)
        basel[f"{kind}PC"] = random.standard_normal((3 * RAW, MODES)).astype(np.float32)
        basel[f"{kind}EV"] = 1e4 * random.random((MODES, 1)).astype(np.float32)
    savemat(tmp_path / "01_MorphableModel.mat", basel)
    savemat(tmp_path / "BFM_exp_idx.mat", {"trimIndex": chosen(random, RAW, TRIMMED)[:, None] + 1.0})
    savemat(tmp_path / "BFM_front_idx.mat", {"idx": chosen(random, TRIMMED, FRONT)[:, None] + 1.0})
    triangles = random.integers(1, FRONT + 1, (20, 3))
    information = {
        "tri": triangles,
        "point_buf": random.integers(1, 22, (FRONT, 8)),
        "tri_mask2": random.integers(1, 6, (7, 3)),
        "keypoints": random.integers(1, FRONT + 1, (1, 68)),
        "frontmask2_idx": np.arange(1, 6)[:, None],
        "skinmask": np.ones((1, FRONT)),
    }
    savemat(tmp_path / "facemodel_info.mat", {**information, "other": np.zeros(3)})
    np.savetxt(tmp_path / "std_exp.txt", 1e3 * random.random(EXPRESSIONS)[None])
    numbers = 1e2 * random.standard_normal((EXPRESSIONS + 1, 3 * TRIMMED))
    raw = np.int32(EXPRESSIONS).tobytes() + numbers.astype(np.float32).tobytes()
    (tmp_path / "Exp_Pca.bin").write_bytes(raw)
    return tmp_path


def test_every_number_comes_from_the_right_vertex(folder: Path) -> None:
    made = prepare(folder)
    basel = loadmat(folder / "01_MorphableModel.mat")
    trim = loadmat(folder / "BFM_exp_idx.mat")["trimIndex"][:, 0].astype(int)
    front = loadmat(folder / "BFM_front_idx.mat")["idx"][:, 0].astype(int)
    deviations = np.loadtxt(folder / "std_exp.txt")
    expressions = np.frombuffer((folder / "Exp_Pca.bin").read_bytes()[4:], np.float32)
    for vertex in range(FRONT):
        among_trimmed = front[vertex] - 1
        raw = trim[among_trimmed] - 1
        for axis in range(3):
            row, source = 3 * vertex + axis, 3 * raw + axis
            assert made["meanshape"][0, row] == pytest.approx(basel["shapeMU"][source, 0] / 1e5, rel=1e-6)
            assert made["meantex"][0, row] == basel["texMU"][source, 0]
            for mode in (0, 41, 79):
                scaled = basel["shapePC"][source, mode] * basel["shapeEV"][mode, 0] / 1e5
                assert made["idBase"][row, mode] == pytest.approx(scaled, rel=1e-6)
                colour = basel["texPC"][source, mode] * basel["texEV"][mode, 0]
                assert made["texBase"][row, mode] == pytest.approx(colour, rel=1e-6)
            for mode in (0, 63):  # after the mean of the expressions, which is not used
                number = expressions[3 * TRIMMED * (mode + 1) + 3 * among_trimmed + axis]
                assert made["exBase"][row, mode] == pytest.approx(number * deviations[mode] / 1e5, rel=1e-6)


def test_command_writes_what_the_loader_reads(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--output", str(tmp_path / "made" / "BFM_model_front.mat")]) == 0
    model = load_bfm(str(tmp_path / "made" / "BFM_model_front.mat"))
    assert len(model.mean) == FRONT
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["BFM_model_front.mat"]
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path / "assets"))
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out.endswith("assets/BFM_model_front.mat\n")
    assert load_bfm().version == model.version


def test_command_says_what_is_missing_and_from_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "01_MorphableModel.mat").unlink()
    (folder / "Exp_Pca.bin").unlink()
    assert main([str(folder), "--output", str(folder / "out.mat")]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "PublicMM1/01_MorphableModel.mat in BaselFaceModel.tgz" in line
    assert "Exp_Pca.bin in Coarse_Dataset.zip" in line
    assert not (folder / "out.mat").exists()


def test_files_that_do_not_fit(folder: Path) -> None:
    whole = (folder / "Exp_Pca.bin").read_bytes()
    (folder / "Exp_Pca.bin").write_bytes(whole[:-4])
    with pytest.raises(UserError, match="cut short or another file"):
        prepare(folder)
    (folder / "Exp_Pca.bin").write_bytes(whole)
    savemat(folder / "BFM_front_idx.mat", {"idx": np.array([[1.0], [TRIMMED + 1]])})
    with pytest.raises(UserError, match=f"idx should hold numbers from 1 to {TRIMMED}"):
        prepare(folder)
    savemat(folder / "BFM_front_idx.mat", {"idx": np.ones((5, 1))})
    with pytest.raises(UserError, match=r"for 12 vertices, BFM_front_idx\.mat names 5"):
        prepare(folder)
    savemat(folder / "01_MorphableModel.mat", {"shapeMU": np.zeros(3)})
    with pytest.raises(UserError, match="lacks shapePC"):
        prepare(folder)
