"""Named parts and the published orders of the flat vectors."""

from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UserError
from models.face3d.coefficients import ORDERS, Coefficients, Order


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["deep3d", "hifihead"]), st.lists(st.integers(1, 4), max_size=3), st.integers(0, 2**31))
def test_vector_to_parts_and_back(order: Order, axes: list[int], seed: int) -> None:
    total = sum(size for _, size in ORDERS[order])
    vector = torch.randn(*axes, total, generator=torch.Generator().manual_seed(seed))
    parts = Coefficients.from_vector(vector, order)
    assert all(part.shape[:-1] == torch.Size(axes) for part in parts.to_arrays().values())
    torch.testing.assert_close(parts.to_vector(order), vector, rtol=0, atol=0)
    again = Coefficients.from_arrays({**parts.to_arrays(), "alignment": torch.zeros(5)})
    torch.testing.assert_close(again.to_arrays(), parts.to_arrays(), rtol=0, atol=0)


def test_deep3d_slices() -> None:
    """The places that the published code has written down as numbers."""
    parts = Coefficients.from_vector(torch.arange(257.0), "deep3d")
    first = {"identity": 0, "expression": 80, "texture": 144, "rotation": 224, "lighting": 227, "translation": 254}
    assert {name: int(getattr(parts, name)[0]) for name in first} == first
    assert parts.gaze.tolist() == [0, 0, 0, 0]


def test_orders_hold_the_published_numbers() -> None:
    assert [sum(size for _, size in ORDERS[order]) for order in ("deep3d", "hifihead")] == [257, 261]


def test_zeros_and_indexing() -> None:
    faces = Coefficients.zeros(5, 100, 53, 2, like=torch.empty(0, dtype=torch.float64))
    assert [getattr(faces, field.name).shape[1] for field in fields(faces)] == [100, 53, 2, 3, 3, 27, 4]
    assert faces.identity.dtype == torch.float64
    assert faces[1:3].gaze.shape == (2, 4)
    assert faces[torch.tensor([0, 0, 4])].expression.shape == (3, 53)
    assert faces.map(lambda part: part + 1)[0].rotation.tolist() == [1, 1, 1]


def test_another_face_models_vector_is_refused() -> None:
    with pytest.raises(UserError, match="257 numbers, not 261"):
        Coefficients.from_vector(torch.zeros(1, 261), "deep3d")
    with pytest.raises(UserError, match=r"80 numbers of identity; this face model has 100: use the face model"):
        Coefficients.zeros(1, 100, 53, 2).to_vector("deep3d")
