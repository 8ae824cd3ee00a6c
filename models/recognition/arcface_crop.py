"""Faces as ArcFace was trained on: 112 pixels, eyes, nose and mouth corners on insightface's template.

Letters: N faces, S side of the pictures.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.face3d.alignment import arcface_matrix, five_points

SIDE = 112
FINEST = 8  # samples per pixel and direction, at most


def arcface_crop(images: Tensor, landmarks: Tensor) -> Tensor:
    """Aligned faces (N, 3, 112, 112) of images (N, 3, S, S) in [-1, 1]; black outside of the picture.

    The five points are taken from the 68 as in insightface's own evaluation: corners of the eyes, averaged. Bilinear as
    theirs, but where the face is larger than 112 pixels, several samples are averaged, so that a large picture does not
    alias.

    Args:
        images: the pictures.
        landmarks: (N, 68, 2) in their pixels, centres at +0.5.

    """
    if not len(images):
        return images.new_zeros(0, 3, SIDE, SIDE)
    matrix = arcface_matrix(five_points(landmarks.double()) - 0.5)  # to the template, centres at whole numbers
    scale = matrix[:, :, :2].det().abs().sqrt()  # template pixels per picture pixel
    fine = int((1 / scale.min()).round().clamp(1, FINEST))
    steps = (torch.arange(SIDE * fine, device=images.device, dtype=matrix.dtype) + 0.5) / fine - 0.5
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    template = torch.stack([columns, rows], dim=-1).view(1, -1, 2)
    places = torch.linalg.solve(matrix[:, :, :2], (template - matrix[:, None, :, 2]).transpose(1, 2)).transpose(1, 2)
    size = images.new_tensor(images.shape[:1:-1], dtype=matrix.dtype)  # width, height
    grid = (2 * (places + 0.5) / size - 1).view(-1, SIDE * fine, SIDE * fine, 2).to(images.dtype)
    sampled = F.grid_sample(images + 1, grid, padding_mode="zeros", align_corners=False) - 1
    return F.avg_pool2d(sampled, fine) if fine > 1 else sampled
