"""ADA: pictures stay what they are at p = 0, change as they should, and p follows the discriminator."""

import math

import pytest
import torch
from kornia.color import rgb_to_hls
from kornia.enhance import adjust_contrast
from torch import Tensor
from torch.nn import functional as F

from models.stylegan.adaptive_augment import (
    AdaptiveAugment,
    Draws,
    colours,
    contrast,
    doubled,
    geometry,
    halved,
    hue,
    luma_flip,
    mirroring,
    recoloured,
    resampled,
    saturation,
    scaling,
    shifting,
    turning,
)


def smooth(count: int = 2, side: int = 32) -> Tensor:
    coarse = torch.rand(count, 3, 5, 5, generator=source()) * 2 - 1
    return F.interpolate(coarse, size=side, mode="bicubic")


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def full(value: float, count: int = 2) -> Tensor:
    return torch.full((count,), float(value))


def augment_of(p: float) -> AdaptiveAugment:
    augment = AdaptiveAugment()
    augment.p.fill_(p)
    return augment


def test_at_the_start_every_picture_is_itself() -> None:
    image = torch.rand(3, 3, 32, 32) * 2 - 1
    assert torch.equal(AdaptiveAugment()(image, source()), image)


def test_some_pictures_change_and_some_do_not() -> None:
    image = smooth(200, 8)
    same = (augment_of(0.1)(image, source()) == image).flatten(1).all(dim=1)
    assert 0.2 < same.float().mean() < 0.5  # 0.9 ^ 10, and half of the flips and a quarter of the turns do nothing


def test_the_same_source_gives_the_same_pictures() -> None:
    augment, image = augment_of(0.7), smooth()
    assert torch.equal(augment(image, source(1)), augment(image, source(1)))
    assert not torch.equal(augment(image, source(1)), augment(image, source(2)))


def test_p_rises_when_real_pictures_are_known_too_well_and_falls_when_not() -> None:
    augment = AdaptiveAugment(target=0.6, length=1000, every=4)
    for number in range(8):
        augment.learn(torch.tensor(0.9), 16)
        assert augment.p.item() == pytest.approx([0, 0.064, 0.128][(number + 1) // 4])
    for _ in range(4):
        augment.learn(torch.tensor(0.1), 16)
    assert augment.p.item() == pytest.approx(0.064)
    for _ in range(8):
        augment.learn(torch.tensor(-1.0), 160)
    assert augment.p.item() == 0
    for _ in range(40):
        augment.learn(torch.tensor(1.0), 160)
    assert augment.p.item() == 1


def test_signs_count_by_their_pictures() -> None:
    augment = AdaptiveAugment(target=0.6, length=1000, every=2)
    augment.learn(torch.tensor(1.0), 10)
    augment.learn(torch.tensor(0.5), 50)  # the mean of all is 0.583, that of the two 0.75
    augment.learn(torch.tensor(1.0), 10)
    assert augment.p.item() == 0
    augment.learn(torch.tensor(0.5), 30)  # 0.625
    assert augment.p.item() == pytest.approx(0.04)


def test_a_resumed_one_goes_on_as_if_it_had_not_been_stopped() -> None:
    first, second = AdaptiveAugment(length=100), AdaptiveAugment(length=100)
    for _ in range(6):
        first.learn(torch.tensor(0.8), 4)
    second.load_state_dict(first.state_dict())
    for augment in (first, second):
        for _ in range(3):
            augment.learn(torch.tensor(0.7), 4)
    assert first.p.item() == pytest.approx(0.32)
    assert torch.equal(first.p, second.p)


def test_shifts_by_pixels_are_exact_and_flips_and_turns_nearly() -> None:
    image = torch.rand(2, 3, 32, 32)
    inner = (..., slice(10, -10), slice(10, -10))
    moved = resampled(image, shifting(full(3 / 32), full(-2 / 32)))
    assert torch.allclose(moved[inner], image.roll((2, -3), (2, 3))[inner], atol=1e-5)
    turned = resampled(smooth(), turning(full(math.pi / 2)))
    for given, expected in (
        (resampled(smooth(), mirroring(full(1))), smooth().flip(3)),
        (turned, smooth().rot90(1, (2, 3))),
    ):
        assert (given - expected).abs().mean() < 0.02


@pytest.mark.parametrize(
    "matrix",
    [scaling(full(0.4), full(0.4)), scaling(full(0.3), full(-0.3)), turning(full(0.7)), shifting(full(0.07), full(0))],
    ids=["zoom", "stretch", "turn", "shift"],
)
def test_what_is_undone_is_what_was(matrix: Tensor) -> None:
    image = smooth(side=64)
    back = resampled(resampled(image, matrix), torch.linalg.inv(matrix))
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    inner = x.square() + y.square() < 0.4
    assert (back - image)[..., inner].abs().mean() < 0.01


def test_a_smooth_picture_moves_as_its_formula_says() -> None:
    """Against the function that the picture is made of."""

    def painted(x: Tensor, y: Tensor) -> Tensor:
        return torch.sin(2 * x + 1) * torch.cos(3 * y - 0.5)

    axis = (torch.arange(48) + 0.5) / 24 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    matrix = (turning(full(0.3, 1)) @ scaling(full(-0.5, 1), full(-0.2, 1)) @ shifting(full(0.03, 1), full(0.01, 1)))[0]
    expected = painted(*(row[0] * x + row[1] * y + row[2] for row in matrix[:2]))
    moved = resampled(painted(x, y).expand(1, 3, 48, 48), matrix[None])
    assert torch.allclose(moved[0, :, 4:-4, 4:-4], expected[4:-4, 4:-4].expand(3, -1, -1), atol=0.01)


def test_halving_undoes_doubling() -> None:
    image = torch.rand(1, 3, 24, 20)
    back = halved(doubled(image))
    assert torch.allclose(back[..., 6:-6, 6:-6], image[..., 6:-6, 6:-6], atol=1e-5)
    assert torch.allclose(doubled(torch.ones(1, 3, 24, 24))[..., 12:-12, 12:-12], torch.ones(24, 24), atol=1e-5)


def test_contrast_and_brightness() -> None:
    image = torch.rand(2, 3, 8, 8)
    assert torch.allclose(
        recoloured(image, contrast(full(0.5)), full(0.1)), adjust_contrast(image + 0.1, 2**0.5, clip_output=False)
    )


def test_a_third_of_a_turn_makes_red_green() -> None:
    image = torch.rand(2, 3, 8, 8)
    assert torch.allclose(recoloured(image, hue(full(2 * math.pi / 3)), full(0)), image[:, [2, 0, 1]], atol=1e-6)


def test_a_luma_flip_turns_light_and_keeps_colour() -> None:
    image = torch.rand(2, 3, 8, 8)
    flipped, grey = recoloured(image, luma_flip(full(1)), full(0)), image.mean(dim=1, keepdim=True)
    assert torch.allclose(flipped, image - 2 * grey, atol=1e-6)


def test_saturation_keeps_light_and_hue() -> None:
    image = torch.rand(2, 3, 8, 8)
    paler = recoloured(image, saturation(full(-1)), full(0))
    assert torch.allclose(paler, (image + image.mean(dim=1, keepdim=True)) / 2, atol=1e-6)
    assert torch.allclose(rgb_to_hls(paler)[:, 0], rgb_to_hls(image)[:, 0], atol=1e-3)


def test_what_is_drawn_has_the_spread_of_the_paper() -> None:
    """At p = 0.5, over many pictures."""
    draws = Draws(torch.tensor(0.5), 20_000, source())
    assert draws.normal(0.2).std().item() == pytest.approx(0.2 * math.sqrt(0.5), rel=0.03)
    assert draws.uniform(math.pi).std().item() == pytest.approx(math.pi / math.sqrt(3) * math.sqrt(0.5), rel=0.03)
    assert draws.whole(4).mean().item() == pytest.approx(0.75, rel=0.05)
    matrix, offset = colours(draws)
    assert torch.allclose(matrix.sum(dim=2), matrix.sum(dim=2)[:, :1].expand(-1, 3), atol=1e-4)  # grey stays grey
    assert (offset == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    area = torch.linalg.det(geometry(draws, 64)[:, :2, :2].double()).abs().log2()
    assert area.std().item() == pytest.approx(2 * 0.2 * math.sqrt(0.5), rel=0.03)  # stretching keeps the area
    assert area.mean().item() == pytest.approx(0, abs=0.01)


def test_a_picture_that_is_shifted_is_shifted_both_ways() -> None:
    """Appendix B draws once whether x and y are shifted, not once for each."""
    draws = Draws(torch.tensor(0.3), 5000, source())
    for x, y in (draws.normal(1.0, 2), draws.uniform(1.0, 2)):
        assert torch.equal(x != 0, y != 0) and not torch.equal(x, y)
        assert (x != 0).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_gradients_flow_twice() -> None:
    """R1 differentiates the gradient with respect to the picture; what comes out is affine in it."""
    augment, image = augment_of(1.0), smooth(side=16).requires_grad_()
    weight = torch.rand(2, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad((augment(image, source()) * weight).sum(), image, create_graph=True)
    gradient.square().sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None and weight.grad.abs().sum() > 0
    step = torch.rand(2, 3, 16, 16)
    moved = ((augment(image + step, source()) - augment(image, source())) * weight).sum()
    assert moved.item() == pytest.approx((gradient * step).sum().item(), rel=1e-3)


def test_half_precision_around_it_changes_nothing() -> None:
    augment, image = augment_of(1.0), smooth()
    with torch.autocast("cpu", torch.bfloat16):
        around = augment(image, source())
    assert torch.equal(around, augment(image, source()))
