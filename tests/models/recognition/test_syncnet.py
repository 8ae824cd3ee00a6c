"""SyncNet's quick way through its layers against the layers as they stand."""

import pytest
import torch
from torch import Tensor

from models.errors import UserError
from models.recognition import syncnet
from models.recognition.syncnet import SyncNet, load_syncnet
from models.weights import Weights


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(0)
    made = SyncNet(size=32)
    for name, value in made.state_dict().items():
        if name.endswith(("running_mean", "running_var", ".1.weight", ".1.bias")):
            value.copy_(torch.rand_like(value) + 0.5)
    return made


def pictures(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_layers_as_they_stand_give_the_same(network: SyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(syncnet.AT_ONCE, "cpu", 2)  # so that three clips go through in two parts
    frames = pictures(7)
    clips = torch.stack([frames[first : first + 5].transpose(0, 1) for first in range(3)])
    plain = network.netfclip(network.netcnnlip(clips.float()).flatten(1))
    assert torch.allclose(network.embed_frames(frames), plain, rtol=1e-4, atol=1e-4 * plain.abs().max().item())
    sound = torch.randn(7, 1, 13, 20) * 10
    plain = network.netfcaud(network.netcnnaud(sound).flatten(1))
    assert torch.allclose(network.embed_sound(sound), plain, rtol=1e-4, atol=1e-4 * plain.abs().max().item())


@torch.inference_mode()
def test_too_few_frames_have_no_embedding(network: SyncNet) -> None:
    assert network.embed_frames(pictures(4)).shape == (0, 32)
    assert network.embed_sound(torch.empty(0, 1, 13, 20)).shape == (0, 32)


@torch.inference_mode()
def test_training_mode_changes_nothing(network: SyncNet) -> None:
    sound = torch.randn(3, 1, 13, 20)
    before = network.embed_sound(sound)
    torch.nn.Sequential(network).train()
    assert torch.equal(network.embed_sound(sound), before)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_weights_tell_the_size(network: SyncNet) -> None:
    assert load_syncnet(Weights(network.state_dict())).size == 32
    with pytest.raises(UserError, match=r"hold no 'netfclip\.3\.weight'"):
        load_syncnet(Weights({"conv1.weight": torch.zeros(3)}))


def test_other_shapes_are_refused(network: SyncNet) -> None:
    with pytest.raises(UserError, match=r"lips are \(B, 3, 5, 224, 224\), got \(1, 3, 5, 96, 96\)"):
        network.embed_clips(torch.zeros(1, 3, 5, 96, 96))
    with pytest.raises(UserError, match=r"sound is \(N, 1, 13, 20\), got \(1, 1, 80, 16\)"):
        network.embed_sound(torch.zeros(1, 1, 80, 16))
