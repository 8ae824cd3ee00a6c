"""Codes and features by optimisation, on a toy generator: found, each picture on its own, and nothing grows."""

from functools import partial

import pytest
import torch

from losses.delta_regularisation import DeltaRegularisation
from losses.ms_ssim import MSSSIM
from models.errors import UserError
from models.inversion.descent import LOOK
from models.inversion.inversion import Inversion, reconstruct
from models.inversion.objective import Objective
from models.inversion.optimise_features import OptimiseFeatures
from models.inversion.optimise_w_plus import OptimiseWPlus
from models.stylegan.synthesis import Access
from tests.models.inversion.toys import error, foreign, makeable, toy_generator

EARLY, LATE = LOOK, 8 * LOOK  # steps between which memory must not grow
GENERATOR = toy_generator()
PIXELS = Objective(pixel_weight=1.0)


def mean_picture() -> torch.Tensor:
    return reconstruct(GENERATOR, OptimiseWPlus(GENERATOR, PIXELS, steps=0).invert(makeable(GENERATOR, 1)))


def test_a_picture_that_the_generator_makes_is_found_again() -> None:
    wanted = makeable(GENERATOR)
    told = []
    inverter = OptimiseWPlus(GENERATOR, PIXELS, steps=60, learning_rate=0.08)
    inversion = inverter.invert(wanted, lambda done, steps, losses: told.append((done, steps, losses["pixels"])))
    assert inversion.codes.shape == (2, GENERATOR.codes, 8)
    start, end = error(mean_picture(), wanted), error(reconstruct(GENERATOR, inversion), wanted)
    assert max(after / before for after, before in zip(end, start)) < 0.03
    assert [(done, steps) for done, steps, _ in told] == [(step, 60) for step in (*range(0, 60, LOOK), 60)]
    assert told[0][2] == pytest.approx(sum(start) / 2)


def test_in_w_the_code_itself_is_found() -> None:
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(3), dtype=torch.double)
    with torch.no_grad():
        code = GENERATOR.map(z)
        wanted = GENERATOR(code, "none").image
    inverter = OptimiseWPlus(GENERATOR, PIXELS, space="w", steps=80, learning_rate=0.05, noise="none")
    found = inverter.invert(wanted).codes
    assert (found == found[:, :1]).all()
    mean = GENERATOR.mapping.w_mean
    assert (found - code).norm() < 0.1 * (mean - code).norm()


def test_together_as_one_by_one_with_the_finished_gone() -> None:
    wanted = torch.cat([makeable(GENERATOR, 1), mean_picture(), foreign()])
    objective = Objective(0.5, MSSSIM(), 1.0, offsets=DeltaRegularisation(), offsets_weight=0.01)
    inverter = OptimiseWPlus(GENERATOR, objective, steps=25, learning_rate=0.05, patience=4, tolerance=0.02)
    together = inverter.invert(wanted).codes
    alone = torch.cat([inverter.invert(picture[None]).codes for picture in wanted])
    assert torch.allclose(together, alone, atol=1e-6)  # MS-SSIM is in single precision
    assert torch.equal(together[1], GENERATOR.mapping.w_mean.expand_as(together[1]))


def test_a_start_is_gone_on_from() -> None:
    wanted = makeable(GENERATOR, 1)
    first = partial(OptimiseWPlus, objective=PIXELS, steps=20, learning_rate=0.05)
    more = OptimiseWPlus(GENERATOR, PIXELS, first, steps=20, learning_rate=0.02)
    assert error(reconstruct(GENERATOR, more.invert(wanted)), wanted) < error(
        reconstruct(GENERATOR, first(GENERATOR).invert(wanted)), wanted
    )
    assert more.settings == {
        "method": "optimise_w_plus",
        "objective": PIXELS.settings,
        "start": first(GENERATOR).settings,
        "space": "w+",
        "steps": 20,
        "learning_rate": 0.02,
        "patience": None,
        "tolerance": 0.0,
        "noise": "fixed",
    }
    assert more.settings["start"]["start"] == "mean of W"


def test_a_feature_says_what_codes_cannot() -> None:
    wanted = foreign(2)
    codes = partial(OptimiseWPlus, objective=PIXELS, steps=15, learning_rate=0.05, noise="none")
    both = OptimiseFeatures(GENERATOR, PIXELS, codes, layer="up8", feature_weight=0.001, steps=30, learning_rate=0.05)
    before, after = codes(GENERATOR).invert(wanted), both.invert(wanted)
    pairs = zip(error(reconstruct(GENERATOR, after), wanted), error(reconstruct(GENERATOR, before), wanted))
    assert max(now / then for now, then in pairs) < 0.5
    assert torch.equal(after.codes[:, :2], before.codes[:, :2]) and not torch.equal(after.codes, before.codes)
    assert after.noise == "none"
    state = after.states["up8"]
    assert state.feature.shape == (2, 8, 8, 8)
    kept = GENERATOR(before.codes, "none", Access(keep=["up8"])).states["up8"]
    assert state.image is not None and kept.image is not None
    assert torch.equal(state.image, kept.image)  # colours of the sizes before are not touched


def test_the_feature_stays_near_where_the_weight_says_so() -> None:
    codes = partial(OptimiseWPlus, objective=PIXELS, steps=0)
    start = OptimiseFeatures(GENERATOR, PIXELS, codes, "up8", steps=0).invert(foreign()).states["up8"].feature
    moved = []
    for weight in (0.0, 100.0):
        inverter = OptimiseFeatures(GENERATOR, PIXELS, codes, "up8", feature_weight=weight, steps=10)
        moved.append((inverter.invert(foreign()).states["up8"].feature - start).norm().item())
    assert moved[1] < 0.3 * moved[0]


def test_features_that_are_given_are_where_it_starts() -> None:
    class Given:
        def __init__(self, generator: object) -> None:
            self.settings = {"method": "given"}

        def invert(self, image: torch.Tensor, watch: object) -> Inversion:
            codes = GENERATOR.mapping.w_mean.expand(1, GENERATOR.codes, -1)
            state = GENERATOR(codes, "fixed", Access(keep=["up8"])).states["up8"]
            return Inversion(codes, {"up8": type(state)(state.feature + 1, state.image)})

    found = OptimiseFeatures(GENERATOR, PIXELS, Given, "up8", steps=0).invert(foreign())  # type: ignore[arg-type]
    assert torch.equal(found.states["up8"].feature, Given(None).invert(foreign(), None).states["up8"].feature)


def test_a_generator_that_learns_elsewhere_is_left_alone_and_no_grad_does_not_matter() -> None:
    generator = toy_generator().train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    with torch.no_grad():
        OptimiseWPlus(generator, PIXELS, steps=2).invert(makeable(generator))
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in generator.parameters())
    assert generator.training


def test_memory_does_not_grow_with_the_steps() -> None:
    page, resident = 4096, []

    def look(done: int, steps: int, losses: object) -> None:
        if done in (EARLY, LATE):
            with open("/proc/self/statm") as file:  # noqa: PTH123
                resident.append(int(file.read().split()[1]) * page / 2**20)

    wanted = foreign(4)
    codes = partial(OptimiseWPlus, objective=PIXELS, steps=LATE)
    codes(GENERATOR).invert(wanted, look)
    graph = 4 * sum(8 * side * side for side in (4, 8, 8, 16, 16)) * 8 * 3 / 2**20  # MB a step
    assert resident[1] - resident[0] < 0.2 * (LATE - EARLY) * graph


def test_smaller_pictures_are_met_at_their_size() -> None:
    wanted = torch.nn.functional.avg_pool2d(makeable(GENERATOR), 2)
    inversion = OptimiseWPlus(GENERATOR, PIXELS, steps=25, learning_rate=0.1).invert(wanted)
    picture = reconstruct(GENERATOR, inversion)
    assert picture.shape == (2, 3, 16, 16)
    assert max(error(torch.nn.functional.avg_pool2d(picture, 2), wanted)) < 0.3 * max(
        error(torch.nn.functional.avg_pool2d(mean_picture(), 2), wanted)
    )


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 3, 16, 8), (1, 3, 12, 12), (1, 3, 32, 32)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"S = 16 or a divisor of it, not \("):
        OptimiseWPlus(GENERATOR, PIXELS).invert(torch.zeros(shape))


@pytest.mark.parametrize("layer", ["up64", "conv16"])
def test_layers_that_are_not_there_or_the_last_are_refused(layer: str) -> None:
    with pytest.raises(UserError, match=f"layer={layer}: .* found behind conv4, up8, conv8, up16$"):
        OptimiseFeatures(GENERATOR, PIXELS, partial(OptimiseWPlus, objective=PIXELS), layer)
