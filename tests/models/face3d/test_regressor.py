"""Networks to coefficients: sizes follow the face model, training starts at the mean, the names are torchvision's."""

import pytest
import torch

from models.errors import UserError
from models.face3d.deep3d import Deep3D, read_deep3d
from models.face3d.regressor import Regressor
from models.face3d.resnet import ResNet
from models.weights import Weights
from tests.models.face3d.toy_face import toy_face


def small(grid: int = 2) -> ResNet:
    torch.manual_seed(0)
    return ResNet((1, 1), width=4, bottleneck=False, grid=grid)


def test_sizes_follow_the_face_model_and_training_starts_at_its_mean() -> None:
    network = Regressor(toy_face(5, 3, 2), small(), size=32)
    estimate = network(torch.randn(2, 3, 32, 32))
    sizes = {name: part.shape for name, part in estimate.to_arrays().items()}
    assert [sizes[name][1] for name in ("identity", "expression", "texture", "lighting")] == [5, 3, 2, 27]
    assert all(part.abs().max() == 0 for part in estimate.to_arrays().values())


def test_a_network_that_is_told_the_landmarks_looks_at_them() -> None:
    network = Regressor(toy_face(), small(), size=32, landmarks=8)
    torch.nn.init.normal_(network.heads["rotation"].weight)  # type: ignore[arg-type]
    image, points = torch.randn(1, 3, 32, 32).expand(2, -1, -1, -1), 112 + 10 * torch.randn(2, 68, 2)
    one, other = network.eval()(image, points).rotation
    assert (one - other).abs().max() > 1e-3
    with pytest.raises(TypeError, match="landmarks beside the picture"):
        network(image)


def test_every_parameter_gets_a_gradient() -> None:
    network = Regressor(toy_face(), small(), size=32)
    torch.nn.init.normal_(network.heads["gaze"].weight)  # type: ignore[arg-type]
    sum(part.sum() for part in network(torch.randn(2, 3, 32, 32)).to_arrays().values()).backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]


def test_fine_places_are_features_too() -> None:
    torch.manual_seed(0)
    network = ResNet((1, 1), width=4, bottleneck=False, grid=1, fine=(2, 4))
    image = torch.randn(1, 3, 32, 32)
    moved = torch.cat([image[..., 8:], image[..., :8]], dim=-1)
    feature = network(image)
    assert feature.shape == (1, 8 + 2 * 16)
    places = (feature[:, 8:] - network(moved)[:, 8:]).abs().mean()
    assert places > 3 * (feature[:, :8] - network(moved)[:, :8]).abs().mean()


def test_a_finer_grid_knows_where_things_are() -> None:
    image = torch.randn(1, 3, 32, 32)
    assert small(2)(image).shape == (1, 32)
    assert not torch.allclose(small(2)(image), small(2)(image.flip(-1)))


RESNETS = [((2, 2, 2, 2), False, "resnet18"), ((3, 4, 6, 3), True, "resnet50")]


@pytest.mark.parametrize(("blocks", "bottleneck", "name"), RESNETS)
def test_resnets_are_torchvisions(blocks: tuple[int, ...], bottleneck: bool, name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    theirs = models.get_model(name).eval()
    theirs.fc = torch.nn.Identity()
    ours = ResNet(blocks, bottleneck=bottleneck).eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


def test_deep3d_with_gaze_is_known_by_its_layers() -> None:
    stored = Deep3D(gaze=True)
    torch.nn.init.constant_(stored.final_layers[7].bias, 0.25)  # type: ignore[arg-type]
    network = read_deep3d(Weights({f"net_recon.{key}": value for key, value in stored.state_dict().items()})).eval()
    estimate = network.head(torch.zeros(2, 2048))
    assert (estimate.gaze == 0.25).all()
    assert estimate.to_vector("hifihead").shape == (2, 261)
    with pytest.raises(UserError, match="do not fit Deep3D"):
        read_deep3d(Weights({"other.weight": torch.zeros(2)}))
