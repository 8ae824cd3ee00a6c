import pytest
import torch
from torch import Tensor

from models.errors import UserError
from models.stylegan.stylegan2 import StyledConv, StyleGAN2, ToRGB, doubled
from models.stylegan.synthesis import Access
from tests.models.stylegan import naive


def generator(size: int, channel_max: int = 8, w_dim: int = 6) -> StyleGAN2:
    """Small, random, with noise and biases that are not zero, in float64."""
    torch.manual_seed(size)
    channel_base = max(4, channel_max // 2) * size
    model = StyleGAN2(size, z_dim=5, w_dim=w_dim, mapping_layers=2, channel_base=channel_base, channel_max=channel_max)
    for name, parameter in model.named_parameters():
        if name.endswith(("bias", "noise_strength")):
            torch.nn.init.normal_(parameter, std=0.5)
    return model.double().eval().requires_grad_(False)


def codes(model: StyleGAN2, batch: int = 2) -> Tensor:
    random = torch.Generator().manual_seed(batch)
    return torch.randn(batch, model.codes, model.w_dim, dtype=torch.float64, generator=random)


def naive_picture(model: StyleGAN2, codes: Tensor, noise: bool = True) -> Tensor:
    """Straight from the paper's figure 2."""

    def styled(layer: StyledConv, x: Tensor, code: Tensor) -> Tensor:
        style = naive.linear(code, layer.affine.weight, layer.affine.bias)
        y = naive.modulated(x, layer.weight * layer.scale, style, up=layer.blur is not None)
        if layer.blur is not None:
            y = naive.filtered(y, 1, 1, gain=4)
        if noise:
            y = y + layer.noise_strength * layer.noise
        return naive.leaky(y + layer.bias[:, None, None])

    synthesis = model.synthesis
    x = torch.stack([synthesis.const] * len(codes))
    image = torch.zeros(())
    for place, (name, layer) in enumerate(synthesis.layers.items()):
        assert isinstance(layer, StyledConv)
        x = styled(layer, x, codes[:, place])
        if name.startswith("up"):
            image = naive.filtered(naive.zeros_between(image), 2, 1, gain=4)
        else:
            to_rgb = synthesis.to_rgb[name.removeprefix("conv")]
            assert isinstance(to_rgb, ToRGB)
            style = naive.linear(codes[:, place + 1], to_rgb.affine.weight, to_rgb.affine.bias)
            weight = to_rgb.weight * to_rgb.scale
            image = image + naive.modulated(x, weight, style, demodulate=False) + to_rgb.bias[:, None, None]
    return image


@pytest.mark.parametrize("size", [8, 16, 32, 64])
@pytest.mark.parametrize("batch", [1, 2])
def test_pictures_are_those_of_the_naive_formulation(size: int, batch: int) -> None:
    model = generator(size)
    given = codes(model, batch)
    torch.testing.assert_close(model(given).image, naive_picture(model, given), rtol=1e-9, atol=1e-9)
    expected = naive_picture(model, given, noise=False)
    torch.testing.assert_close(model(given, noise="none").image, expected, rtol=1e-9, atol=1e-9)


def test_wide_channels_come_last_in_memory_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.stylegan.stylegan2.helps", lambda x: False)  # Winograd's way is another
    model = generator(8, channel_max=64).float()
    given = codes(model, 1).float()
    made = model(given, access=Access(keep=["up8"]))
    assert made.states["up8"].feature.is_contiguous(memory_format=torch.channels_last)
    expected = naive_picture(model.double(), given.double())
    torch.testing.assert_close(made.image.double(), expected, rtol=1e-5, atol=1e-5)


def test_each_of_several_pictures_is_the_one_made_alone() -> None:
    model = generator(16)
    given = codes(model, 3)
    alone = torch.cat([model(one[None]).image for one in given])
    torch.testing.assert_close(model(given).image, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_synthesis_that_starts_behind_a_kept_state_ends_the_same(batch: int) -> None:
    model = generator(32)
    given = codes(model, batch)
    whole = model(given, access=Access(keep=model.names))
    for name in model.names:
        state = whole.states[name]
        before = state.feature.clone()
        assert model(given, access=Access(start=(name, state))).image.equal(whole.image)
        assert state.feature.equal(before)


def test_edits_act_before_the_feature_is_used_and_kept() -> None:
    model = generator(32)
    given = codes(model)
    other = torch.randn(2, 8, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    replaced = model(given, access=Access(edits={"up16": lambda feature: other}, keep=["up16", "up32"]))
    assert replaced.states["up16"].feature is other
    state = model(given, access=Access(keep=["up16"])).states["up16"]
    started = model(given, access=Access(start=("up16", type(state)(other, state.image)), keep=["up32"]))
    assert started.image.equal(replaced.image)
    assert started.states["up32"].feature.equal(replaced.states["up32"].feature)


def test_a_layer_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match="no layer up9"):
        generator(8)(codes(generator(8)), access=Access(keep=["up9"]))


@pytest.mark.parametrize("size", [7, 4, 48])
def test_sizes_are_powers_of_two(size: int) -> None:
    with pytest.raises(UserError, match="power of two"):
        StyleGAN2(size)


def test_noise_of_a_generator_repeats() -> None:
    model = generator(16)
    given = codes(model)
    first, second = (model(given, noise=torch.Generator().manual_seed(5)).image for _ in range(2))
    assert first.equal(second)
    assert not first.equal(model(given).image)


@pytest.mark.parametrize("batch, trained", [(1, False), (1, True), (2, False), (2, True)])
def test_gradients_into_codes_and_weights_are_those_of_the_naive_formulation(batch: int, trained: bool) -> None:
    model = generator(16).requires_grad_(trained)
    given = codes(model, batch).requires_grad_()
    wanted = [given, *(parameter for name, parameter in model.synthesis.named_parameters() if trained)]
    got = torch.autograd.grad(model(given).image.square().mean(), wanted)
    expected = torch.autograd.grad(naive_picture(model, given).square().mean(), wanted)
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("batch", [1, 2])
def test_path_lengths_have_gradients(batch: int) -> None:
    model = generator(8, channel_max=2, w_dim=2)
    noise = torch.randn(batch, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight = model.synthesis.layers["up8"].get_parameter("weight").requires_grad_()

    def lengths(given: Tensor, weight: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad((model(given).image * noise).sum(), given, create_graph=True)
        return gradient.square().sum(dim=2).mean(dim=1).sqrt()

    assert torch.autograd.gradcheck(lengths, (codes(model, batch).requires_grad_(), weight))


def test_doubling_is_zeros_between_the_pixels_then_the_binomial_filter() -> None:
    image = torch.randn(2, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = naive.filtered(naive.zeros_between(image), 2, 1, gain=4)
    torch.testing.assert_close(doubled(image), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(doubled, image[:1, :1, :3, :3])


@pytest.mark.parametrize("batch", [1, 2])
def test_bfloat16_autocast_is_within_45_decibels(batch: int) -> None:
    model = generator(32, channel_max=32).float()
    given = codes(model, batch).float()
    expected = model(given).image
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = model(given).image
    error = (got.float() - expected).square().mean()
    peak = expected.amax() - expected.amin()
    assert 10 * (peak.square() / error).log10() > 45
