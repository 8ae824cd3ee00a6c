"""Keypoints spread over the face at a given mean depth (face-vid2vid appendix A.2).

Letters: B batch, K keypoints.
"""

import torch
from torch import Tensor


def keypoint_prior(keypoints: Tensor, distance: float = 0.1, depth: float = 0.33) -> Tensor:
    """Sum over i != j of max(0, D_t - |x_i - x_j|^2) + |mean_k z_k - z_t|, mean over the batch; keypoints (B, K, 3).

    `distance` is D_t, compared with squared distances as the paper writes it; `depth` is z_t.
    """
    keypoints = keypoints.float()
    squared = (keypoints.unsqueeze(2) - keypoints.unsqueeze(1)).square().sum(-1)
    others = ~torch.eye(keypoints.shape[1], dtype=torch.bool, device=keypoints.device)
    crowding = ((distance - squared).clamp(min=0) * others).sum((1, 2))
    return (crowding + (keypoints[..., 2].mean(1) - depth).abs()).mean()
