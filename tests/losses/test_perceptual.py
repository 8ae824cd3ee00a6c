"""The perceptual loss with a stand-in for VGG: which features, which images, and that it is frozen."""

from pathlib import Path

import pytest
import torch
from torch import nn

from losses.frozen import Frozen
from losses.perceptual import VGG19Perceptual
from models.errors import MissingAsset, UserError


def small_vgg() -> nn.Module:
    """Two 'features' that a test can compute by hand."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))
            self.norm = nn.BatchNorm2d(3)

        def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
            return [image, image * self.scale]

    return Two()


@pytest.fixture
def loss(monkeypatch: pytest.MonkeyPatch) -> VGG19Perceptual:
    monkeypatch.setattr("losses.perceptual.load_vgg19", small_vgg)
    return VGG19Perceptual(weights=[1.0, 0.5], downscales=[1, 2])


def test_sum_over_scales_and_layers(loss: VGG19Perceptual) -> None:
    flat, shifted = torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), 0.3)
    at_full_size = 0.3 + 0.5 * 0.6
    value = loss(shifted, flat).item()
    assert at_full_size * 1.85 < value < at_full_size * 2  # the blur darkens the border of the half-size image


def test_network_is_frozen_and_hidden(loss: VGG19Perceptual) -> None:
    assert list(loss.parameters()) == []
    assert list(loss.state_dict()) == []
    loss.train()
    (network,) = loss.features._network
    assert not network.training
    assert loss.double().features._network[0].scale.dtype == torch.double


def test_gradients_reach_the_images_only(loss: VGG19Perceptual) -> None:
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    loss(x, torch.zeros_like(x)).backward()
    assert x.grad is not None
    assert all(p.grad is None for p in loss.features._network[0].parameters())


def test_small_images_are_refused_with_the_key(loss: VGG19Perceptual) -> None:
    with pytest.raises(UserError, match=r"module\.perceptual\.downscales"):
        loss(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16))


def test_missing_and_wrong_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match=r"vgg19.*BSD-3.*models\.assets fetch vgg19"):
        VGG19Perceptual()
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"half a download")
    with pytest.raises(UserError, match="is not vgg19"):
        VGG19Perceptual()


def test_vgg_slices_end_at_the_five_relus() -> None:
    from torchvision.models import vgg19

    from losses.perceptual import RELU_ENDS

    with torch.device("meta"):
        features = vgg19().features
    widths = [[m for m in features[:end] if isinstance(m, nn.Conv2d)][-1].out_channels for end in RELU_ENDS[1:]]
    assert widths == [64, 128, 256, 512, 512]
    assert all(isinstance(features[end - 1], nn.ReLU) for end in RELU_ENDS[1:])


def test_frozen_passes_on_what_the_network_says() -> None:
    frozen = Frozen(nn.Linear(2, 1))
    assert frozen(torch.ones(1, 2)).requires_grad is False
