"""Batch norm over the batch of all processes, on every backend.

`torch.nn.SyncBatchNorm` refuses tensors on the CPU, so a training on several CPU processes would not be the training on
one. The published face-vid2vid weights were trained with synchronised batch norm, too.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SyncBatchNorm(_BatchNorm):
    """`torch.nn.BatchNorm*d` for inputs (B, C, ...) of any dimension; in training, mean and variance are of all ranks.

    Without a process group, on one process and in evaluation it is ordinary batch norm. Ranks may have different B.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...), size kept."""
        alone = not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1
        if alone or not self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return self._normalised(x.float()).to(x.dtype)

    def _normalised(self, x: Tensor) -> Tensor:
        others = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        ours = x.new_tensor([x.numel() // x.shape[1]])
        total = _sum_over_ranks(torch.cat([x.sum(others), ours]))
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = x - mean.view(shape)
        variance = _sum_over_ranks(centred.square().sum(others)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = (variance + self.eps).rsqrt()
        if not self.affine:
            return centred * scale.view(shape)
        return torch.addcmul(self.bias.view(shape), centred, (scale * self.weight).view(shape))

    @torch.no_grad()
    def _remember(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        if self.num_batches_tracked is None or self.running_mean is None or self.running_var is None:
            return
        self.num_batches_tracked.add_(1)
        rate = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, rate)
        self.running_var.lerp_(unbiased_variance, rate)


def synchronise_batch_norms(network: nn.Module) -> None:
    """Replace every batch norm inside `network` by one over all processes: same parameters, buffers and names."""
    for name, child in list(network.named_children()):
        if isinstance(child, _BatchNorm) and not isinstance(child, SyncBatchNorm):
            replacement = SyncBatchNorm(child.num_features, child.eps, child.momentum, child.affine)
            for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(replacement, kind, getattr(child, kind))
            replacement.track_running_stats = child.track_running_stats
            setattr(network, name, replacement.train(child.training))
        else:
            synchronise_batch_norms(child)


class _SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()  # every rank's loss depends on every rank's summand
        dist.all_reduce(total)
        return total


def _sum_over_ranks(x: Tensor) -> Tensor:
    result: Tensor = _SumOverRanks.apply(x)
    return result
