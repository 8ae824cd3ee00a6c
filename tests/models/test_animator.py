"""Motion as an editable object, and what is transferred."""

import pytest
import torch

from models.animator import Motion, Transfer
from models.errors import UserError


def motion(frames: int, seed: int = 0) -> Motion:
    generator = torch.Generator().manual_seed(seed)
    return Motion(
        {
            "rotation": torch.randn(frames, 3, generator=generator),
            "expression": torch.randn(frames, 5, 3, generator=generator),
        }
    )


def equal(left: Motion, right: Motion) -> bool:
    return all(torch.allclose(part, right.parts[name], atol=1e-6) for name, part in left.parts.items())


def test_joined_pieces_are_the_whole() -> None:
    whole = motion(7)
    assert equal(Motion.joined([whole[:3], whole[3:]]), whole)
    assert len(whole[[0, 0, 2]]) == 3


def test_parts_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Motion({"rotation": torch.zeros(2, 3), "expression": torch.zeros(3, 3)})


def test_scaling_and_mixing_touch_only_the_named_parts() -> None:
    first, second = motion(4, 1), motion(4, 2)
    still = first.scaled({"rotation": 0.0})
    assert still.parts["rotation"].count_nonzero() == 0
    assert torch.equal(still.parts["expression"], first.parts["expression"])
    mixed = first.mixed(second, ["expression"])
    assert torch.equal(mixed.parts["expression"], second.parts["expression"])
    assert torch.equal(mixed.parts["rotation"], first.parts["rotation"])
    with pytest.raises(UserError, match=r"has no part nod; it has rotation, expression"):
        first.scaled({"nod": 1.0})


def test_absolute_motion_is_the_drivings() -> None:
    driving = motion(4)
    assert equal(Transfer(relative=False)(driving, motion(1, 9)), driving)


def test_relative_motion_starts_at_the_source() -> None:
    driving, source = motion(4), motion(1, 9)
    result = Transfer(relative=True)(driving, source)
    assert equal(result[:1], source)
    change = driving.parts["rotation"][3] - driving.parts["rotation"][0]
    assert torch.allclose(result.parts["rotation"][3] - source.parts["rotation"][0], change, atol=1e-6)


def test_relative_equals_absolute_when_both_start_alike() -> None:
    driving = motion(4)
    assert equal(Transfer(relative=True)(driving, driving[:1]), driving)


def test_relative_scale_is_of_the_change() -> None:
    driving, source = motion(4), motion(1, 9)
    result = Transfer(relative=True, scale={"rotation": 0.0})(driving, source)
    assert torch.allclose(result.parts["rotation"], source.parts["rotation"].expand(4, 3))
