"""Feature matching pulls the generated side only."""

import pytest
import torch

from losses.feature_matching import feature_matching


def test_value_and_who_gets_gradients() -> None:
    fake, real = torch.full((1, 2, 2, 2), 3.0, requires_grad=True), torch.full((1, 2, 2, 2), 1.0, requires_grad=True)
    other = torch.zeros(1, 1, 1, 1)
    loss = feature_matching([[fake, other], [other]], [[real, other + 5], [other + 1]])
    assert loss.item() == pytest.approx(2 + 5 + 1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert fake.grad is not None
    assert real.grad is None


def test_layers_must_agree() -> None:
    x = torch.zeros(1)
    with pytest.raises(ValueError, match="zip"):
        feature_matching([[x, x]], [[x]])
