"""The encoders at small sizes: who reads which feature, stages of training, sizes read from a file."""

import pytest
import torch
from torch.nn import functional as F

from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder, load_encoder, sizes_of
from models.weights import Weights
from tests.models.inversion.small_encoder import SIZES, pictures, small

KINDS = [GradualStyleEncoder, Encoder4Editing]


def test_codes_are_heads_of_their_feature() -> None:
    """Every head on the feature of its level, one by one; the pyramid written out."""
    encoder, image = small(GradualStyleEncoder), pictures()
    with torch.no_grad():
        x = encoder.input_layer(image)
        features = []
        for place, block in enumerate(encoder.body):
            x = block(x)
            if place in (2, 3, 5):  # the last blocks of the second, third and fourth stage
                features.append(x)
        fine, middle, coarse = features
        middle = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=True) + encoder.latlayer1(middle)
        fine = F.interpolate(middle, scale_factor=2, mode="bilinear", align_corners=True) + encoder.latlayer2(fine)
        read = [coarse] * 2 + [middle] * 2 + [fine]
        expected = torch.stack([head(feature) for head, feature in zip(encoder.styles, read)], dim=1)
        codes = encoder(image)
    assert codes.shape == (2, 5, 24)
    torch.testing.assert_close(codes, expected)


def test_a_stage_gives_deltas_to_the_first_codes_only() -> None:
    encoder, image = small(Encoder4Editing), pictures()
    with torch.no_grad():
        whole = encoder(image)
        for stage in range(encoder.codes):
            codes = encoder(image, stage)
            torch.testing.assert_close(codes[:, : stage + 1], whole[:, : stage + 1])
            assert torch.equal(codes[:, stage + 1 :], codes[:, :1].expand(-1, encoder.codes - 1 - stage, -1))
    assert (whole[:, 1:] - whole[:, :1]).abs().amin(dim=1).max() > 0
    assert torch.equal(encoder(image, stage=17), whole)


def test_heads_without_a_delta_do_not_learn() -> None:
    encoder = small(Encoder4Editing).train()
    encoder(pictures(), stage=2).sum().backward()
    learns = [all(p.grad is not None for p in head.parameters()) for head in encoder.styles]
    assert learns == [True, True, True, False, False]


def test_e4e_is_psp_of_deltas() -> None:
    """With the same weights, e4e's code i is pSp's code 0 + pSp's code i."""
    e4e, psp, image = small(Encoder4Editing), small(GradualStyleEncoder), pictures()
    with torch.no_grad():
        theirs, ours = e4e(image), psp(image)
    torch.testing.assert_close(theirs[:, 1:], ours[:, :1] + ours[:, 1:])
    torch.testing.assert_close(theirs[:, 0], ours[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_six_channels_and_the_mean_of_w(kind: type[GradualStyleEncoder]) -> None:
    encoder, image = small(kind, input_channels=6), torch.cat([pictures(), pictures(1)], dim=1)
    with torch.no_grad():
        codes = encoder(image)
        assert not torch.equal(codes, encoder(image.flip(1)))
        mean = torch.randn(5, 24)
        encoder.latent_avg.copy_(mean)
        torch.testing.assert_close(encoder(image), codes + mean)


def test_corners() -> None:
    """Coarse codes do not see how the pyramid is enlarged; others do."""
    one, other, image = small(GradualStyleEncoder), small(GradualStyleEncoder, align_corners=False), pictures()
    with torch.no_grad():
        differs = (one(image) - other(image)).abs().amax(dim=(0, 2)) > 1e-6
    assert differs.tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_read_from_the_shapes(kind: type[GradualStyleEncoder]) -> None:
    encoder, image = small(kind, input_channels=6), torch.cat([pictures(), pictures(1)], dim=1)
    weights = Weights({key: value for key, value in encoder.state_dict().items() if key != "latent_avg"})
    assert sizes_of(weights) == {**SIZES, "input_channels": 6}
    mean = torch.randn(24)
    again = load_encoder(kind, weights, mean)
    assert not again.training
    with torch.no_grad():
        torch.testing.assert_close(again(image), encoder(image) + mean)


def test_what_does_not_fit_is_said() -> None:
    weights = Weights(small(Encoder4Editing).state_dict())
    with pytest.raises(UserError, match=r"pictures \(B, 3, 64, 64\), not \(2, 3, 32, 32\)"):
        small(Encoder4Editing)(pictures()[:, :, :32, :32])
    with pytest.raises(UserError, match="power of two, at least 32; not of 96"):
        GradualStyleEncoder(size=96)
    with pytest.raises(UserError, match=r"latent_avg is \(3,\), but the codes are \(5, 24\)"):
        load_encoder(Encoder4Editing, weights, torch.zeros(3))
    with pytest.raises(UserError, match=r"1 missing: styles\.1\.linear\.bias"):
        load_encoder(Encoder4Editing, Weights({k: v for k, v in weights.items() if k != "styles.1.linear.bias"}))
    with pytest.raises(UserError, match="another network's file"):
        load_encoder(Encoder4Editing, Weights({"conv1.weight": torch.zeros(3)}))
    with pytest.raises(UserError, match="stages of four widths"):
        load_encoder(Encoder4Editing, Weights({k: v for k, v in weights.items() if not k.startswith("body.4")}))


def test_training_reaches_every_weight() -> None:
    encoder = small(GradualStyleEncoder).train()
    encoder(pictures()).square().sum().backward()
    still = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [name for name in still if ".fc" not in name]  # these have one hidden number here, which may be off
