"""Seconds of StyleGAN3-T at 1024 pixels, of its filtered leaky ReLU, and of the 64-pixel preset's training.

    python -m pytest tests/benchmarks/stylegan3.py -s [-k NAME]       (OMP_NUM_THREADS=1 for one thread)

tests/benchmarks/stylegan.py says how sides are compared. The plain formulation needs 7 GB at 1024 pixels.
"""

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from models.stylegan.filtered_lrelu import filtered_lrelu
from models.stylegan.stylegan3 import Layer, StyleGAN3
from tests.benchmarks.plain_stylegan3 import PlainStyleGAN3, plain_filtered_lrelu
from tests.benchmarks.stylegan import CLOCK, race

BATCH = 8

pytestmark = [pytest.mark.benchmark(timer=CLOCK), pytest.mark.timeout(3600)]


@pytest.mark.parametrize("size", [256, 1024])
def test_synthesis(benchmark: BenchmarkFixture, size: int) -> None:
    """T, channels as published. Goal at 1024: 1.5 x."""
    torch.manual_seed(0)
    model = StyleGAN3(size).eval().requires_grad_(False)
    codes = torch.randn(1, model.codes, model.w_dim)
    with torch.inference_mode():
        plain = PlainStyleGAN3(model)
        race(benchmark, lambda: model(codes).image, {"NVIDIA's CPU path": lambda: plain(codes)})


@pytest.mark.parametrize("name", ["L5", "L9", "L11"])
def test_filtered_lrelu(benchmark: BenchmarkFixture, name: str) -> None:
    """Of T at 1024 pixels, 148, 532 and 1044 samples."""
    torch.manual_seed(0)
    layer = StyleGAN3().synthesis.layers[name]
    assert isinstance(layer, Layer)
    layer.requires_grad_(False)
    before = layer.rates.up.before
    x = torch.randn(1, layer.weight.shape[0], before, before).to(memory_format=torch.channels_last)
    parts = layer.down_columns, layer.down_rows
    with torch.inference_mode():
        race(
            benchmark,
            lambda: filtered_lrelu(x, layer.up_filter, parts, layer.rates, layer.clamp),
            {"zeros between the pixels": lambda: plain_filtered_lrelu(x.contiguous(), layer)},
        )


def test_training(benchmark: BenchmarkFixture) -> None:
    """Forward and backward to all weights, a batch of 8 at 64 pixels: the sizes of preset=cpu."""
    torch.manual_seed(0)
    sizes = {"z_dim": 128, "w_dim": 128, "channel_base": 1024, "channel_max": 128, "num_layers": 8, "margin": 4}
    model = StyleGAN3(64, first_stopband=3.3, last_stopband_rel=1.1, conv_clamp=None, **sizes)  # type: ignore[arg-type]
    codes = torch.randn(BATCH, model.codes, model.w_dim)
    parameters = list(model.synthesis.parameters())

    def gradients(synthesise: Callable[[Tensor], Tensor]) -> Tensor:
        found = torch.autograd.grad(synthesise(codes).square().mean(), parameters)
        return torch.cat([gradient.flatten() for gradient in found])

    plain = PlainStyleGAN3(model)
    race(benchmark, lambda: gradients(lambda c: model(c).image), {"plain": lambda: gradients(plain)})
    print(f"{benchmark.stats.stats.min / BATCH:.3f} s for a picture")
