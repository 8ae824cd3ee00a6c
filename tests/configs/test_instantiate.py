from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Required, TypedDict, Unpack

import pytest
import torch
from omegaconf import OmegaConf

from configs.instantiate import build, check_config, fits
from models.errors import UserError


class Brush:
    def __init__(self, width: float, colours: list[str], mode: Literal["oil", "ink"] = "oil", count: int = 1) -> None:
        self.width, self.colours, self.mode, self.count = width, colours, mode, count


class Stroke(TypedDict, total=False):
    length: Required[float]
    bend: float | None


class Painter(Brush):
    def __init__(self, name: str, **stroke: Unpack[Stroke]) -> None:
        self.name, self.stroke = name, stroke


HERE = f"{__name__}.Brush"


def test_builds_plain_values_and_takes_extra() -> None:
    brush = build(OmegaConf.create({"_target_": HERE, "colours": ["red"]}), width=2)
    assert brush.width == 2 and type(brush.colours) is list


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widht": 3}, "unknown key brush.widht; did you mean width"),
        ({"width": "wide"}, "brush.width='wide' should be float"),
        ({"count": 1.5}, "brush.count=1.5 should be int"),
        ({"mode": "wax"}, "brush.mode='wax' should be Literal"),
        ({"colours": [1]}, "brush.colours=[1] should be list[str]"),
        ({"_target_": "no.such.Thing"}, "cannot find no.such.Thing"),
    ],
)
def test_wrong_nodes_are_named(change: dict[str, Any], message: str) -> None:
    node = {"_target_": HERE, "width": 1.0, "colours": []} | change
    with pytest.raises(UserError) as error:
        check_config({"brush": node})
    assert message in str(error.value)


def test_all_problems_in_one_report() -> None:
    bad = {"_target_": HERE, "width": "x", "colour": 1}
    with pytest.raises(UserError, match=r"a\.width.*a\.colour.*b\[0\]\.width"):
        check_config({"a": bad, "b": [bad]})


def test_required_argument_missing() -> None:
    with pytest.raises(UserError, match="needs colours"):
        build({"_target_": HERE, "width": 1.0})


def test_arguments_that_are_handed_on_are_checked_as_those_that_are_named() -> None:
    node: dict[str, Any] = {"_target_": f"{__name__}.Painter", "name": "Ada"}
    assert build({**node, "length": 2, "bend": None}).stroke == {"length": 2, "bend": None}
    with pytest.raises(UserError, match="needs length"):
        build(node)
    with pytest.raises(UserError, match=r"unknown key a\.lenght; did you mean length.*a\.bend='x' should be float"):
        check_config({"a": {**node, "lenght": 1.0, "bend": "x"}})


@pytest.mark.parametrize(
    ("value", "hint", "right"),
    [
        (1, float, True),
        (True, float, False),
        (True, int, False),
        (None, int | None, True),
        ([1, 2], tuple[float, float], True),
        ([1, "a"], tuple[int, ...], False),
        ("x", Path, True),
        ({"_target_": "anything"}, Fraction, True),
        ({}, dict[str, int], True),
    ],
)
def test_fits(value: Any, hint: Any, right: bool) -> None:
    assert fits(value, hint) is right


def test_a_trainer_for_a_machine_that_is_not_there() -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="gpu"):
        build({"_target_": "lightning.pytorch.Trainer", "accelerator": "gpu", "logger": False})
