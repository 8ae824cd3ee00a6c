"""From the coefficients of ExpNet and PoseVAE to what SadTalker's MappingNet sees (sec. 3.3).

A vector has E expression numbers and a pose of 6, and 3 more for the crop where full pictures are rendered.
Letters: T frames, E expression numbers (64), C channels of a vector (E + 6 or E + 9), R frames of another video.
"""

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.semantics import POSE, windows
from models.sadtalker.mapping_net import WINDOW


def add_reference_pose(vectors: Tensor, reference: Tensor) -> Tensor:
    """Vectors (T, E + 6) whose heads move as in another video besides: its poses (R, 6), less the first of them.

    A video that is too short begins again.

    Raises:
        UserError: the video has no frame, or poses of another size.
    """
    if reference.ndim != 2 or reference.shape[1] != POSE or not len(reference):
        raise UserError(f"reference poses must be of shape (frames, {POSE}), got {tuple(reference.shape)}")
    poses = reference[torch.arange(len(vectors), device=reference.device) % len(reference)] - reference[0]
    return torch.cat([vectors[:, :-POSE], vectors[:, -POSE:] + poses.to(vectors)], dim=1)


def keep_head_still(vectors: Tensor, source: Tensor) -> Tensor:
    """Vectors (T, C) whose pose, and crop where there is one, are the portrait's in all frames.

    Args:
        vectors: (T, E + 6), of which the expression is taken.
        source: (C,) the portrait's vector; with its crop, C = E + 9, for full pictures.
    """
    expression = vectors[:, :-POSE]
    rest = source[expression.shape[1] :].to(vectors)
    return torch.cat([expression, rest.expand(len(vectors), -1)], dim=1)


def target_windows(vectors: Tensor, expression_scale: float = 1.0, expressions: int = 64) -> Tensor:
    """(T, C, 27) of vectors (T, C): 13 frames before and after each one, the ends repeated.

    Args:
        vectors: (T, C), T > 0.
        expression_scale: what the expression is multiplied by; more than 1 exaggerates it.
        expressions: E.
    """
    scaled = torch.cat([vectors[:, :expressions] * expression_scale, vectors[:, expressions:]], dim=1)
    return windows(scaled, WINDOW)


def in_batches(frames: Tensor, rows: int) -> Tensor:
    """What belongs to T frames (T, ...) as (rows, n, ...): each row has n frames that follow one another.

    The last frame is repeated until all rows are full: n = T / rows, rounded up. So `flatten(0, 1)[:T]` goes back.

    Raises:
        UserError: there is no frame, or no row.
    """
    if rows < 1 or not len(frames):
        raise UserError(f"{len(frames)} frames cannot be shared among {rows} rows")
    each = -(-len(frames) // rows)
    index = torch.arange(rows * each, device=frames.device).clamp(max=len(frames) - 1)
    return frames[index].reshape(rows, each, *frames.shape[1:])
