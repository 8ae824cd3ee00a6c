"""Kullback-Leibler divergence of a variational autoencoder (Kingma and Welling, ICLR 2014, appendix B)."""

from torch import Tensor


def prior_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """From the standard normal distribution, in nats: the sum over Z of (m^2 + v - 1 - log v) / 2, mean over B.

    Args:
        mean: m, (B, Z).
        log_variance: log v, (B, Z).
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
