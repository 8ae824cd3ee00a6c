"""What keeps the gradients of StyleGAN's two networks small. Letters: B batch, N codes, W numbers of a code."""

import math

import torch
from torch import Tensor


def r1_penalty(logits: Tensor, real: Tensor) -> Tensor:
    """Scalar: mean over B of |d logit / d real|^2 (Mescheder et al. 2018); `real` (B, ...) must require a gradient.

    The loss of the papers is gamma / 2 times this.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return gradient.float().square().flatten(1).sum(dim=1).mean()


def path_lengths(image: Tensor, codes: Tensor, noise: Tensor) -> Tensor:
    """How far a picture moves with its codes, (B,): |J^T y| (Karras et al., CVPR 2020, sec. 3.2, eq. 4).

    Args:
        image: (B, 3, H, W), made of `codes`.
        codes: (B, N, W), which require a gradient; the lengths are the root of the mean over N.
        noise: y, standard normal like `image`.
    """
    pixels = image.shape[2] * image.shape[3]
    (gradient,) = torch.autograd.grad((image * noise).sum() / math.sqrt(pixels), codes, create_graph=True)
    return gradient.float().square().sum(dim=2).mean(dim=1).sqrt()
