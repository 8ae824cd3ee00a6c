"""ExpNet: broadcasting, what it refuses, gradients."""

import pytest
import torch

from models.errors import UserError
from models.sadtalker.expnet import ExpNet
from models.wav2lip.audio_encoder import AudioEncoder


def test_one_reference_stands_for_all_frames() -> None:
    network = ExpNet(n_expression=5, width=2).eval()
    mel, reference, blink = torch.rand(2, 4, 80, 16), torch.rand(2, 1, 5), torch.rand(2, 4, 1)
    found = network(mel, reference, blink)
    assert found.shape == (2, 4, 5)
    assert torch.allclose(found, network(mel, reference.expand(2, 4, 5), blink))
    assert torch.allclose(found[:, 2:], network(mel[:, 2:], reference, blink[:, 2:]), atol=1e-6)


def test_begins_with_the_audio_encoder_of_wav2lip_and_learns() -> None:
    network = ExpNet(n_expression=5, width=2)
    network.audio_encoder.load_state_dict(AudioEncoder(2).state_dict())
    blink = torch.zeros(1, 1, 1, requires_grad=True)
    network(torch.rand(2, 4, 80, 16), torch.rand(2, 1, 5), blink.expand(2, 1, 1)).square().mean().backward()
    assert blink.grad is not None
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("reference", "blink", "reason"),
    [
        ((2, 5), (2, 4, 1), r"reference must be of shape \(2, 4, 5\), got \(2, 5\)"),
        ((2, 4, 6), (2, 4, 1), r"reference must be of shape \(2, 4, 5\)"),
        ((2, 4, 5), (2, 4, 2), r"blink must be of shape \(2, 4, 1\)"),
        ((2, 4, 5), (3, 4, 1), r"blink must be of shape \(2, 4, 1\)"),
    ],
)
def test_shapes_that_do_not_go_together(reference: tuple[int, ...], blink: tuple[int, ...], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        ExpNet(5, 2).eval()(torch.rand(2, 4, 80, 16), torch.rand(reference), torch.rand(blink))
