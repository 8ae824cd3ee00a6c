"""The weights that come with the project: the file, who may read it, and what they reach on people they never saw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torchmetrics import Metric

from metrics.correlation import Correlation
from metrics.gaze_error import GazeError
from metrics.rotation_error import RotationError
from models.errors import UserError
from models.face3d.coefficients import Coefficients
from models.face3d.embedded import WEIGHTS, read_embedded, save_embedded
from models.face3d.procedural import procedural_head
from models.face3d.realign import realign
from models.face3d.recon import load_embedded
from models.face3d.regressor import Regressor
from models.face3d.resnet import ResNet

STRANGERS = (77_000_001, 77_000_002, 77_000_003, 77_000_004)  # of a seed that nothing was trained on


def network() -> Regressor:
    torch.manual_seed(0)
    return Regressor(procedural_head(), ResNet((1, 1), 4, False, 2, (2, 4)), size=32, landmarks=8)


def test_a_file_gives_back_the_network_to_half_precision(tmp_path: Path) -> None:
    saved = network().eval()
    for head in saved.heads.values():
        torch.nn.init.normal_(head.weight)  # type: ignore[arg-type]
    save_embedded(tmp_path / "weights.safetensors", saved, procedural_head(), "7")
    read = read_embedded(tmp_path / "weights.safetensors")
    assert read.version == "7"
    seen = torch.randn(2, 3, 32, 32), 112 + 40 * torch.randn(2, 68, 2)
    ours, theirs = read.network.eval()(*seen).to_arrays(), saved(*seen).to_arrays()
    assert all(torch.allclose(ours[name], theirs[name], rtol=2e-2, atol=2e-2) for name in theirs)
    backbone, file = ResNet((1, 1), 4, False, 2, (2, 4)), str(tmp_path / "weights.safetensors")
    again = Regressor(procedural_head(), backbone, 32, landmarks=8, start=file)
    loaded = again.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in read.network.state_dict().items())
    assert list(tmp_path.iterdir()) == [tmp_path / "weights.safetensors"]


def test_weights_of_another_head_are_refused(tmp_path: Path) -> None:
    other = procedural_head()
    other.version = "of yesterday"
    save_embedded(tmp_path / "weights.safetensors", network(), other, "1")
    with pytest.raises(UserError, match="trained on the head procedural of yesterday, this is procedural"):
        load_embedded(str(tmp_path / "weights.safetensors"))


def test_what_is_shipped_is_small_and_says_what_it_is() -> None:
    assert WEIGHTS.stat().st_size < 6e6
    with safe_open(WEIGHTS, framework="pt") as file:
        assert file.metadata()["face_model"] == "procedural"
        assert all(file.get_tensor(name).dtype != torch.float32 for name in file.keys())  # noqa: SIM118
    assert (WEIGHTS.parent / "README.md").is_file()


@pytest.mark.slow
def test_strangers_are_read_as_the_card_says() -> None:
    """Held-out speakers of the synthetic data: rotation, jaw and gaze from single frames."""
    from datamodules.synthetic import speaker

    reconstruct, head = load_embedded(), procedural_head()
    metrics: dict[str, Metric] = {"rotation": RotationError(), "gaze": GazeError(), "jaw": Correlation()}
    jaw = list(head.expression_names).index("jawOpen")
    for number in STRANGERS:
        take = speaker.rehearse(speaker.draw_speaker(number), 0, 4.0)
        segment = speaker.segment(take, np.arange(0, 100, 4), 128)
        track = {k: torch.from_numpy(v) for k, v in segment.tracks["coefficients_procedural"].items()}
        estimate, alignment = reconstruct(segment.frames, segment.tracks["landmarks"]["points"])
        truth = realign(head, Coefficients.from_arrays(track), track["alignment"].to(alignment), alignment)
        metrics["rotation"].update(estimate.rotation, truth.rotation)
        metrics["gaze"].update(estimate.gaze, truth.gaze)
        metrics["jaw"].update(estimate.expression[:, jaw], truth.expression[:, jaw])
    values = {name: float(metric.compute()) for name, metric in metrics.items()}
    print(values)
    assert values["rotation"] < 3
    assert values["jaw"] > 0.9
    assert values["gaze"] < 5
