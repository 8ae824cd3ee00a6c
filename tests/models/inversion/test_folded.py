"""What is made quicker gives the same codes."""

import pytest
import torch
from torch import nn

from models.inversion.e4e import Encoder4Editing
from models.inversion.folded import QuickHead, folded
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.strided_conv import StridedConv, Tiles
from tests.models.inversion.small_encoder import pictures, small


@pytest.mark.parametrize("kind", [Encoder4Editing, GradualStyleEncoder])
def test_codes_are_the_same(kind: type[GradualStyleEncoder]) -> None:
    encoder, image = small(kind).double(), pictures().double()
    encoder.latent_avg.copy_(torch.linspace(-1, 1, 24))
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    quick = folded(encoder.train())
    assert encoder.training
    with torch.no_grad():
        torch.testing.assert_close(quick(image), encoder.eval()(image))
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())
    assert isinstance(quick, kind)
    assert not any(p.requires_grad for p in quick.parameters())
    assert all(p.requires_grad for p in encoder.parameters())


def test_large_pictures_share_tiles() -> None:
    """Heads of the finest feature, many and large enough, read what is made of it once; stages of e4e stay."""
    encoder = small(Encoder4Editing, size=256, codes=8).double()
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0), dtype=torch.double) * 2 - 1
    quick = folded(encoder)
    tiled = [isinstance(head, QuickHead) and isinstance(head.large[0], StridedConv) for head in quick.styles]
    assert tiled == [False] * 4 + [True] * 4
    with torch.no_grad():
        for stage in (None, 5, 0):
            torch.testing.assert_close(quick(image, stage), encoder(image, stage))


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 5, 8, 12)])
def test_strided_convolution(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    plain, x = nn.Conv2d(shape[1], 4, 3, 2, 1).double(), torch.randn(shape, dtype=torch.double)
    with torch.no_grad():
        torch.testing.assert_close(StridedConv(plain)(Tiles()(x)), plain(x))
