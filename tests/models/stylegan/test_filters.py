import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin

from models.stylegan.filters import low_pass, radial_low_pass, separable_parts


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    taps=st.integers(2, 24), cutoff=st.floats(0.02, 0.45), width=st.floats(0.01, 0.9), rate=st.sampled_from([1, 64.0])
)
def test_low_pass_is_scipys(taps: int, cutoff: float, width: float, rate: float) -> None:
    expected = firwin(taps, cutoff * rate, width=width * rate, fs=rate)
    np.testing.assert_allclose(low_pass(taps, cutoff * rate, width * rate, rate).numpy(), expected, atol=1e-6)


def response(kernel: torch.Tensor, frequency: float, angle: float) -> float:
    """How much of a wave of so many cycles per sample passes."""
    place = np.arange(len(kernel)) - (len(kernel) - 1) / 2
    x, y = place[None] * np.cos(angle), place[:, None] * np.sin(angle)
    return float((kernel.double().numpy() * np.cos(2 * np.pi * frequency * (x + y))).sum())


def test_radial_filter_is_round_and_the_separable_one_is_not() -> None:
    round_one, line = (design(taps=24, cutoff=8.0, width=6.0, rate=64.0) for design in (radial_low_pass, low_pass))
    for frequency in (0.05, 0.125, 0.16):
        along, across = (response(round_one, frequency, angle) for angle in (0.0, np.pi / 4))
        assert along == pytest.approx(across, abs=0.02)
    square = torch.outer(line, line)
    assert abs(response(square, 0.16, 0.0) - response(square, 0.16, np.pi / 4)) > 0.1
    assert response(round_one, 0.0, 0.0) == pytest.approx(1, abs=1e-6)
    assert abs(response(round_one, 0.25, 0.3)) < 0.01


def test_parts_add_up_to_the_filter() -> None:
    kernel = radial_low_pass(12, 16.0, 32.0, 128.0)
    columns, rows = separable_parts(kernel)
    assert 1 < len(columns) < 6
    torch.testing.assert_close(torch.einsum("rs,rt->st", columns, rows), kernel, rtol=0, atol=1e-8)
    line = low_pass(12, 16.0, 32.0, 128.0)
    columns, rows = separable_parts(line)
    assert torch.equal(columns[0], line) and torch.equal(rows[0], line)
