"""LPIPS, identity and offsets as losses: against other derivations, with networks that nobody has trained."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from losses.delta_regularisation import DeltaRegularisation
from losses.identity import IdentityLoss
from losses.lpips import LPIPS
from losses.ms_ssim import MSSSIM
from models.errors import MissingAsset
from models.recognition.lpips_features import LPIPSFeatures


def features() -> LPIPSFeatures:
    torch.manual_seed(0)
    return LPIPSFeatures([torch.rand(width) for width in (64, 192, 384, 256, 256)])


class Corner(nn.Module):
    """Says of a face what colour its first pixel has, at unit length."""

    def forward(self, face: Tensor) -> Tensor:
        return nn.functional.normalize(face[:, :, 0, 0], dim=1)


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("losses.lpips.load_lpips_features", features)
    monkeypatch.setattr("losses.identity.load_irse", Corner)
    yield


def noise(seed: int, side: int = 64) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_lpips_layer_by_layer() -> None:
    network, x, y = features(), noise(0), noise(1)
    expected = torch.zeros(2)
    a, b = ((image - network.mean) / network.std for image in (x, y))
    number = 0
    for layer in network.features:
        a, b = layer(a), layer(b)
        if isinstance(layer, nn.ReLU):
            weight = network.get_buffer(f"root{number}").square()
            unlike = nn.functional.normalize(a, dim=1) - nn.functional.normalize(b, dim=1)
            expected, number = expected + (weight * unlike.square()).sum(dim=1).mean(dim=(1, 2)), number + 1
    loss = LPIPS()
    assert loss.distance(loss.describe(x), loss.describe(y)).tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    assert loss(x, y).item() == pytest.approx(expected.mean().item(), rel=1e-4)


def test_lpips_of_the_thesis_sees_other_values_and_large_pictures_are_averaged() -> None:
    x, y = noise(0), noise(1)
    assert LPIPS(zero_to_one=True)(x, y).item() == pytest.approx(LPIPS()(x / 2 + 0.5, y / 2 + 0.5).item(), rel=1e-5)
    small = [nn.functional.avg_pool2d(image, 2) for image in (noise(0, 128), noise(1, 128))]
    assert LPIPS(side=64)(noise(0, 128), noise(1, 128)).item() == pytest.approx(LPIPS()(*small).item(), rel=1e-5)
    assert LPIPS(side=64)(x, y).item() == LPIPS()(x, y).item()


def test_gradients_are_finite_where_no_feature_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf() -> LPIPSFeatures:
        network = features()
        network.features[0].bias.data.fill_(-100)  # type: ignore[operator]
        return network

    monkeypatch.setattr("losses.lpips.load_lpips_features", deaf)
    x = noise(0).requires_grad_()
    LPIPS()(x, noise(1)).backward()
    assert x.grad is not None and x.grad.isfinite().all()


def test_identity_is_one_minus_the_cosine_of_cut_out_faces() -> None:
    x, y = torch.zeros(1, 3, 256, 256), torch.zeros(1, 3, 256, 256)
    x[:, 0], y[:, 1] = 1, 1
    assert IdentityLoss()(x, y).item() == pytest.approx(1)
    y[:, 0, 35:40, 32:40] = 1  # the corner of pSp's crop
    assert IdentityLoss()(x, y).item() == pytest.approx(1 - 0.5**0.5)
    assert IdentityLoss()(x, x).item() == pytest.approx(0, abs=1e-6)
    thesis = nn.functional.cosine_similarity(torch.tensor([1.0, 0.5, 0.5]), torch.tensor([1.0, 1.0, 0.5]), dim=0)
    assert IdentityLoss(zero_to_one=True)(x, y).item() == pytest.approx(1 - thesis.item(), abs=1e-6)


def test_networks_are_no_part_of_a_checkpoint() -> None:
    assert not LPIPS().state_dict() and not list(LPIPS().parameters())


def test_offsets_count_by_their_length() -> None:
    codes = torch.tensor([[[1.0, 1.0], [4.0, 5.0], [1.0, 1.0], [1.0, 3.0]]]).requires_grad_()
    lengths = DeltaRegularisation()(codes)
    assert lengths.tolist() == [5 + 0 + 2]
    lengths.sum().backward()
    assert codes.grad is not None and codes.grad.isfinite().all()


def test_ms_ssim_has_one_number_for_each_picture() -> None:
    loss, x, y = MSSSIM(), noise(0), noise(1)
    one_by_one = [loss(x[row : row + 1], y[row : row + 1]).item() for row in range(2)]
    assert loss.distance(loss.describe(x), loss.describe(y)).tolist() == pytest.approx(one_by_one)


def test_missing_files_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match=r"asset alexnet is missing"):
        LPIPS()
    with pytest.raises(MissingAsset, match=r"asset model_ir_se50 is missing"):
        IdentityLoss()
