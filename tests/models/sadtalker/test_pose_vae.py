"""PoseVAE and its discriminator on small sizes, and motion of any length drawn from it."""

import pytest
import torch
from torch import Tensor

from models.errors import UserError
from models.sadtalker import pose_sampling
from models.sadtalker.pose_discriminator import PoseDiscriminator
from models.sadtalker.pose_sampling import authors_poses, joined, sample_poses
from models.sadtalker.pose_vae import PoseVAE

STYLES = 5


@pytest.fixture
def network() -> PoseVAE:
    torch.manual_seed(0)
    made = PoseVAE(n_styles=STYLES, latent=8, hidden=16, filters=(2, 4, 4, 8), width=2).eval()
    with torch.no_grad():  # a fresh network says nearly the same of everything
        for parameter in made.netG.parameters():
            parameter.mul_(3)
    return made


def conditions(batch: int, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(batch, frames, 32), torch.randn(batch, 6), torch.arange(batch) % STYLES


def test_a_training_pass_reaches_every_weight(network: PoseVAE) -> None:
    network.train()
    judge = PoseDiscriminator(width=4)
    sound, first, style = conditions(3, 32)
    posterior = network.encode(torch.randn(3, 32, 6), first, sound, style)
    motion = network.decode(posterior.sample(), first, sound, style)
    assert motion.shape == (3, 32, 6) and posterior.mean.shape == posterior.log_variance.shape == (3, 8)
    score = judge(motion)
    assert score.shape == (3, 8)
    (score.mean() + posterior.log_variance.square().mean()).backward()
    trained = [*network.netG.parameters(), *judge.parameters()]
    assert all(parameter.grad is not None for parameter in trained)


def test_the_authors_variance_is_their_mean() -> None:
    made = PoseVAE(latent=8, hidden=16, filters=(2, 4, 4, 8), width=2, one_head=True).eval()
    sound, first, style = conditions(2, 32)
    posterior = made.encode(torch.randn(2, 32, 6), first, sound, style)
    assert torch.equal(posterior.mean, posterior.log_variance)


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 2, 20, 33, 34, 150])
def test_samples_of_any_length(network: PoseVAE, frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, first, style = conditions(2, frames)
    poses = sample_poses(network, sound, first, style, torch.Generator().manual_seed(7))
    assert poses.shape == (2, frames, 6)
    assert torch.equal(poses[:, 0], first)
    monkeypatch.setattr(pose_sampling, "AT_ONCE", 3)
    again = sample_poses(network, sound, first, style, torch.Generator().manual_seed(7))
    assert torch.allclose(poses, again, atol=1e-5)
    if frames > 2:  # the first step hardly differs yet
        other = sample_poses(network, sound, first, style, torch.Generator().manual_seed(8))
        assert not torch.allclose(poses, other, atol=1e-3)


@torch.inference_mode()
def test_samples_go_on_over_the_borders_and_the_authors_jump(network: PoseVAE) -> None:
    """Steps (speed) and changes of speed at the borders are as large as elsewhere."""
    sound, first, style = conditions(4, 1 + 10 * 32)
    noise = torch.randn(4, 10, 8)
    borders = torch.arange(32, 320, 32)  # the step after frame 32 k is the first one into a new chunk
    smooth = sample_poses(network, sound, first, style)
    jumps = authors_poses(network, sound, first, style, noise)
    inside = torch.tensor([t for t in range(2, 319) if t % 32 not in (31, 0, 1)])

    def ratios(poses: Tensor) -> tuple[float, float]:
        speed = poses.diff(dim=1)
        change = speed.diff(dim=1)
        at = torch.cat([borders - 1, borders])
        return (
            (speed[:, borders].abs().amax() / speed[:, inside].abs().amax()).item(),
            (change[:, at].abs().mean() / change[:, inside - 1].abs().mean()).item(),
        )

    assert max(ratios(smooth)) <= 1
    assert ratios(jumps)[1] > 1.2


def test_a_chunk_goes_on_where_the_one_before_it_ended() -> None:
    torch.manual_seed(2)
    chunks = torch.randn(2, 4, 32, 6).cumsum(dim=2).cumsum(dim=2) / 100
    motion = joined(chunks).reshape(chunks.shape)
    assert torch.equal(motion[:, :, -2:], chunks[:, :, -2:])  # what the next chunk goes on from
    end, before = chunks[:, :-1, -1], chunks[:, :-1, -2]
    went_on = motion[:, 1:, 0] - (end + (end - before))
    assert went_on.abs().max() < 0.3 * (chunks[:, 1:, 0] - end).abs().max()
    start = chunks[:, 0, 0] - (chunks[:, 0, 1] - chunks[:, 0, 0])
    assert torch.allclose(motion[:, 0, 0], chunks[:, 0, 0] - start, atol=0.02)


@torch.inference_mode()
def test_the_style_counts(network: PoseVAE) -> None:
    sound, first, _ = conditions(1, 33)
    one, two = (
        sample_poses(network, sound, first, torch.tensor([n]), torch.Generator().manual_seed(3)) for n in (0, 1)
    )
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize(
    ("style", "reason"),
    [
        (torch.tensor([STYLES]), f"there is no pose style {STYLES}: this network has 0 to {STYLES - 1}"),
        (torch.tensor([0.0]), "styles are whole numbers"),
        (torch.tensor([0, 1]), "styles are whole numbers of shape"),
    ],
)
def test_styles_that_do_not_exist(network: PoseVAE, style: Tensor, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        sample_poses(network, torch.zeros(1, 4, 32), torch.zeros(1, 6), style)


def test_chunks_that_time_cannot_be_halved_in() -> None:
    with pytest.raises(UserError, match="multiples of 8 frames"):
        PoseVAE(frames=30)
