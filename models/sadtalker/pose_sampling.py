"""Head motion of any length from PoseVAE, which knows chunks of 32 frames.

Each chunk is drawn by itself, as motion away from the portrait's pose. The authors put chunks side by side, so the head
jumps every 1.28 s; `sample_poses` makes one motion of them.

Letters: B batch, T frames, K chunks, P numbers of a pose (6), D size of the audio encoder's codes, L of the latent.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import UserError
from models.sadtalker.pose_vae import PoseVAE

AT_ONCE = 64  # chunks that are decoded together
SETTLING = 12  # frames within which a chunk gives up the speed that it took over


def sample_poses(
    network: PoseVAE, sound: Tensor, first: Tensor, style: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Poses (B, T, P) of all frames; that of frame 0 is `first`.

    Value and speed go on over the borders of chunks.

    Args:
        network: in evaluation mode.
        sound: (B, T, D) codes of all frames, from `PoseVAE.hear`.
        first: (B, P) the portrait's pose.
        style: (B,) int64.
        generator: of the device of `sound`; who gives the same one, in the same state, gets the same motion.

    Raises:
        UserError: wrong shapes, an unknown style.
    """
    network.check(first, sound, style)
    batch, total = sound.shape[:2]
    if total < 2:
        return first[:, None].expand(-1, total, -1)
    count = -(-(total - 1) // network.frames)
    missing = 1 + count * network.frames - total
    ahead = torch.cat([sound[:, 1:], sound[:, -1:].expand(-1, missing, -1)], dim=1)
    noise = torch.randn(batch, count, network.latent, generator=generator, device=sound.device, dtype=sound.dtype)
    motion = joined(_decode(network, ahead.reshape(batch, count, network.frames, -1), first, style, noise))
    return _with_first(motion[:, : total - 1], first)


def joined(chunks: Tensor) -> Tensor:
    """One motion (B, K T, P) of chunks (B, K, T, P), T > `SETTLING` + 1, that each begin anew near zero.

    To each chunk comes a curve that begins where the one before it ended, with its speed, and is zero for the last two
    frames. So a chunk's own motion grows while what it took over fades, where blending two chunks would lessen both.
    Cut out of random walks that forget themselves in 30 frames, chunks joined so have 1.03 times the spread of the walk
    over a long time, and 1.4 times its spread within 32 frames, as each also goes back to the portrait's pose.
    The first chunk takes over zero, the portrait's pose, and no speed.
    """
    length = chunks.shape[2]
    start, slope = chunks[:, :, 0], chunks[:, :, 1] - chunks[:, :, 0]
    end, speed = chunks[:, :-1, -1], chunks[:, :-1, -1] - chunks[:, :-1, -2]
    distance = torch.cat([torch.zeros_like(start[:, :1]), end], dim=1) - (start - slope)
    faster = torch.cat([torch.zeros_like(start[:, :1]), speed - slope[:, 1:]], dim=1)
    # Cubic Hermite curves from frame -1 of the chunk, the last one of the chunk before, to where they stay at zero.
    frame = torch.arange(1, length + 1, device=chunks.device, dtype=chunks.dtype)[:, None]
    far, near = (frame / (length - 1)).clamp(max=1), (frame / SETTLING).clamp(max=1)
    value, tangent = (1 + 2 * far) * (1 - far) ** 2, SETTLING * near * (1 - near) ** 2
    return (chunks + distance[:, :, None] * value + faster[:, :, None] * tangent).flatten(1, 2)


def authors_poses(network: PoseVAE, sound: Tensor, first: Tensor, style: Tensor, noise: Tensor) -> Tensor:
    """Poses (B, T, P) as SadTalker's inference makes them, with its jumps: to compare.

    What is left after whole chunks is the end of a chunk of the last frames; where there are fewer than a chunk has,
    the first code is repeated before them.

    Args:
        network: this and the next three are as in `sample_poses`.
        sound: (B, T, D).
        first: (B, P).
        style: (B,).
        noise: (B, K, L) latents, one for each chunk.

    Raises:
        UserError: wrong shapes, an unknown style.
    """
    network.check(first, sound, style)
    length = network.frames
    ahead = sound[:, 1:]
    whole, rest = divmod(ahead.shape[1], length)
    count = whole + (rest > 0)
    if noise.ndim != 3 or noise.shape[::2] != (len(first), network.latent) or noise.shape[1] < count:
        wanted = (len(first), count, network.latent)
        raise UserError(f"{sound.shape[1]} frames take latents of shape {wanted}, got {tuple(noise.shape)}")
    if not count:
        return first[:, None]
    chunks = ahead[:, : whole * length].reshape(len(first), whole, length, network.codes)
    if rest:
        missing = max(0, length - ahead.shape[1])
        last = torch.cat([ahead[:, :1].expand(-1, missing, -1), ahead[:, -length:]], dim=1)
        chunks = torch.cat([chunks, last[:, None]], dim=1)
    motion = _decode(network, chunks, first, style, noise[:, :count])
    end = motion[:, whole:, length - rest :].flatten(1, 2)
    return _with_first(torch.cat([motion[:, :whole].flatten(1, 2), end], dim=1), first)


def _decode(network: PoseVAE, sound: Tensor, first: Tensor, style: Tensor, noise: Tensor) -> Tensor:
    """Motion (B, K, T, P) of codes (B, K, T, D) and latents (B, K, L)."""
    batch, count = sound.shape[:2]
    parts = [noise, first[:, None].expand(-1, count, -1), sound, style[:, None].expand(-1, count)]
    pieces = zip(*(torch.split(part.flatten(0, 1), AT_ONCE) for part in parts))
    motion = torch.cat([network.decode(*piece) for piece in pieces])
    return motion.reshape(batch, count, *motion.shape[1:])


def _with_first(motion: Tensor, first: Tensor) -> Tensor:
    return first[:, None] + F.pad(motion, (0, 0, 1, 0))
