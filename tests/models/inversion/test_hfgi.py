"""HFGI at a small size: its steps one by one, and what its inversion gives back."""

import pytest
import torch
from torch.nn import functional as F

from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.hfgi import HFGI, HFGIInversion
from models.inversion.hfgi_aligner import ResidualAligner
from models.inversion.hfgi_residual import Condition, ResidualEncoder
from models.inversion.inversion import reconstruct
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.synthesis import Access
from tests.models.inversion.small_encoder import pictures, small, stirred

LAYER = "up32"


def generator() -> StyleGAN2:
    torch.manual_seed(0)
    made = StyleGAN2(64, z_dim=24, w_dim=24, mapping_layers=1, channel_base=256, channel_max=16)
    for name, parameter in made.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.ones_(parameter)  # noise would be seen
    return made.eval()


def hfgi(codes: int = 10) -> HFGI:
    torch.manual_seed(0)
    aligner, residual = stirred(ResidualAligner()), stirred(ResidualEncoder(channels=8, side=32))
    return HFGI(small(Encoder4Editing, codes=codes), aligner, residual, LAYER).eval()


def test_steps() -> None:
    """The second picture is the generator's, whose feature is changed on the way; there is no noise in either."""
    network, picture, made_by = hfgi(), pictures(), generator()
    with torch.no_grad():
        lost = network(made_by, picture)
        codes = network.encoder(picture)
        first = made_by(codes, "none").image.clamp(-1, 1)
        torch.testing.assert_close(lost.codes, codes)
        torch.testing.assert_close(lost.first, first)
        torch.testing.assert_close(lost.residual, picture - first)
        torch.testing.assert_close(lost.aligned, network.aligner(picture - first, first))
        scale, shift = network.residual_encoder(lost.aligned)
        assert scale.shape == shift.shape == (2, 8, 32, 32)
        edited = made_by(codes, "none", Access(edits={LAYER: lambda f: f * (1 + scale) + shift}, keep=[LAYER]))
        torch.testing.assert_close(lost.state.feature, edited.states[LAYER].feature)
        inversion = HFGIInversion(made_by, network).invert(picture)
        torch.testing.assert_close(reconstruct(made_by, inversion), edited.image)


def test_a_condition_of_zero_changes_nothing() -> None:
    network, made_by = hfgi(), generator()
    for head in (network.residual_encoder.condition_scale3, network.residual_encoder.condition_shift3):
        for parameter in head.parameters():
            torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        inversion = HFGIInversion(made_by, network).invert(pictures())
        torch.testing.assert_close(reconstruct(made_by, inversion), made_by(inversion.codes, "none").image)


def test_condition_modulates_every_pixel() -> None:
    scale, shift, feature = torch.randn(3, 2, 4, 5, 5).unbind()
    expected = torch.empty_like(feature)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in feature.shape)).tolist():
        expected[tuple(place)] = feature[tuple(place)] * (scale[tuple(place)] + 1) + shift[tuple(place)]
    torch.testing.assert_close(Condition(scale, shift)(feature), expected)


def test_the_aligner_joins_each_size_with_what_has_it() -> None:
    """The decoder's inputs, from the largest to the smallest, hold the encoder's feature of the same size behind."""
    aligner, seen, given = stirred(ResidualAligner()), {}, {}
    for number in (1, 2, 3):
        aligner.get_submodule(f"dconv_layer{number}").register_forward_pre_hook(
            lambda _, inputs, number=number: seen.update({number: inputs[0]})
        )
        aligner.get_submodule(f"conv_layer{number}").register_forward_hook(
            lambda _, __, output, number=number: given.update({number: output})
        )
    aligner.get_submodule("conv_layer4").register_forward_hook(lambda _, __, output: given.update({4: output}))
    with torch.no_grad():
        assert aligner(pictures(), pictures(1)).shape == (2, 3, 64, 64)
    for number in (1, 2, 3):
        skip = given[4 - number]
        assert torch.equal(seen[number][:, -skip.shape[1] :], skip)
    enlarged = F.interpolate(given[4], scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.equal(seen[1][:, :64], enlarged)


def test_an_encoder_of_another_generator_is_refused() -> None:
    with pytest.raises(UserError, match=r"codes \(5, 24\), and the generator takes \(10, 24\)"):
        HFGIInversion(generator(), hfgi(codes=5))
