"""IR-SE: blocks against another way of writing them, the crop against a loop over its pixels."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.errors import UserError
from models.recognition.ir_se import IRSE, SIDE, Bottleneck, id_crop, read_irse
from models.weights import Weights
from tests.models.inversion.small_encoder import stirred


@pytest.mark.parametrize(("before", "channels", "stride"), [(16, 16, 2), (16, 16, 1), (16, 32, 2)])
@pytest.mark.parametrize("excite", [True, False])
def test_bottleneck(before: int, channels: int, stride: int, excite: bool) -> None:
    """With the functions of its parts; where the channels stay, the shortcut is a max-pooling of one pixel."""
    torch.manual_seed(0)
    block = stirred(Bottleneck(before, channels, stride, excite)).double()
    x = torch.randn(2, before, 10, 10, dtype=torch.double)
    state = block.state_dict()

    def norm(y: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(y, mean, variance, weight, bias)

    y = F.conv2d(norm(x, "res_layer.0"), state["res_layer.1.weight"], padding=1)
    y = F.prelu(y, state["res_layer.2.weight"])
    y = norm(F.conv2d(y, state["res_layer.3.weight"], padding=1, stride=stride), "res_layer.4")
    if excite:
        inner = torch.einsum("oi,bi->bo", state["res_layer.5.fc1.weight"][:, :, 0, 0], y.mean(dim=(2, 3))).clamp(min=0)
        gate = torch.einsum("oi,bi->bo", state["res_layer.5.fc2.weight"][:, :, 0, 0], inner)
        y = y / (1 + torch.exp(-gate[:, :, None, None]))
    shortcut = F.max_pool2d(x, 1, stride)
    if before != channels:
        shortcut = norm(F.conv2d(x, state["shortcut_layer.0.weight"], stride=stride), "shortcut_layer.1")
    torch.testing.assert_close(block(x), y + shortcut)


@pytest.mark.parametrize("size", [256, 320])
def test_id_crop(size: int) -> None:
    """Each pixel averages the pixels from floor(i s / n) to ceil((i + 1) s / n), as a loop over them says."""

    def averaged(image: np.ndarray, side: int) -> np.ndarray:
        for axis in (1, 2):
            long = image.shape[axis]
            bounds = [(place * long // side, -(-(place + 1) * long // side)) for place in range(side)]
            parts = [image.take(range(a, b), axis).mean(axis=axis) for a, b in bounds]
            image = np.stack(parts, axis=axis)
        return image

    picture = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = picture[0].double().numpy()
    if size != 256:
        whole = averaged(whole, 256)
    expected = averaged(whole[:, 35 : 35 + 188, 32 : 32 + 188], SIDE)
    np.testing.assert_allclose(id_crop(picture)[0].numpy(), expected, atol=1e-6)
    assert id_crop(picture).shape == (2, 3, SIDE, SIDE)


def test_embeddings_have_unit_length_and_depth_is_read_from_the_file() -> None:
    torch.manual_seed(0)
    network = stirred(IRSE((1, 2, 1, 1), (8, 16, 24, 32)))
    again = read_irse(Weights({f"module.{key}": value for key, value in network.state_dict().items()})).eval()
    face = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        found = network(face)
        assert torch.equal(found, again(face))
    torch.testing.assert_close(found.square().sum(dim=1), torch.ones(2))


def test_another_networks_file_is_refused() -> None:
    with pytest.raises(UserError, match="another network's file"):
        read_irse(Weights({"conv1.weight": torch.zeros(64, 3, 7, 7)}))


def test_the_published_size() -> None:
    """43.8 million weights and 397 tensors: those of model_ir_se50.pth."""
    with torch.device("meta"):
        network = IRSE()
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(43.8e6, rel=2e-3)
    assert len(network.state_dict()) == 397
