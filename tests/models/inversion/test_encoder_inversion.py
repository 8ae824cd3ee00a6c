"""Codes from an encoder: one pass, or ReStyle's passes one by one, by hand."""

import pytest
import torch

from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.encoder_inversion import EncoderInversion, resized
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.inversion import reconstruct
from models.stylegan.stylegan2 import StyleGAN2
from tests.models.inversion.small_encoder import pictures, small

SIZES = {"codes": 8, "style_dim": 8, "units": [1, 1, 1, 1]}


def generator() -> StyleGAN2:
    torch.manual_seed(0)
    return StyleGAN2(size=32, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8).eval()


def test_one_pass_of_e4e_is_its_codes() -> None:
    made, encoder = generator(), small(Encoder4Editing, **SIZES)
    image = resized(pictures(), 32)
    inversion = EncoderInversion(made, encoder).invert(image)
    enlarged = torch.nn.functional.interpolate(image, 64, mode="bilinear", align_corners=False)
    torch.testing.assert_close(inversion.codes, encoder(enlarged))
    assert reconstruct(made, inversion).shape == (2, 3, 32, 32)


def test_restyle_adds_what_the_encoder_says_of_both_pictures() -> None:
    made, encoder = generator(), small(GradualStyleEncoder, input_channels=6, **SIZES)
    encoder.latent_avg.normal_()
    image = resized(pictures(), 32)
    told = []
    inverter = EncoderInversion(made, encoder, refinements=2)
    inversion = inverter.invert(image, lambda done, steps, losses: told.append((done, steps, losses["pixels"])))
    large, mean = resized(image, 64), encoder.latent_avg
    with torch.no_grad():
        zeroth = resized(made(mean[None].expand(2, -1, -1)).image, 64)
        once = encoder(torch.cat([large, zeroth], dim=1))  # the mean is in it already
        first = resized(made(once).image, 64)
        expected = once + encoder(torch.cat([large, first], dim=1)) - mean
    assert torch.allclose(inversion.codes, expected, atol=1e-5)
    assert [done for done, *_ in told] == [0, 1] and told[1][1] == 2
    assert told[1][2] == pytest.approx((first - large).square().mean().item(), rel=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match=r"gives codes \(5, 24\), and the generator takes \(8, 8\)"):
        EncoderInversion(generator(), small(Encoder4Editing))
    with pytest.raises(UserError, match=r"refinements=0: an encoder of 6 channels .* needs at least 1"):
        EncoderInversion(generator(), small(GradualStyleEncoder, input_channels=6, **SIZES))
    with pytest.raises(UserError, match="refinements=3: an encoder of 3 channels takes 0, one pass"):
        EncoderInversion(generator(), small(GradualStyleEncoder, **SIZES), refinements=3)
