"""Action units from landmarks on heads whose movements are known by name."""

import pytest
import torch
from torch import Tensor

from models.face3d.action_units import ACTION_UNITS, action_units
from models.face3d.camera import Camera
from models.face3d.procedural import ProceduralHead, procedural_head
from models.face3d.rotation import place

PEOPLE = 100
MOVEMENTS = {  # the movement, and how often presence and absence must be seen, on average
    "AU1": ("browInnerUp", 0.7),
    "AU2": ("browOuterUp", 0.7),
    "AU4": ("browDown", 0.6),
    "AU12": ("mouthSmile", 0.8),
    "AU15": ("mouthFrown", 0.7),
    "AU18": ("mouthPucker", 0.8),
    "AU26": ("jawOpen", 0.95),
    "AU45": ("eyeBlink", 0.95),
}


@pytest.fixture(scope="module")
def head() -> ProceduralHead:
    return procedural_head()


def people(head: ProceduralHead, movement: str, strength: float) -> Tensor:
    """Landmarks (N, 68, 2) of the same hundred people, turned a little, who make one movement."""
    random = torch.Generator().manual_seed(0)
    identity = 0.8 * torch.randn(PEOPLE, head.n_identity, generator=random).clamp(-2, 2)
    rotation = 0.12 * torch.randn(PEOPLE, 3, generator=random).clamp(-2, 2)
    expression = torch.zeros(PEOPLE, head.n_expression)
    expression[:, [name.removesuffix("_L").removesuffix("_R") == movement for name in head.expression_names]] = strength
    points = head.landmarks68(head.shape(identity, expression))
    camera = Camera.deep3d(256)
    return camera.project(camera.view(place(points, rotation, torch.zeros(PEOPLE, 3))))


@pytest.mark.parametrize(("unit", "movement", "least"), [(unit, *rest) for unit, rest in MOVEMENTS.items()])
def test_units_are_seen_when_they_are_there(head: ProceduralHead, unit: str, movement: str, least: float) -> None:
    column = list(ACTION_UNITS).index(unit)
    present = action_units(people(head, movement, 0.8))[:, column].mean()
    absent = 1 - action_units(people(head, movement, 0.0))[:, column].mean()
    assert (present + absent) / 2 >= least, (present, absent)


def test_lips_are_apart_when_the_jaw_is_down(head: ProceduralHead) -> None:
    column = list(ACTION_UNITS).index("AU25")
    assert action_units(people(head, "jawOpen", 0.5))[:, column].mean() > 0.95
    assert action_units(people(head, "jawOpen", 0.0))[:, column].mean() < 0.05


def test_size_place_and_roll_do_not_matter(head: ProceduralHead) -> None:
    points = people(head, "mouthSmile", 0.4).double()
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64)
    assert (action_units(points) == action_units(3 * points @ turn + 50)).double().mean() > 0.99


def test_no_face_is_nan(head: ProceduralHead) -> None:
    points = people(head, "jawOpen", 1.0)[:3]
    points[1, 5, 0] = torch.nan
    found = action_units(points)
    assert found.shape == (3, 9) and found.isnan().all(dim=1).tolist() == [False, True, False]
    assert set(found[[0, 2]].flatten().tolist()) <= {0.0, 1.0}
