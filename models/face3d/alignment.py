"""Deep3D's alignment of a frame by five landmarks: a scale and a shift, so that the head fits `Camera.deep3d(224)`.

An alignment is (..., 5): width W and height H of the frame, scale s, and tx, ty, the place of the face model's origin
in the frame with y counted from the bottom. A pixel (x, y) of the frame (y down, centres at +0.5) comes to

    ((x - tx) s + 112, (y - (H - ty)) s + 112)

of the aligned picture of 224 pixels. The least squares are those of the authors, in float64: five points of a face are
nearly planar. `crop` makes the authors' picture, which truncates to whole pixels and so is up to a pixel off that
formula, differently from frame to frame; `warp` follows it exactly, in batches and on any device.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import UserError

if TYPE_CHECKING:
    import numpy as np

SIDE = 224
LARGEST = 20_000  # pixels of a side of a resized frame: a face of 100 pixels in a frame of 8,000 stays well below
SCALE = 102.0  # pixels per decimetre in the aligned picture
# The template of ArcFace at 112 pixels: eyes, nose, corners of the mouth
ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))


def five_points(landmarks: Tensor) -> Tensor:
    """Eyes (the mean of their two corners), tip of the nose, corners of the mouth (..., 5, C) of (..., 68, C)."""
    eyes = [(landmarks[..., first, :] + landmarks[..., first + 3, :]) / 2 for first in (36, 42)]
    return torch.stack([*eyes, *(landmarks[..., index, :] for index in (30, 48, 54))], dim=-2)


def align(points: Tensor, standard: Tensor, width: Tensor | int, height: Tensor | int) -> Tensor:
    """The alignment (N, 5), float64.

    Args:
        points: (N, 5, 2) five points of each frame, y counted from the BOTTOM.
        standard: (5, 3) the same points of the face model's mean, in decimetres.
        width: of the frames in pixels, one number or (N,).
        height: the same.
    """
    design = F.pad(standard.double(), (0, 1), value=1.0)
    found = torch.linalg.pinv(design) @ points.double()  # (N, 4, 2): rows of a scaled rotation, then the shift
    scale = SCALE / found[:, :3].norm(dim=1).mean(dim=1)
    sizes = [torch.as_tensor(size, dtype=scale.dtype, device=scale.device).expand_as(scale) for size in (width, height)]
    return torch.stack([*sizes, scale, *found[:, 3].unbind(-1)], dim=-1)


def align_frames(landmarks: Tensor, standard: Tensor, width: int, height: int) -> Tensor:
    """The alignment (N, 5) of frames with landmarks (N, 68, 2) in pixels, y down, centres at +0.5."""
    points = five_points(landmarks.double())
    return align(torch.stack([points[..., 0], height - points[..., 1]], dim=-1), standard, width, height)


def identity_alignment(size: int) -> Tensor:
    """(5,): square frames of `size` pixels that were filmed by `Camera.deep3d(size)`."""
    return torch.tensor([size, size, SIDE / size, size / 2, size / 2], dtype=torch.float64)


def misaligned(alignment: Tensor, noise: Tensor, shift: float, zoom: float) -> Tensor:
    """Alignments (N, 5) that are a little wrong, as those by detected landmarks are.

    Args:
        alignment: (N, 5).
        noise: (N, 3) in [-1, 1]: of the scale, across, up.
        shift: most pixels of 224 that the picture is moved by, each way.
        zoom: largest change of scale, as a fraction.
    """
    size, scale, origin = alignment[:, :2], alignment[:, 2:3], alignment[:, 3:]
    return torch.cat([size, scale * (1 + zoom * noise[:, :1]), origin + shift * noise[:, 1:] / scale], dim=1)


def to_aligned(points: Tensor, alignment: Tensor) -> Tensor:
    """Pixels of frames (N, K, 2) in the aligned pictures of 224 pixels; alignment (N, 5)."""
    scale, origin = _map(alignment, points)
    return (points - origin) * scale + SIDE / 2


def to_frame(points: Tensor, alignment: Tensor) -> Tensor:
    """The reverse of `to_aligned`."""
    scale, origin = _map(alignment, points)
    return (points - SIDE / 2) / scale + origin


def warp(images: Tensor, alignment: Tensor, size: int = SIDE) -> Tensor:
    """Aligned pictures (N, C, size, size) of images (N, C, H, W) in [-1, 1]; black outside of the frame.

    Bilinear where the authors resample bicubically, on exact places where they round to pixels. Where the frame is
    finer than the result, several samples per pixel are averaged.
    """
    height, width = images.shape[-2:]
    finest = float(SIDE / size / alignment[:, 2].min())
    times = max(1, round(finest))
    middles = (torch.arange(size * times, device=images.device, dtype=alignment.dtype) + 0.5) * (SIDE / (size * times))
    scale, origin = _map(alignment, alignment)
    places = (middles[None, :, None] - SIDE / 2) / scale + origin  # (N, size * times, 2): x and y in the frame
    places = (2 * places / places.new_tensor([width, height]) - 1).to(images.dtype)
    columns, rows = places.unbind(-1)
    count = size * times
    grid = torch.stack([columns[:, None].expand(-1, count, -1), rows[:, :, None].expand(-1, -1, count)], dim=-1)
    sampled = F.grid_sample(images + 1, grid, padding_mode="zeros", align_corners=False) - 1
    return F.avg_pool2d(sampled, times) if times > 1 else sampled


def _map(alignment: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Scale (N, 1, 1) and origin (N, 1, 2) in the frame with y down."""
    _, height, scale, across, up = alignment.to(like.dtype).unbind(-1)
    return scale[:, None, None], torch.stack([across, height - up], dim=-1)[:, None]


def crop_box(alignment: Tensor) -> Tensor:
    """(N, 4) int64 left, top, width, height: the authors' box of 224 pixels in the frame resized to width x height.

    All truncated towards zero, as theirs.
    """
    width, height, scale, across, up = alignment.double().unbind(-1)
    wide, high = (width * scale).trunc(), (height * scale).trunc()
    left = (wide / 2 - SIDE / 2 + (across - width / 2) * scale).trunc()
    top = (high / 2 - SIDE / 2 + (height / 2 - up) * scale).trunc()
    return torch.stack([left, top, wide, high], dim=-1).long()


def crop(frame: "np.ndarray", alignment: Tensor) -> "np.ndarray":
    """The authors' aligned picture (224, 224, 3) of a frame (H, W, 3), both uint8; alignment (5,).

    Raises:
        UserError: the frame is no picture, or the alignment asks for an absurd one: its landmarks were no face.
    """
    import numpy as np
    from PIL import Image

    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise UserError(f"a frame is (height, width, 3) of uint8, this one is {frame.shape} of {frame.dtype}")
    scale = float(alignment[2])
    if not 0 < scale * max(frame.shape) < LARGEST or not bool(alignment.isfinite().all()):
        raise UserError(f"landmarks that ask for a scale of {scale:.3g} are no face in a frame of {frame.shape[:2]}")
    left, top, wide, high = crop_box(alignment[None])[0].tolist()
    if min(wide, high) < 1:
        raise UserError(f"the landmarks make the frame {wide} x {high} pixels large: they are no face")
    resized = Image.fromarray(frame).resize((wide, high), Image.Resampling.BICUBIC)
    return np.array(resized.crop((left, top, left + SIDE, top + SIDE)))


def landmarks_in_crop(points: Tensor, alignment: Tensor) -> Tensor:
    """The authors' labels (N, K, 2) in the aligned picture, of points in the frame; y from the bottom in both.

    As theirs, it does not know of the truncated corner of the crop.
    """
    size, scale, origin = alignment[:, None, :2], alignment[:, None, 2:3], alignment[:, None, 3:]
    return (points - origin + size / 2) * scale - ((size * scale).trunc() / 2 - SIDE / 2)


def arcface_matrix(points: Tensor) -> Tensor:
    """(N, 2, 3) from the aligned picture to ArcFace's 112 pixels: least squares for a turn, a scale and a shift.

    Args:
        points: (N, 5, 2) in the aligned picture, y down, pixel centres at whole numbers.
    """
    target = points.new_tensor(ARCFACE)
    middle, goal = points.mean(dim=1, keepdim=True), target.mean(dim=0)
    seen, wanted = points - middle, target - goal
    power = seen.square().sum(dim=(1, 2))
    cosine = (seen * wanted).sum(dim=(1, 2)) / power
    sine = (seen[..., 0] * wanted[..., 1] - seen[..., 1] * wanted[..., 0]).sum(dim=1) / power
    turn = torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], dim=1)
    shift = goal - (turn @ middle.transpose(1, 2))[..., 0]
    return torch.cat([turn, shift[..., None]], dim=2)
