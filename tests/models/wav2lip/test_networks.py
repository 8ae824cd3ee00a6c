"""Wav2Lip's networks on small sizes: shapes, what they look at, gradients."""

import pytest
import torch

from models.errors import UserError
from models.wav2lip import authors
from models.wav2lip.audio_encoder import AudioEncoder
from models.wav2lip.discriminator import QualityDiscriminator
from models.wav2lip.faces import as_authors, from_authors, without_lower_half
from models.wav2lip.generator import Wav2Lip
from models.wav2lip.sync_expert import SyncExpert, agreement
from models.weights import Weights


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_leading_axes_are_one_batch() -> None:
    network = AudioEncoder(width=2).eval()
    mel = torch.rand(2, 3, 80, 16) * 8 - 4
    codes = network(mel)
    assert codes.shape == (2, 3, network.size) and (codes >= 0).all()
    assert torch.allclose(codes[1, 2], network(mel[1, 2]), atol=1e-6)


def test_generator_paints_and_learns() -> None:
    network = Wav2Lip(width=2)
    mel = torch.rand(2, 3, 80, 16, requires_grad=True)
    faces = torch.rand(2, 3, 6, 96, 96, requires_grad=True)
    painted = network(mel, faces)
    assert painted.shape == (2, 3, 3, 96, 96) and painted.abs().max() <= 1
    painted.square().mean().backward()
    assert mel.grad is not None and faces.grad is not None
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_generator_of_single_faces_is_that_of_clips() -> None:
    network = Wav2Lip(width=1).eval()
    mel, faces = torch.rand(2, 2, 80, 16), torch.rand(2, 2, 6, 96, 96)
    assert torch.allclose(network(mel, faces)[1, 0], network(mel[1, 0], faces[1, 0]), atol=1e-5)


def test_masked_faces_are_black_below_and_the_given_ones_stay() -> None:
    faces = torch.rand(2, 3, 96, 96)
    masked = without_lower_half(faces)
    assert (masked[..., 48:, :] == -1).all() and torch.equal(masked[..., :48, :], faces[..., :48, :])
    assert (faces > -1).all()
    assert torch.allclose(from_authors(as_authors(faces)), faces, atol=1e-6)
    assert torch.allclose(as_authors(faces)[:, 0], faces[:, 2] / 2 + 0.5)


def test_expert_sees_the_lower_half_of_five_frames() -> None:
    network = SyncExpert(width=2).eval()
    mel, faces = torch.rand(4, 80, 16), torch.rand(4, 5, 3, 96, 96, requires_grad=True)
    sound, seen = network(mel, faces)
    assert sound.shape == seen.shape == (4, 32)
    assert torch.allclose(seen.norm(dim=1), torch.ones(4), atol=1e-5)
    (gradient,) = torch.autograd.grad(agreement(sound, seen).sum(), faces)
    assert (gradient[..., :48, :] == 0).all() and (gradient[..., 48:, :] != 0).any(-1).any(-1).all()
    with pytest.raises(UserError, match=r"faces must be of shape \(\.\.\., 5, 3, 96, 96\)"):
        network.embed_faces(faces[:, :4])


def test_agreement_stays_within_what_a_logarithm_takes() -> None:
    embedding = torch.nn.functional.normalize(torch.rand(1000, 512), dim=1)
    found = agreement(embedding, embedding)
    assert found.max() <= 1 and found.min() > 0.9999
    assert agreement(torch.tensor([1.0, 0]), torch.tensor([0, 1.0])) == 0


def test_discriminator_judges_the_lower_half() -> None:
    network = QualityDiscriminator(width=2)
    faces = torch.rand(2, 3, 3, 96, 96, requires_grad=True)
    score = network(faces)
    assert score.shape == (2, 3)
    score.sum().backward()
    assert faces.grad is not None and (faces.grad[..., :48, :] == 0).all()


def test_the_audio_encoder_comes_out_of_the_generators_file() -> None:
    network = Wav2Lip(width=1).eval()
    published = Weights({f"state_dict.module.{key}": value for key, value in network.state_dict().items()})
    mel = torch.rand(3, 80, 16)
    assert torch.equal(authors.audio_encoder(published)(mel), network.audio_encoder(mel))
    with pytest.raises(UserError, match="another network's file"):
        authors.audio_encoder(Weights({"state_dict.module.x.weight": torch.zeros(2)}))
