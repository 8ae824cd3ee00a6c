"""Codes that lie near W stay editable: what the codes of a picture differ by is kept small.

Letters: B batch, N codes of a picture, W numbers of a code.
"""

import torch
from torch import Tensor, nn


class DeltaRegularisation(nn.Module):
    """sum over the N - 1 offsets of |w_i - w_0| (e4e: Tov et al., ACM TOG 2021, eq. 4)."""

    def forward(self, codes: Tensor) -> Tensor:
        """(B,) of codes (B, N, W)."""
        return torch.linalg.vector_norm(codes[:, 1:] - codes[:, :1], dim=2).sum(dim=1)
