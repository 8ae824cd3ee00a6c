"""Seconds of StyleGAN2 at 1024 pixels and of e4e's encoder at 256, beside plain formulations of the same.

    python -m pytest tests/benchmarks/stylegan.py -s [-k NAME]        (OMP_NUM_THREADS=1 for one thread)

All sides use the same C allocator; MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=2147483647 in the environment is the tuned
one. They take turns, the fastest of the rounds counts, and the ratios are of one run, so that a busy machine disturbs
them little; with one thread the processor's time is counted. Weights are random.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from models.stylegan.stylegan2 import StyleGAN2
from tests.benchmarks.plain_stylegan2 import Nvidia, Rosinality

ROUNDS = 3
CLOCK = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
ALLOCATOR = "tuned" if "MALLOC_TRIM_THRESHOLD_" in os.environ else "default"

pytestmark = [pytest.mark.benchmark(timer=CLOCK), pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def model() -> StyleGAN2:
    """Config F at 1024 pixels, frozen, with noise."""
    torch.manual_seed(0)
    generator = StyleGAN2().eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            parameter.fill_(0.1)
    return generator


@pytest.fixture(scope="module")
def codes(model: StyleGAN2) -> Tensor:
    """Of one picture."""
    return torch.randn(1, model.codes, model.w_dim, generator=torch.Generator().manual_seed(1))


def race(benchmark: BenchmarkFixture, ours: Callable[[], Tensor], plain: Mapping[str, Callable[[], Tensor]]) -> None:
    """Ours in turns with the plain formulations; print ratios and differences."""
    seconds: dict[str, float] = {}
    results: dict[str, Tensor] = {}

    def take_turns() -> None:
        for name, run in plain.items():
            start = CLOCK()
            results[name] = run()
            seconds[name] = min(seconds.get(name, torch.inf), CLOCK() - start)

    got = benchmark.pedantic(ours, setup=take_turns, rounds=ROUNDS)
    fastest = benchmark.stats.stats.min
    print(f"\n{torch.get_num_threads()} threads, C allocator: {ALLOCATOR}; ours {fastest:.2f} s")
    for name, slower in seconds.items():
        error = (got.float() - results[name]).square().mean().sqrt()
        spread = results[name].amax() - results[name].amin()
        decibels = 20 * (spread / error).log10().item()
        print(f"{name:24s} {slower:6.2f} s  x {slower / fastest:4.2f}  agrees to {decibels:.0f} dB of the spread")
        benchmark.extra_info[name] = round(slower / fastest, 3)


def test_synthesis(benchmark: BenchmarkFixture, model: StyleGAN2, codes: Tensor) -> None:
    """Goals: 4 x rosinality's formulation, 1.6 x NVIDIA's."""
    with torch.inference_mode():
        plain = {"rosinality": partial(Rosinality(model), codes), "NVIDIA's CPU path": partial(Nvidia(model), codes)}
        race(benchmark, lambda: model(codes).image, plain)


def test_gradient_into_codes(benchmark: BenchmarkFixture, model: StyleGAN2, codes: Tensor) -> None:
    """Forward and backward to W+, weights frozen. Goal: 1.5 x NVIDIA's."""

    def gradient(synthesise: Callable[[Tensor], Tensor]) -> Tensor:
        leaf = codes.clone().requires_grad_()
        (found,) = torch.autograd.grad(synthesise(leaf).square().mean(), leaf)
        return found

    plain = {
        "rosinality": partial(gradient, Rosinality(model)),
        "NVIDIA's CPU path": partial(gradient, Nvidia(model)),
    }
    race(benchmark, lambda: gradient(lambda leaf: model(leaf).image), plain)


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this processor has no instructions for bfloat16"
)
def test_synthesis_in_bfloat16(benchmark: BenchmarkFixture, model: StyleGAN2, codes: Tensor) -> None:
    """Goal: 45 dB to float32, and quicker."""

    def half() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(codes).image

    with torch.inference_mode():
        race(benchmark, half, {"float32": lambda: model(codes).image})


def test_e4e(benchmark: BenchmarkFixture) -> None:
    """One picture; as the module stands, with norms of their own. Goal: 1.3 x."""
    from models.inversion.e4e import Encoder4Editing
    from models.inversion.folded import folded

    torch.manual_seed(0)
    encoder = Encoder4Editing().eval().requires_grad_(False)
    image = torch.randn(1, 3, 256, 256)
    with torch.inference_mode():
        quick = folded(encoder)
        race(benchmark, lambda: quick(image), {"norms of their own": lambda: encoder(image)})
