"""From frames and landmarks to coefficients, for any network; the authors' files and their absence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from models.errors import MissingAsset, UserError
from models.face3d import recon
from models.face3d.alignment import five_points, identity_alignment
from models.face3d.coefficients import Coefficients
from models.face3d.deep3d import Deep3D
from tests.models.face3d.toy_face import LANDMARKS, toy_face

MODEL = toy_face()
NEUTRAL = MODEL.landmarks68(MODEL.mean[None])[0]


class Brightness(torch.nn.Module):
    """Says the mean colours of the quarters of the picture: where a mark lies."""

    size = 64

    def __init__(self) -> None:
        super().__init__()
        self.zero = torch.nn.Parameter(torch.zeros(()))

    def forward(self, image: torch.Tensor, points: torch.Tensor) -> Coefficients:
        faces = Coefficients.zeros(len(image), 6, 4, 3)
        shown = torch.nn.functional.adaptive_avg_pool2d(image, 2)
        return Coefficients(**{**faces.to_arrays(), "expression": shown[:, 0].flatten(1) * 9 + self.zero})


def reconstruction(limits: torch.Tensor | None = None) -> recon.FaceReconstruction:
    return recon.FaceReconstruction(
        Brightness(), "toy", "1", five_points(NEUTRAL), recon.warped_pictures, "brightness", "1", "none", 0.0, limits
    )


def clip(frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A face of which the upper left quarter is white, and where its landmarks are."""
    pictures = np.zeros((frames, 96, 96, 3), np.uint8)
    pictures[:, :48, :48] = 255
    points = 48 + np.array(LANDMARKS) * [43.5, -43.5]
    return pictures, np.repeat(points[None], frames, 0).astype(np.float32)


def test_frames_are_aligned_and_seen_in_chunks() -> None:
    estimate, alignment = reconstruction()(*clip())
    assert alignment.shape == (40, 5)
    assert torch.allclose(alignment[3], identity_alignment(96), rtol=0.03, atol=0.5)
    assert torch.allclose(estimate.expression, torch.tensor([9.0, -9, -9, -9]).expand(40, -1), atol=0.8)


def test_frames_without_a_face_are_nan_and_the_others_do_not_mind() -> None:
    frames, points = clip(5)
    points[[1, 4]] = np.nan
    estimate, alignment = reconstruction()(frames, points)
    for values in (alignment, *estimate.to_arrays().values()):
        assert values.isnan().all(1).tolist() == [False, True, False, False, True]
    nothing, _ = reconstruction()(frames, np.full_like(points, np.nan))
    assert nothing.expression.shape == (5, 4) and nothing.expression.isnan().all()


def test_expressions_are_kept_within_the_limits_of_the_face_model() -> None:
    limits = torch.stack([MODEL.expression_low, MODEL.expression_high])
    estimate, _ = reconstruction(limits)(*clip(2))
    assert estimate.expression[0].tolist() == [1.0, -3.0, -3.0, -3.0]


def test_deep3d_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match="epoch_20"):
        recon.load_deep3d()
    (tmp_path / "deep3d").mkdir()
    torch.save({"net_recon": Deep3D().state_dict()}, tmp_path / "deep3d" / "epoch_20.pth")
    with pytest.raises(MissingAsset, match="similarity_Lm3D_all"):
        recon.load_deep3d()
    savemat(tmp_path / "deep3d" / "similarity_Lm3D_all.mat", {"lm": NEUTRAL.numpy()})
    estimate, alignment = recon.load_deep3d()(*clip(2))
    assert estimate.to_vector("deep3d").shape == (2, 257)
    assert alignment[0, 2] == pytest.approx(224 / 96, rel=0.03)
    (tmp_path / "deep3d" / "similarity_Lm3D_all.mat").write_bytes(b"no")
    with pytest.raises(UserError, match="not similarity_Lm3D_all"):
        recon.load_deep3d()
