"""The discriminator's scales, sizes and errors."""

import pytest
import torch

from models.errors import UserError
from models.sadtalker.discriminator import Discriminator


def test_two_scales_with_features_and_gradients() -> None:
    network = Discriminator([1, 2], block_expansion=4, max_features=8, num_blocks=2)
    image = torch.rand(2, 3, 32, 32, requires_grad=True)
    judgements = network(image)
    assert [[tuple(f.shape) for f in j.features] for j in judgements] == [
        [(2, 8, 14, 14), (2, 8, 11, 11)],
        [(2, 8, 6, 6), (2, 8, 3, 3)],
    ]
    assert [tuple(j.score.shape) for j in judgements] == [(2, 1, 11, 11), (2, 1, 3, 3)]
    sum(j.score.mean() for j in judgements).backward()
    assert image.grad is not None
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_names_of_the_scales_and_nothing_of_the_pyramid_are_in_the_state() -> None:
    keys = Discriminator([1, 2], num_blocks=1).state_dict()
    assert {key.split(".")[0] for key in keys} == {"discs"}
    assert {key.split(".")[1] for key in keys} == {"1", "0-5"}


@pytest.mark.parametrize(("downscales", "blocks"), [([1], 1), ([1], 3), ([1, 2], 2), ([1], 4)])
def test_smallest_side_is_the_smallest_that_works(downscales: list[int], blocks: int) -> None:
    network = Discriminator(downscales, block_expansion=2, max_features=4, num_blocks=blocks)
    side = network.smallest_side
    assert network(torch.rand(1, 3, side, side))[-1].score.shape == (1, 1, 2, 2)
    with pytest.raises(UserError, match=f"at least {side} pixels"):
        network(torch.rand(1, 3, side, side - 1))
