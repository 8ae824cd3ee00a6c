import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.face3d.eye_ratio import eye_ratio


def test_known_eyes() -> None:
    """Eyes 4 wide, 1 and 2 high."""
    points = torch.zeros(68, 2, dtype=torch.float64)
    for start, high in ((36, 1.0), (42, 2.0)):
        ring = [[0, 0], [1, high / 2], [3, high / 2], [4, 0], [3, -high / 2], [1, -high / 2]]
        points[start : start + 6] = torch.tensor(ring)
    found = eye_ratio(points)
    assert [round(value.item(), 6) for value in found] == [4, 3, 0.75, 0.25, 0.5]


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10000), angle=st.floats(-3, 3), scale=st.floats(0.1, 10), mirrored=st.booleans())
def test_turn_size_and_direction_of_y_do_not_matter(seed: int, angle: float, scale: float, mirrored: bool) -> None:
    points = torch.rand(3, 68, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    turn = torch.tensor(angle, dtype=torch.float64)
    matrix = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]).view(2, 2) * scale
    moved = (points * torch.tensor([1.0, -1.0 if mirrored else 1.0])) @ matrix + 7
    before, after = eye_ratio(points), eye_ratio(moved)
    torch.testing.assert_close(after.ratio, before.ratio)
    torch.testing.assert_close(after.right, before.right)
    torch.testing.assert_close(after.left, before.left)
    torch.testing.assert_close(after.width, before.width * scale)


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2, 68, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: eye_ratio(p)[2:], (points,))
