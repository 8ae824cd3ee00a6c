"""StyleGAN3 as a whole: against its plain formulation, and in what makes it StyleGAN3."""

from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from configs.command import CONFIGS
from configs.instantiate import build, check_config
from models.errors import UserError
from models.stylegan.fourier_features import placement
from models.stylegan.stylegan3 import Layer, StyledLayer, StyleGAN3
from models.stylegan.synthesis import Access
from tests.benchmarks.plain_stylegan3 import PlainStyleGAN3

SIZE = 32
KINDS: dict[str, dict[str, Any]] = {"T": {}, "R": {"conv_kernel": 1, "use_radial_filters": True}}


def toy(kind: str = "T", **changed: Any) -> StyleGAN3:
    """Small, with filters that suppress what they should: sharp ones in so few pixels would leave no interior."""
    torch.manual_seed(0)
    sizes = {"channels": [24, 20, 16, 12, 8], "num_layers": 5, "num_critical": 1, "first_cutoff": 2.0}
    model = StyleGAN3(SIZE, z_dim=16, w_dim=16, **{**sizes, "margin": 10, **KINDS[kind], **changed})
    layers = [layer for layer in model.modules() if isinstance(layer, StyledLayer)]
    with torch.no_grad():
        for layer in layers:
            layer.bias.normal_(std=0.2)
            layer.decay = 0.0  # magnitudes are those of the next pass
        model.train()(model.map(torch.randn(16, 16)))
    return model.eval()


@pytest.fixture(scope="module", params=list(KINDS))
def model(request: pytest.FixtureRequest) -> StyleGAN3:
    return toy(request.param)


@pytest.fixture(scope="module")
def codes(model: StyleGAN3) -> Tensor:
    with torch.no_grad():
        return model.map(torch.randn(2, 16, generator=torch.Generator().manual_seed(1))).contiguous()


@pytest.mark.parametrize("batch", [1, 2])
@torch.no_grad()
def test_is_the_plain_formulation(model: StyleGAN3, codes: Tensor, batch: int) -> None:
    transform = placement(0.1, -0.2, 20.0)
    expected = PlainStyleGAN3(model)(codes[:batch], transform)
    torch.testing.assert_close(model(codes[:batch], transform=transform).image, expected, rtol=1e-4, atol=1e-4)


def test_with_and_without_gradients_it_makes_the_same(model: StyleGAN3, codes: Tensor) -> None:
    with torch.inference_mode():
        plain = model(codes).image
    torch.testing.assert_close(model(codes.clone().requires_grad_()).image, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", list(KINDS))
def test_gradients_into_codes_in_double_precision(kind: str) -> None:
    torch.manual_seed(0)
    model = StyleGAN3(16, 4, 4, channels=[2, 2, 2], num_layers=3, num_critical=1, margin=2, **KINDS[kind])
    model.eval().double()
    codes = torch.randn(2, model.codes, 4, dtype=torch.double, requires_grad=True)
    torch.autograd.gradcheck(lambda codes: model(codes).image, codes, fast_mode=True)


def apart(picture: Tensor, expected: Tensor, border: int) -> float:
    """Peak signal-to-noise ratio in dB, borders left out."""
    inner = slice(border, -border)
    error = (picture - expected)[..., inner, inner].square().mean()
    return float(10 * torch.log10(expected[..., inner, inner].std() ** 2 * 16 / error))


@settings(max_examples=8, deadline=None, derandomize=True)
@given(right=st.integers(-4, 4), down=st.integers(-4, 4))
def test_shifted_input_makes_shifted_picture(right: int, down: int) -> None:
    """By whole pixels of the picture, which are fractions of pixels in all layers before."""
    with torch.no_grad():
        moved = SHIFTED(CODES, transform=placement(right / SIZE, down / SIZE)).image
    assert apart(moved, STILL.roll((down, right), dims=(2, 3)), border=5) > 35


SHIFTED = toy("T")
CODES = torch.randn(2, 16, generator=torch.Generator().manual_seed(2))
with torch.no_grad():
    STILL = SHIFTED(CODES).image


@torch.no_grad()
def test_turned_input_makes_turned_picture_in_r_only(model: StyleGAN3, codes: Tensor) -> None:
    still = model(codes).image
    turned = model(codes, transform=placement(degrees=90.0)).image
    equal = apart(turned, still.rot90(dims=(2, 3)), border=5)
    assert equal > 30 if model.arguments.get("use_radial_filters") else equal < 20


@torch.no_grad()
def test_a_turn_by_any_angle_in_r() -> None:
    model = toy("R")
    angle = 25.0
    still = model(CODES).image
    turned = model(CODES, transform=placement(degrees=angle)).image
    grid = F.affine_grid(placement(degrees=angle)[None, :2].expand(2, -1, -1), list(still.shape), align_corners=False)
    expected = F.grid_sample(still, grid, mode="bicubic", align_corners=False)
    assert apart(turned, expected, border=7) > 25


@torch.no_grad()
def test_transforms_of_a_batch(model: StyleGAN3, codes: Tensor) -> None:
    right = torch.tensor([0.0, 0.1])
    both = model(codes, transform=placement(right)).image
    for number in range(2):
        one = model(codes[number : number + 1], transform=placement(float(right[number]))).image
        torch.testing.assert_close(both[number : number + 1], one, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_goes_on_from_a_state_and_takes_edits(model: StyleGAN3, codes: Tensor) -> None:
    made = model(codes, access=Access(keep=["L0", "L3"]))
    assert made.states["L3"].image is None
    for name, state in made.states.items():
        assert torch.equal(model(codes, access=Access(start=(name, state))).image, made.image)
    half = {"L3": lambda feature: feature / 2}
    edited = model(codes, access=Access(edits=half, keep=["L3"]))
    assert torch.equal(edited.states["L3"].feature, made.states["L3"].feature / 2)
    assert not torch.allclose(edited.image, made.image)
    with pytest.raises(UserError, match="there is no layer L5"):
        model(codes, access=Access(keep=["L5"]))


def test_every_parameter_learns(model: StyleGAN3) -> None:
    transform = placement(0.1).requires_grad_()
    model(model.map(torch.randn(2, 16)), transform=transform).image.square().mean().backward()
    assert transform.grad is not None
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []
    model.zero_grad(set_to_none=True)


def test_magnitudes_follow_the_features_in_training_only() -> None:
    model = toy(magnitude_ema_beta=0.75)
    layer = model.synthesis.layers["L1"]
    assert isinstance(layer, Layer)
    layer.decay = 0.75
    x, code = torch.full((2, 24, 36, 36), 3.0), torch.randn(2, 16)
    layer.magnitude.fill_(1.0)
    with torch.no_grad():
        layer(x, code)
        assert layer.magnitude == 1
        layer.train()(x, code)
    assert layer.magnitude == pytest.approx(0.75 + 0.25 * 9)


@torch.no_grad()
def test_what_is_clamped() -> None:
    model = toy(conv_clamp=0.01)
    assert model(CODES).image.abs().max() <= 0.01 * 0.25 + 1e-8


@torch.no_grad()
def test_works_in_bfloat16() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        image = SHIFTED(CODES[:1]).image
    assert apart(image.float(), STILL[:1], border=1) > 25


@torch.no_grad()
def test_truncation_stops_at_the_cutoff(model: StyleGAN3) -> None:
    z = torch.randn(2, 16)
    codes = model.map(z, psi=0.5, cutoff=3)
    torch.testing.assert_close(codes[:, 3:], model.map(z)[:, 3:])
    mean = model.mapping.find_mean()
    torch.testing.assert_close(codes[:, :3] - mean, (model.map(z)[:, :3] - mean) / 2)


def test_placement_moves_right_and_down_and_turns_counter_clockwise() -> None:
    """A point of the picture without it, through the inverse."""
    torch.testing.assert_close(
        placement(0.1, 0.2).inverse() @ torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.1, 0.2, 1])
    )
    turned = placement(0.1, degrees=90.0).inverse() @ torch.tensor([0.5, 0.0, 1.0])  # y is down: up is -0.5
    torch.testing.assert_close(turned, torch.tensor([0.1, -0.5, 1.0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 48}, "power of two, at least 16; not of 48"),
        ({"num_critical": 14}, "leaves none before them"),
        ({"channels": [8, 8]}, "14 numbers above 0"),
        ({"size": 64, "channel_base": 16}, "14 numbers above 0"),
    ],
)
def test_sizes_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        StyleGAN3(**arguments)


@pytest.mark.parametrize(("preset", "size"), [("paper", 1024), ("cpu", 64)])
def test_presets_compose(preset: str, size: int) -> None:
    words = ["experiment=stylegan/stylegan3", f"preset={preset}", "data.shards=x", "output=y"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", words)
    check_config(config)
    with torch.device("meta"):
        assert build(config.model).bands[-1].size == size
