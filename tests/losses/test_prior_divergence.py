import torch
from torch.distributions import Normal, kl_divergence

from losses.prior_divergence import prior_divergence


def test_equals_the_divergence_of_normal_distributions() -> None:
    random = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 7, generator=random)
    per_number = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(prior_divergence(mean, log_variance), per_number.sum(dim=1).mean())
    assert prior_divergence(torch.zeros(2, 3), torch.zeros(2, 3)) == 0
