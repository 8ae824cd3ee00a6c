"""What an inversion is optimised for, by hand."""

import pytest
import torch
from torch import Tensor, nn

from losses.delta_regularisation import DeltaRegularisation
from losses.ms_ssim import MSSSIM
from models.errors import UserError
from models.inversion.objective import Objective


class Brightness(nn.Module):
    """A likeness that a test can compute by hand, and that counts the pictures it looks at."""

    looked = 0

    def describe(self, image: Tensor) -> Tensor:
        self.looked += len(image)
        return image.mean(dim=(1, 2, 3))

    def distance(self, description: Tensor, wanted: Tensor) -> Tensor:
        return (description - wanted).abs()


def test_terms_are_weighted_and_one_for_each_picture() -> None:
    objective = Objective(2.0, Brightness(), 3.0, Brightness(), 5.0, DeltaRegularisation(), 7.0)
    wanted, picture = torch.zeros(2, 3, 4, 4), torch.tensor([0.5, -1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    codes = torch.zeros(2, 3, 2)
    codes[1, 1:] = torch.tensor([3.0, 4.0])
    terms = objective(picture, objective.describe(wanted), codes)
    found = {name: term.tolist() for name, term in terms.items()}
    assert found == {"pixels": [0.5, 2.0], "perceptual": [1.5, 3.0], "identity": [2.5, 5.0], "offsets": [0.0, 70.0]}


def test_the_wanted_picture_is_looked_at_once() -> None:
    look = Brightness()
    objective = Objective(1.0, look, 1.0)
    described = objective.describe(torch.zeros(1, 3, 4, 4))
    for _ in range(3):
        objective(torch.zeros(1, 3, 8, 8), described)
    assert look.looked == 1 + 3


def test_larger_pictures_are_averaged_first() -> None:
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4).expand(1, 3, 8, 8)
    objective = Objective(1.0)
    assert objective(board, objective.describe(torch.zeros(1, 3, 4, 4)))["pixels"].item() == 0


@pytest.mark.parametrize("arguments", [{"perceptual_weight": 1.0}, {"identity": MSSSIM()}, {"offsets_weight": 0.1}])
def test_half_of_a_term_is_refused(arguments: dict[str, object]) -> None:
    name = next(iter(arguments)).removesuffix("_weight")
    with pytest.raises(UserError, match=f"{name}_weight=.*: give both, or leave the term out with {name}=null"):
        Objective(1.0, **arguments)  # type: ignore[arg-type]


def test_settings_tell_every_number() -> None:
    settings = Objective(0.1, MSSSIM(alpha=0.2), 1.5).settings
    assert settings["pixels_weight"] == 0.1 and settings["perceptual"] == "MSSSIM(alpha=0.2)"
    assert settings["identity_weight"] == 0 and "identity" not in settings
