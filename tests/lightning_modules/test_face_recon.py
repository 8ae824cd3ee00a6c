"""The face reconstruction stage: its losses and gradients, the command, and that it learns what it is shown."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from configs.command import CONFIGS
from configs.instantiate import build, check_config
from datamodules.shard_format import Segment, ShardWriter, encode_segment, write_dataset_json
from lightning_modules.checkpoints import read_checkpoint
from lightning_modules.face_recon import FaceRecon
from models.face3d.alignment import identity_alignment
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.projection import project_landmarks
from models.face3d.renderer import render
from models.images import to_frames
from tests.commands import run_command
from tests.models.face3d.toy_face import draw, toy_face

SIZE = 48
TOY = "tests.models.face3d.toy_face.toy_face"
WEIGHTS = {  # all of them
    "landmarks": 1e-3,
    "photometric": 1.0,
    "prior": 1e-3,
    "white_light": 1.0,
    "silhouette": 1.0,
    **{f"truth_{name}": 1.0 for name in Coefficients.zeros(1, 1, 1, 1).to_arrays()},
}


def words(shards: object, output: object, **values: object) -> list[str]:
    chosen: dict[str, object] = {
        "experiment": "face3d/face_recon",
        "preset": "cpu",
        "data.shards": shards,
        "output": output,
        "face_model._target_": TOY,
        "data.view.coefficients": "toy",
        "data.view.images": 2,
        "data.batch_size": 4,
        "data.visits_per_segment": 1,
        "model.size": 32,
        "model.backbone.blocks": "[1,1]",
        "model.backbone.width": 4,
        "model.backbone.grid": 2,
        "model.backbone.fine": "[2,8]",
        "module.log_every": 1,
        **{f"module.weights.{key}": value for key, value in WEIGHTS.items()},
        **{key.replace("__", "."): value for key, value in values.items()},
    }
    return [f"{key}={value}" for key, value in chosen.items()]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaceRecon, "global_rank", 0)
    monkeypatch.setattr(FaceRecon, "trainer", SimpleNamespace(world_size=1))


def stage(**values: object) -> FaceRecon:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", words("x", "y", **values))
    torch.manual_seed(0)
    built: FaceRecon = build(config.module)
    return built


def batch(count: int = 4, seed: int = 0) -> dict[str, Any]:
    model, camera = toy_face(), Camera.deep3d(SIZE)
    faces = draw(model, count, seed)
    points = project_landmarks(model, faces, camera)
    return {
        "image": render(model, faces, camera).image,
        "landmarks": points[:, :68],
        "pupils": points[:, 68:],
        "truth_alignment": identity_alignment(SIZE).float().expand(count, 5),
        **{f"truth_{name}": part for name, part in faces.to_arrays().items()},
    }


def test_every_weight_has_its_loss_and_every_parameter_a_gradient() -> None:
    module = stage()
    for head in module.model.heads.values():  # type: ignore[operator]
        torch.nn.init.normal_(head.weight, std=1e-3)
    losses = module.losses(batch())
    assert losses.keys() == module.weights.keys()
    assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
    module.weighted(losses).backward()  # type: ignore[no-untyped-call]
    assert not [name for name, parameter in module.model.named_parameters() if parameter.grad is None]


def test_true_coefficients_cost_nothing() -> None:
    """In the aligned picture too, where a head that stood beside the axis is turned."""
    module = stage(module__zoom=0.1, module__shift=8.0)
    faces = module.faces(batch(), module.step_random())
    assert faces.truth is not None
    losses = module.compare(faces.truth, faces)
    assert losses["landmarks"] < 1  # squared pixels: perspective
    assert losses["truth_rotation"] == 0
    moved = module.compare(draw(toy_face(), 4, seed=7), faces)
    assert moved["landmarks"] > 100 * losses["landmarks"]
    assert moved["silhouette"] > 2 * losses["silhouette"]  # the toy's landmarks hang in the air beside its mesh
    assert moved["photometric"] > 1.5 * losses["photometric"]  # the toy's colours are noise, and were resampled


def test_a_weight_of_zero_and_a_batch_without_truth_leave_losses_out() -> None:
    plain = {name: value for name, value in batch().items() if not name.startswith("truth_")}
    module = stage(module__weights__white_light=0.0)
    assert module.losses(plain).keys() == {"landmarks", "photometric", "prior"}
    plain["mask"] = torch.ones(4, 1, SIZE, SIZE)
    assert "silhouette" in module.losses(plain)


def test_metrics_of_the_truth_are_perfect() -> None:
    module, known = stage(), batch(8)
    faces = module.faces(known)
    assert faces.truth is not None
    truth = faces.truth

    class Oracle(torch.nn.Module):
        size = 32

        def forward(self, image: torch.Tensor, points: torch.Tensor) -> Coefficients:
            return truth

    module.model = Oracle()
    module.measure(known)
    values = {name: float(metric.compute()) for name, metric in module.metrics.items()}
    assert values["rotation"] < 0.05 and values["gaze"] < 0.05 and values["jaw"] > 0.999
    assert values["landmarks"] < 1 and values["nme"] < 1


def test_what_the_network_is_told_errs_apart_from_the_alignment() -> None:
    """Both errors come from one source, one after the other; all of it is a function of the batch's number."""
    module, known = stage(module__landmark_noise=2.0), batch()
    told = []

    class Listener(torch.nn.Module):
        size = 32

        def forward(self, image: torch.Tensor, points: torch.Tensor) -> Coefficients:
            told.append(points)
            return draw(toy_face(), len(points), 0)

    module.model = Listener()
    random = module.step_random()
    points = module.faces(known, random).points[:, :68]
    module.losses(known)
    torch.testing.assert_close(told[0], points + module.noise(points, random))  # a second draw: other numbers
    module.losses(known)
    assert torch.equal(told[1], told[0])
    module.batches += 1
    module.losses(known)
    assert not torch.equal(told[2], told[0])


def test_preview_shows_pictures_of_one_size() -> None:
    columns = stage().preview(batch())
    assert {tuple(image.shape) for image in columns.values()} == {(4, 3, 32, 32)}


def write_shards(folder: Path) -> Path:
    for split, count in (("train", 4), ("test", 2)):
        with ShardWriter(folder, split, split, max_samples=4) as writer:
            for number in range(count):
                seed = number + 10 * (split == "test")
                known = {name: value.numpy() for name, value in batch(25, seed).items()}
                truth = {name[6:]: value for name, value in known.items() if name.startswith("truth_")}
                tracks = {
                    "landmarks": {"points": known["landmarks"], "pupils": known["pupils"]},
                    "coefficients_toy": truth,
                }
                frames = to_frames(torch.from_numpy(known["image"]))
                key, info = f"toy/{split}{number}/clip/0000", {"identity": f"{split}{number}", "segment": "0000"}
                segment = Segment(key, info, frames, np.zeros(16000, np.float32), tracks)
                writer.write(segment.key, encode_segment(segment, "clips"))
    write_dataset_json(folder, kind="clips", size=SIZE)
    return folder


def test_the_command_trains_validates_and_leaves_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    shards = write_shards(tmp_path / "shards")
    run = words(shards, tmp_path / "run", module__steps=2, validate_every=2)
    assert run_command("train", run, monkeypatch) == 0
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert checkpoint.stage == "face3d/face_recon"
    build(checkpoint.config["model"]).load_state_dict(checkpoint.weights)
    assert {key.split(".")[0] for key in checkpoint.weights} == {"backbone", "heads", "point_layers"}
    assert [path.suffix for path in (tmp_path / "run" / "samples").iterdir()] == [".png"]


def test_it_learns_to_see_the_pose() -> None:
    """Twenty heads by heart, in seconds: the pose of each to a few degrees."""
    module = stage(model__backbone__blocks="[1,1,1]", model__backbone__width=8, model__backbone__grid=4)
    module.weights = dict.fromkeys(module.weights, 0.0) | {"truth_rotation": 5.0, "landmarks": 1e-3}
    module.shift = module.zoom = 0.0
    known = batch(20)
    optimizer = torch.optim.Adam(module.model.parameters(), 2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        module.weighted(module.losses(known)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    module.measure(known)
    assert float(module.metrics["rotation"].compute()) < 6


@pytest.mark.parametrize(("preset", "face_model"), [("paper", "bfm"), ("paper", "flame"), ("cpu", "procedural")])
def test_every_choice_composes_into_constructors(preset: str, face_model: str) -> None:
    chosen = ["experiment=face3d/face_recon", "data.shards=x", "output=y", f"face_model={face_model}"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [*chosen, f"preset={preset}"])
    check_config(config)
