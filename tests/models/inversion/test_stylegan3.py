"""The same methods on StyleGAN3: another number of codes, layers of other names, no colours on the way, no noise."""

from functools import partial

import pytest
import torch

from losses.delta_regularisation import DeltaRegularisation
from models.errors import UserError
from models.inversion.inversion import Inverter, reconstruct
from models.inversion.objective import Objective
from models.inversion.optimise_features import OptimiseFeatures
from models.inversion.optimise_w_plus import OptimiseWPlus
from models.inversion.pti import PivotalTuning
from models.stylegan.stylegan3 import StyleGAN3
from tests.models.inversion.toys import error, foreign

PIXELS = Objective(pixel_weight=1.0)
CODES = partial(OptimiseWPlus, objective=PIXELS, steps=3, learning_rate=0.1)


def toy() -> StyleGAN3:
    torch.manual_seed(0)
    generator = StyleGAN3(16, 8, 8, channel_base=64, channel_max=4, num_layers=4, last_stopband_rel=2**0.5)
    return generator.eval()


@pytest.mark.parametrize(
    "method",
    [
        partial(OptimiseWPlus, objective=PIXELS, start=CODES, steps=3, learning_rate=0.1),
        partial(OptimiseFeatures, objective=PIXELS, start=CODES, layer="L1", steps=3, learning_rate=0.1),
        partial(PivotalTuning, objective=PIXELS, start=CODES, steps=3, learning_rate=0.01),
    ],
)
def test_every_method_goes_on_from_codes(method: partial[Inverter]) -> None:
    generator, wanted = toy(), foreign().float()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    codes, more = CODES(generator).invert(wanted), method(generator).invert(wanted)
    assert codes.codes.shape == more.codes.shape == (1, 6, 8)
    assert error(reconstruct(generator, more), wanted) < error(reconstruct(generator, codes), wanted)
    assert all(
        torch.equal(value, before[name]) for name, value in generator.state_dict().items() if "w_mean" not in name
    )


def test_layers_have_other_names() -> None:
    with pytest.raises(UserError, match=r"layer=up64: .* found behind L0, L1, L2$"):
        OptimiseFeatures(toy(), PIXELS, CODES)


def test_codes_that_a_feature_replaces_stay_as_they_are() -> None:
    generator, wanted = toy(), foreign().float()
    objective = Objective(1.0, offsets=DeltaRegularisation(), offsets_weight=0.1)
    before, after = (method.invert(wanted).codes for method in (CODES(generator), features(generator, objective)))
    kept = generator.codes_up_to("L1")
    assert kept == 3  # those of the Fourier features, of L0 and of L1
    assert torch.equal(after[:, :kept], before[:, :kept]) and (after[:, kept:] != before[:, kept:]).all()


def features(generator: StyleGAN3, objective: Objective) -> OptimiseFeatures:
    return OptimiseFeatures(generator, objective, CODES, "L1", steps=3, learning_rate=0.1)
