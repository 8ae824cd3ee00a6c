"""Poses over time without jitter, as SadTalker smooths what PoseVAE says.

Letters: T frames, C channels.
"""

import torch
from torch import Tensor

WINDOW = 13  # frames: half a second
ORDER = 2


def smooth_poses(poses: Tensor) -> Tensor:
    """(..., T, C) -> (..., T, C): Savitzky-Golay with parabolas through 13 frames, or the largest odd number that fits.

    Each value is that of the parabola through the frames around it; near the ends, of the first or last whole window's.
    It is linear and differentiable. Clips of 1 or 2 frames stay as they are.
    """
    frames = poses.shape[-2]
    window = min(WINDOW, 2 * ((frames - 1) // 2) + 1)
    if window <= ORDER:
        return poses
    half = window // 2
    places = torch.arange(-half, half + 1, dtype=torch.float64)[:, None] ** torch.arange(ORDER + 1)
    fit = (places @ torch.linalg.pinv(places)).to(poses)  # values in a window -> their parabola's
    start, end = fit[:half] @ poses[..., :window, :], fit[half + 1 :] @ poses[..., -window:, :]
    return torch.cat([start, poses.unfold(-2, window, 1) @ fit[half], end], dim=-2)
