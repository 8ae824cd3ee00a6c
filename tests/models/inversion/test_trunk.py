"""An encoder that starts from a recogniser of people."""

from pathlib import Path

import pytest
import torch

from models.errors import UserError
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.trunk import start_trunk
from models.recognition.ir_se import IRSE

UNITS, WIDTHS = [1, 1, 1, 1], [4, 8, 12, 16]


@pytest.fixture
def file(tmp_path: Path) -> str:
    torch.manual_seed(1)
    torch.save(IRSE(UNITS, WIDTHS).state_dict(), tmp_path / "irse.pth")
    return str(tmp_path / "irse.pth")


@pytest.mark.parametrize("channels", [3, 6])
def test_the_trunk_is_the_recogniser_s_and_a_second_picture_is_not_seen(file: str, channels: int) -> None:
    encoder = GradualStyleEncoder(2, 8, channels, size=32, units=UNITS, widths=WIDTHS, head_width=8).eval()
    heads = encoder.styles.state_dict()["0.linear.weight"].clone()
    start_trunk(encoder, file)
    other = IRSE(UNITS, WIDTHS).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    image = torch.randn(2, 3, 32, 32)
    seen = torch.cat([image, torch.randn(2, channels - 3, 32, 32)], dim=1)
    with torch.no_grad():
        found = encoder.body(encoder.input_layer(seen))
        assert torch.allclose(found, other.body(other.input_layer(image)), atol=1e-5)
    assert torch.equal(encoder.styles.state_dict()["0.linear.weight"], heads)


def test_another_size_is_told(file: str) -> None:
    with pytest.raises(UserError, match="do not fit"):
        start_trunk(GradualStyleEncoder(2, 8, size=32, units=[1, 2, 1, 1], widths=WIDTHS, head_width=8), file)
