"""What observers see of faces: coefficients, head pose and action units, with and without their networks."""

import stat
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from evaluation.footage import Footage
from evaluation.observers import head_pose
from evaluation.observers.action_units import LandmarkActionUnits, OpenFaceActionUnits
from evaluation.observers.coefficients import FaceCoefficients
from evaluation.observers.head_pose import HopenetPose, LandmarkPose
from evaluation.observers.observer import Observer
from models.errors import MissingAsset, MissingPackage, UserError
from models.face3d.alignment import five_points
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.deep3d import LAYERS, Deep3D
from models.face3d.face_model import FaceModel
from models.face3d.procedural import procedural_head
from models.face3d.recon import FaceReconstruction, authors_pictures, load_deep3d, load_embedded
from models.face3d.rotation import place
from models.recognition.hopenet import Hopenet
from preparation.faces import Face

CPU = torch.device("cpu")


class Given:
    """An analyser that has been told the landmarks of the coming frames; None where there is no face."""

    name, version, licence = "given", "1", "none"

    def __init__(self, points: list[Tensor | None]) -> None:
        self.points = points

    def faces(self, frame: np.ndarray) -> list[Face]:
        points = self.points.pop(0)
        return [] if points is None else [Face(np.zeros(4, np.float32), 1.0, points.numpy())]

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return None

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return procedural_head()


def landmarks(model: FaceModel, rotation: Tensor) -> Tensor:
    """Of neutral heads `(T, 68, 2)` in pixels of 256."""
    neutral = model.shape(torch.zeros(1, model.n_identity), torch.zeros(1, model.n_expression))
    camera = Camera.deep3d(256)
    points = model.landmarks68(neutral).expand(len(rotation), -1, -1)
    return camera.project(camera.view(place(points, rotation, torch.zeros(len(rotation), 3))))


class ShortDeep3D(Deep3D):
    """Its final layers, on features that need no network."""

    def __init__(self, gaze: bool) -> None:
        torch.nn.Module.__init__(self)
        self.gaze = gaze
        self.layers = (*LAYERS, *([("gaze", 4)] if gaze else []))
        self.final_layers = torch.nn.ModuleList(torch.nn.Conv2d(2, size, 1) for _, size in self.layers)

    def forward(self, image: Tensor, points: Tensor | None = None) -> Coefficients:
        return self.head(image.mean(dim=(2, 3))[:, :2])


class ShortHopenet(Hopenet):
    """Its interface, without a backbone."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.fc_yaw, self.fc_pitch, self.fc_roll = (torch.nn.Linear(3, 66) for _ in range(3))

    def embed(self, image: Tensor) -> Tensor:
        return image.mean(dim=(2, 3))


def show(points: list[Tensor | None]) -> Footage:
    footage = Footage(Given(list(points)))
    footage.show(torch.rand(len(points), 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    return footage


def test_embedded_coefficients_follow_a_turn_and_know_when_there_is_no_face(model: FaceModel) -> None:
    turns = torch.deg2rad(torch.tensor([[0.0, 0, 0], [0, 15, 0], [0, 0, -10]]))
    seen = landmarks(model, turns)
    observer: Observer = FaceCoefficients(load_embedded, CPU, "embedded")
    found = show([seen[0], None, seen[1], seen[2]]).seen(observer)
    assert found.shape == (4, 261) and found.dtype == torch.float32
    assert found.isnan().all(dim=1).tolist() == [False, True, False, False]
    rotation = Coefficients.from_vector(found[[0, 2, 3]], "hifihead").rotation
    assert torch.allclose(torch.rad2deg(rotation), torch.rad2deg(turns), atol=4)
    assert (observer.stand_in, observer.per_frame) == ("embedded", True)


def test_the_papers_network_sees_no_gaze_unless_it_has_a_layer_for_it(model: FaceModel) -> None:
    neutral = landmarks(model, torch.zeros(1, 3))[0]
    shape = model.shape(torch.zeros(1, model.n_identity), torch.zeros(1, model.n_expression))
    points5 = five_points(model.landmarks68(shape)[0])

    def load(gaze: bool) -> FaceReconstruction:
        return FaceReconstruction(
            ShortDeep3D(gaze), "bfm", "deep3d", points5, authors_pictures, "deep3d", "1", "none", 0.5
        )

    for gaze in (False, True):
        found = show([neutral]).seen(FaceCoefficients(partial(load, gaze), CPU, None))
        parts = Coefficients.from_vector(found, "hifihead")
        assert parts.gaze.isnan().all() != gaze
        assert parts.expression.isfinite().all()


def test_networks_that_are_not_here_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingAsset, match="epoch_20"):
        FaceCoefficients(load_deep3d, CPU, None)
    with pytest.raises(MissingAsset, match=r"with_gaze.*read Gaze\[embedded\]"):
        FaceCoefficients(lambda: load_deep3d(asset="deep3d_gaze"), CPU, None)
    with pytest.raises(MissingAsset, match="hopenet"):
        HopenetPose(CPU)
    with pytest.raises(MissingPackage, match=r"OpenFace.*FaceLandmarkImg on the PATH"):
        OpenFaceActionUnits(CPU)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["pitch", "yaw", "roll"])
def test_landmark_pose_changes_by_the_degrees_of_the_turn(model: FaceModel, axis: int) -> None:
    turns = torch.zeros(4, 3)
    turns[:, axis] = torch.deg2rad(torch.tensor([0.0, 5.0, 10.0, 15.0]))
    seen = landmarks(model, turns)
    found = show([*seen, None]).seen(LandmarkPose(CPU))
    assert found.shape == (5, 6) and found[4].isnan().all() and torch.equal(found[:4, :3], found[:4, 3:])
    column = (1, 0, 2)[axis]  # yaw, pitch, roll
    change = (found[:4, column] - found[0, column]).abs()
    assert torch.allclose(change, torch.tensor([0.0, 5.0, 10.0, 15.0]), rtol=0.25)  # a rough head


def test_hopenet_gives_angles_and_embedding(monkeypatch: pytest.MonkeyPatch, model: FaceModel) -> None:
    torch.manual_seed(0)
    network = ShortHopenet()
    monkeypatch.setattr(head_pose, "load_hopenet", lambda: network)
    observer = HopenetPose(CPU)
    footage = show([landmarks(model, torch.zeros(1, 3))[0], None])
    found = footage.seen(observer)
    assert found.shape == (2, 3 + 3) and found[1].isnan().all() and found[0].isfinite().all()
    with torch.inference_mode():
        scores = network(footage.piece.images[:1])[0]
    assert torch.equal(found[0, 3:], footage.piece.images[0].mean(dim=(1, 2)))
    degrees = (scores.softmax(1) * (3 * torch.arange(66) - 99)).sum(1)
    assert torch.allclose(found[0, :3], degrees, atol=1e-3)


def test_landmark_action_units_are_nan_without_a_face(model: FaceModel) -> None:
    found = show([landmarks(model, torch.zeros(1, 3))[0], None]).seen(LandmarkActionUnits(CPU))
    assert found.shape == (2, 9) and found[0].isfinite().all() and found[1].isnan().all()


PROGRAM = """#!/bin/sh
# As OpenFace: one result per picture in which it finds a face
while [ $# -gt 0 ]; do case "$1" in -fdir) pictures="$2"; shift;; -out_dir) results="$2"; shift;; esac; shift; done
ls "$pictures"/0001.png > /dev/null || exit 1
mkdir -p "$results"
echo "face, confidence, AU01_r, AU01_c, AU02_c, AU04_c, AU05_c, AU06_c, AU07_c, AU09_c, AU10_c, AU12_c, AU14_c, \
AU15_c, AU17_c, AU20_c, AU23_c, AU25_c, AU26_c, AU28_c, AU45_c" > "$results"/0001.csv
echo "0, 0.9, 2.31, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1" >> "$results"/0001.csv
"""


def test_openface_is_run_and_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "FaceLandmarkImg"
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    observer = OpenFaceActionUnits(CPU)
    found = show([None, None, None]).seen(observer)
    assert found.shape == (3, 18) and found[[0, 2]].isnan().all()
    assert found[1].nonzero()[:, 0].tolist() == [0, 8, 17]  # AU1, AU12, AU45
    with pytest.raises(UserError, match=r"FaceLandmarkImg failed: .*0001\.png"):
        show([None]).seen(observer)
