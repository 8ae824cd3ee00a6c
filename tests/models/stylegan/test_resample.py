import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.stylegan.resample import Sampling, resample


def dense(taps: Tensor, sampling: Sampling) -> Tensor:
    """The matrix (T, S) of one axis, number by number."""
    matrix = torch.zeros(sampling.after, sampling.before, dtype=taps.dtype)
    for t in range(sampling.after):
        for s in range(sampling.before):
            tap = sampling.down * t - sampling.up * s + sampling.shift
            if 0 <= tap < sampling.taps:
                matrix[t, s] = taps[tap]
    return matrix


@st.composite
def samplings(draw: st.DrawFn) -> Sampling:
    up, down = draw(st.sampled_from([(1, 1), (2, 1), (4, 1), (1, 2), (3, 2), (2, 3)]))
    taps, before, after = draw(st.integers(1, 24)), draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return Sampling(up, down, draw(st.integers(-20, 40)), taps, before, after)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sampling=samplings(), parts=st.integers(1, 2), seed=st.integers(0, 9))
def test_is_the_dense_product_and_so_is_its_gradient(sampling: Sampling, parts: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    columns, rows = torch.randn(2, parts, sampling.taps, generator=random, dtype=torch.double)
    x = torch.randn(2, sampling.before, sampling.before, 3, generator=random, dtype=torch.double).requires_grad_()
    matrices = [(dense(a, sampling), dense(b, sampling)) for a, b in zip(columns, rows)]
    expected = sum(torch.einsum("ts,bsrc,ur->btuc", down, x, along) for down, along in matrices)
    assert isinstance(expected, Tensor)
    y = resample(x, columns, rows, sampling)
    torch.testing.assert_close(y, expected)
    direction = torch.randn(y.shape, generator=random, dtype=torch.double)
    gradients = [torch.autograd.grad(result, x, direction)[0] for result in (y, expected)]
    torch.testing.assert_close(*gradients)


def test_gradients_of_gradients() -> None:
    sampling = Sampling(2, 1, 9, 12, 6, 20)
    columns, rows = torch.randn(2, 1, 12, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 6, 6, 2, dtype=torch.double, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: resample(x, columns, rows, sampling).pow(3), x, fast_mode=True)


def test_takes_any_memory_layout() -> None:
    sampling = Sampling(2, 1, 9, 12, 8, 16)
    taps = torch.randn(1, 12, generator=torch.Generator().manual_seed(0))
    x = torch.randn(3, 8, 8, 4, generator=torch.Generator().manual_seed(1))
    channels_first = x.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    assert torch.equal(resample(channels_first, taps, taps, sampling), resample(x, taps, taps, sampling))
