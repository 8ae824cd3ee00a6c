"""How much frames change that does not come from motion: one number per pair of consecutive frames."""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher


def sampled(images: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Images `(N, C, H, W)` at the ends of `flow` `(N, 2, H, W)` in pixels, and where `(N, H, W)` these are inside."""
    height, width = flow.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([columns, rows]).to(flow) + flow
    grid = (2 * places + 1) / places.new_tensor([width, height]).view(2, 1, 1) - 1
    inside = (grid.abs() <= 1).all(dim=1)
    return F.grid_sample(images, grid.movedim(1, -1), padding_mode="border", align_corners=False), inside


def visible(forward: Tensor, backward: Tensor) -> Tensor:
    """Where `(N, H, W)` a pixel is seen in the other frame too, by flows `(N, 2, H, W)` there and back.

    The rules and numbers of Ruder et al. 2016 (after Sundaram et al. 2010), which Lai et al. use: there and back again
    must end near the start, and the flow must not tear.
    """
    back, inside = sampled(backward, forward)
    lengths = forward.square().sum(1) + back.square().sum(1)
    returns = (forward + back).square().sum(1) <= 0.01 * lengths + 0.5
    across = F.pad(forward.diff(dim=-1), (0, 1)).square().sum(1)
    down = F.pad(forward.diff(dim=-2), (0, 0, 0, 1)).square().sum(1)
    smooth = across + down <= 0.01 * forward.square().sum(1) + 0.002
    return inside & returns & smooth


def warp_error(first: Tensor, second: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
    """Mean squares `(N,)` over visible pixels and channels of frames `(N, 3, H, W)`, the second warped to the first.

    NaN where no pixel is visible. The flows `(N, 2, H, W)` are in pixels, from first to second and back.
    """
    seen = visible(forward, backward)
    difference = (sampled(second, forward)[0] - first).square().mean(dim=1)
    return torch.where(seen, difference, 0).sum(dim=(1, 2)) / seen.sum(dim=(1, 2))


class FlowWarpError:
    """The mean squares of `warp_error`, of frames at 256 pixels in [0, 1]; with the first piece one less than frames.

    Flow is that of Kroeger et al. 2016 (dense inverse search), in place of the FlowNet 2 of Lai et al.

    Args:
        device: where frames are warped.

    """

    per_frame = False
    stand_in: str | None = "dis"
    licence = "Apache-2.0 (OpenCV)"

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def begin(self) -> Watcher:
        """See `Observer`."""
        last = np.empty((0, 1, 1, 3), np.uint8)

        def watch(piece: Piece) -> Tensor:
            nonlocal last
            frames = np.concatenate([last, piece.frames]) if len(last) else np.array(piece.frames)
            last = frames[-1:]
            return self.see(frames)

        return watch

    @torch.inference_mode()
    def see(self, frames: np.ndarray) -> Tensor:
        """One number per pair of frames uint8 `(n, H, W, 3)`."""
        errors = torch.zeros(max(0, len(frames) - 1))
        changed = [n for n in range(len(errors)) if (frames[n] != frames[n + 1]).any()]
        if changed:
            images = torch.from_numpy(frames).to(self._device).movedim(-1, 1).float() / 255
            there, back = self._flows(frames, changed)
            later = [n + 1 for n in changed]
            errors[changed] = warp_error(images[changed], images[later], there, back).cpu()
        return errors

    def _flows(self, frames: np.ndarray, starts: list[int]) -> list[Tensor]:
        """Flow `(N, 2, H, W)` from each of the frames to the next, and back."""
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        steps = [[(grey[n], grey[n + 1]) for n in starts], [(grey[n + 1], grey[n]) for n in starts]]
        flows = [np.stack([self._flow.calc(first, second, None) for first, second in pairs]) for pairs in steps]
        return [torch.from_numpy(flow).movedim(-1, 1).to(self._device) for flow in flows]
