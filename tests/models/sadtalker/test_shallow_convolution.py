"""The 2-D way gives what the 3-D convolution gives, forward and backward."""

import pytest
import torch
from torch import nn

from models.sadtalker.shallow_convolution import ShallowConv3d


@pytest.mark.parametrize("depth", [1, 2, 4, 5, 9])
def test_equals_conv3d(depth: int) -> None:
    torch.manual_seed(0)
    shallow = ShallowConv3d(3, 2, 7).double()
    plain = nn.Conv3d(3, 2, 7, padding=3).double()
    plain.load_state_dict(shallow.state_dict())
    ours = torch.randn(2, 3, depth, 8, 9, dtype=torch.double, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    weighting = torch.randn(2, 2, depth, 8, 9, dtype=torch.double)
    a, b = shallow(ours), plain(theirs)
    assert torch.allclose(a, b)
    (a * weighting).sum().backward()
    (b * weighting).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad)  # type: ignore[arg-type]
    assert torch.allclose(shallow.weight.grad, plain.weight.grad)  # type: ignore[arg-type]
