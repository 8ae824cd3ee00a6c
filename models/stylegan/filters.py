"""Low-pass filters of StyleGAN3 (Karras et al., NeurIPS 2021, appendix C), designed with a Kaiser window.

The numbers are those of `scipy.signal.firwin`, which this package does not need.
"""

import math

import numpy as np
import torch
from torch import Tensor


def low_pass(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """A windowed sinc (taps,) of sum 1.

    Args:
        taps: how many numbers.
        cutoff: frequency where the response is half.
        width: of the transition band.
        rate: samples per unit, in which `cutoff` and `width` are frequencies.

    """
    time = (np.arange(taps) - (taps - 1) / 2) / rate
    return _normalised(np.sinc(2 * cutoff * time) * _window(taps, width, rate))


def radial_low_pass(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """The same in two dimensions with a response that is round (taps, taps): a jinc under the product of two windows.

    `taps` is even: no tap lies in the centre.
    """
    time = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(time[:, None], time)
    waves = torch.special.bessel_j1(torch.from_numpy(2 * np.pi * cutoff * radius)).numpy()
    window = _window(taps, width, rate)
    return _normalised(waves / radius * np.outer(window, window))


def separable_parts(kernel: Tensor, precision: float = 1e-7) -> tuple[Tensor, Tensor]:
    """Columns and rows, (R, taps) each, whose products add up to the kernel (taps, taps); few where it is smooth.

    What is left out is at most `precision` of the largest part. A kernel with one dimension is the product of itself
    with itself.
    """
    if kernel.ndim == 1:
        return kernel[None], kernel[None]
    left, sizes, right = torch.linalg.svd(kernel.double())
    parts = int((sizes > precision * sizes[0]).sum())
    root = sizes[:parts, None].sqrt()
    return (left[:, :parts].T * root).to(kernel), (right[:parts] * root).to(kernel)


def _window(taps: int, width: float, rate: float) -> np.ndarray:
    """Kaiser's window, as wide as the transition band needs it (Oppenheim and Schafer, sec. 7.6.1)."""
    attenuation = 2.285 * (taps - 1) * math.pi * width / (rate / 2) + 7.95  # decibels
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation > 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    return np.kaiser(taps, beta)


def _normalised(kernel: np.ndarray) -> Tensor:
    return torch.from_numpy(kernel / kernel.sum()).float()
