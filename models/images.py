"""Between pictures on disk and images in networks."""

import numpy as np
import torch
from torch import Tensor


def to_images(frames: np.ndarray) -> Tensor:
    """Frames uint8 `(T, H, W, 3)` as float32 images `(T, 3, H, W)` in [-1, 1]."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_frames(images: Tensor) -> np.ndarray:
    """Images `(T, 3, H, W)` in [-1, 1] as uint8 frames `(T, H, W, 3)`, rounded to the nearest value."""
    frames = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
