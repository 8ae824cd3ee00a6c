"""Pivotal tuning, on a toy generator: it makes what the generator cannot, and the generator is none the wiser."""

from functools import partial

import pytest
import torch
from torch import nn

from losses.ms_ssim import MSSSIM
from models.errors import UserError
from models.inversion.delta import difference, megabytes, tuned_weights
from models.inversion.inversion import Inversion, reconstruct
from models.inversion.objective import Objective
from models.inversion.optimise_features import OptimiseFeatures
from models.inversion.optimise_w_plus import OptimiseWPlus
from models.inversion.pti import PivotalTuning
from models.stylegan.stylegan2 import StyleGAN2
from tests.models.inversion.toys import error, foreign, makeable, toy_generator

GENERATOR = toy_generator()
PIXELS = Objective(pixel_weight=1.0)
PIVOT = partial(OptimiseWPlus, objective=PIXELS, steps=10, learning_rate=0.05)


def tuned(**settings: float) -> Inversion:
    return PivotalTuning(GENERATOR, PIXELS, PIVOT, learning_rate=0.01, **settings).invert(foreign())  # type: ignore[arg-type]


def test_better_than_its_pivot_and_bit_by_bit_the_same_generator() -> None:
    before = {name: value.clone() for name, value in GENERATOR.state_dict().items()}
    pivot, inversion = PIVOT(GENERATOR).invert(foreign()), tuned(steps=25)
    assert torch.equal(inversion.codes, pivot.codes)
    end, start = error(reconstruct(GENERATOR, inversion), foreign()), error(reconstruct(GENERATOR, pivot), foreign())
    assert end[0] < 0.5 * start[0]
    assert all(torch.equal(value, before[name]) for name, value in GENERATOR.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in GENERATOR.parameters())
    assert reconstruct(GENERATOR, pivot).sub(foreign()).square().mean().item() == pytest.approx(start[0])


def test_what_a_start_finds_beside_codes_is_not_lost() -> None:
    pti = partial(PivotalTuning, objective=PIXELS, start=PIVOT)
    features = partial(OptimiseFeatures, objective=PIXELS, start=PIVOT, layer="up8")
    for way, start in ((pti, features), (pti, pti), (features, pti)):
        with pytest.raises(UserError, match="would lose what"):
            way(GENERATOR, start=start)


def test_the_delta_is_what_changed_in_half_precision() -> None:
    delta = tuned(steps=3).delta
    assert delta is not None
    weights = dict(GENERATOR.named_parameters())
    assert all(name.startswith("synthesis.") and weights[name].shape == value.shape for name, value in delta.items())
    assert all(value.dtype == torch.half and value.any() for value in delta.values())
    assert not {"synthesis.to_rgb.32.bias"} & delta.keys()
    assert megabytes(delta) == sum(value.numel() for value in delta.values()) * 2 / 2**20
    assert max(value.abs().max().item() for value in delta.values()) <= 3 * 0.0101  # Adam's steps are at most its rate


def test_a_delta_of_low_rank_is_small_and_nearly_as_good() -> None:
    start, whole = (error(reconstruct(GENERATOR, tuned(steps=steps)), foreign())[0] for steps in (0, 15))
    inversion = tuned(steps=15, rank=6)
    assert inversion.delta is not None and "synthesis.layers.conv8.weight/left" in inversion.delta
    assert inversion.delta["synthesis.layers.conv8.weight/right"].shape == (6, 8 * 9)
    assert error(reconstruct(GENERATOR, inversion), foreign())[0] < whole + 0.2 * (start - whole)
    full = {name: value.detach() + torch.rand_like(value) for name, value in GENERATOR.synthesis.named_parameters()}
    for rank in (1, 3):  # the best there is of that rank, by the values that are left out (Eckart and Young)
        delta = difference(GENERATOR.synthesis, full, rank)
        kept, name = tuned_weights(GENERATOR.synthesis, delta), "layers.conv16.weight"
        own = GENERATOR.synthesis.get_parameter(name)
        rest = torch.linalg.svdvals((full[name] - own).flatten(1))[rank:].norm().item()
        assert (full[name] - kept[name]).norm().item() == pytest.approx(rest, rel=1e-3)


def test_it_stops_when_it_is_good_enough() -> None:
    steps: list[float] = []
    objective = Objective(0.0, MSSSIM(), 2.0)
    inverter = PivotalTuning(GENERATOR, objective, PIVOT, steps=40, learning_rate=0.01, enough=0.25)
    inverter.invert(foreign(), lambda done, most, losses: steps.append(losses.get("perceptual", torch.inf)))
    assert steps[-1] <= 2 * 0.25 < min(steps[11:-1])
    assert 12 < len(steps) < 11 + 41


def test_locality_keeps_the_neighbours() -> None:
    def harm(weight: float) -> float:
        inversion = tuned(steps=12, locality_weight=weight, locality_radius=1.0)
        with torch.no_grad():
            z = torch.randn(8, 8, generator=torch.Generator().manual_seed(5), dtype=torch.double)
            away = GENERATOR.map(z) - inversion.codes
            near = inversion.codes + away / away.norm(dim=2, keepdim=True)
            there = reconstruct(GENERATOR, Inversion(near, delta=inversion.delta))
            return sum(error(there, GENERATOR(near).image))

    assert harm(5.0) < 0.6 * harm(0.0)


def test_deltas_of_other_generators_are_refused() -> None:
    other = StyleGAN2(size=8, z_dim=8, w_dim=8, mapping_layers=2, channel_base=128, channel_max=8)
    inversion = Inversion(torch.zeros(1, 4, 8), delta=tuned(steps=1).delta)
    with pytest.raises(UserError, match=r"tuned on another generator: synthesis\..* do not fit"):
        reconstruct(other, inversion)


def test_gradients_reach_codes_through_a_delta() -> None:
    inversion = tuned(steps=1)
    codes = inversion.codes.clone().requires_grad_()
    reconstruct(GENERATOR, Inversion(codes, delta=inversion.delta)).sum().backward()  # type: ignore[no-untyped-call]
    assert codes.grad is not None and codes.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in nn.Module.parameters(GENERATOR))


def test_pictures_of_one_call_share_their_delta() -> None:
    wanted = torch.cat([foreign(), makeable(GENERATOR, 1)])
    inversion = PivotalTuning(GENERATOR, PIXELS, PIVOT, steps=10, learning_rate=0.01).invert(wanted)
    pivots = PIVOT(GENERATOR).invert(wanted)
    assert sum(error(reconstruct(GENERATOR, inversion), wanted)) < 0.8 * sum(
        error(reconstruct(GENERATOR, pivots), wanted)
    )
