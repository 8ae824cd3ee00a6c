"""What `python -m models.official` can run of the 3D faces."""

import torch
from torch import Tensor

from models.face3d import alignment as alignments
from models.face3d.deep3d import read_deep3d
from models.weights import Weights

Outputs = dict[str, Tensor]


def deep3d_recon(weights: Weights, image: Tensor) -> Outputs:
    """Deep3D's coefficients of aligned pictures (B, 3, 224, 224) in [0, 1]; 261 with gaze in the order of HifiHead."""
    network = read_deep3d(weights).eval()
    feature = network.backbone(image)
    vector = network.head(feature).to_vector("hifihead" if network.gaze else "deep3d")
    return {"coefficients": vector, "feature": feature}


def deep3d_align(landmarks: Tensor, sizes: Tensor, standard_landmarks5: Tensor, image: Tensor) -> Outputs:
    """Deep3D's alignment of frames by 68 landmarks (N, 68, 2), and the aligned picture of the first frame."""
    height = sizes[:, 1, None].double()
    points = landmarks.double()
    upright = torch.stack([points[..., 0], height - 1 - points[..., 1]], dim=-1)
    five = alignments.five_points(upright)
    unseen = (landmarks == -1).all((1, 2))  # the authors' answer to a frame without a face: the standard face
    five[unseen] = ((standard_landmarks5.double()[:, :2] + 1) / 2 * sizes[unseen, None].double()).to(five)
    found = alignments.align(five, standard_landmarks5, sizes[:, 0], sizes[:, 1])
    cropped = alignments.landmarks_in_crop(upright, found)
    aligned = alignments.five_points(cropped) * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, alignments.SIDE - 1])
    left, top, wide, high = alignments.crop_box(found).unbind(-1)
    return {
        "landmarks5": alignments.five_points(landmarks),
        "transform_params": found,
        "resized_crop": torch.stack([left, top, wide, high], dim=-1),
        "landmarks_cropped": cropped,
        "arcface_matrix": alignments.arcface_matrix(aligned),
        "crop": torch.from_numpy(alignments.crop(image.numpy(), found[0]).copy()),
    }


def face3d_align(image: Tensor, lm68: Tensor, template: Tensor) -> Outputs:
    """SadTalker's alignment of one frame (H, W, 3) uint8 by 68 or 5 landmarks."""
    height, width = image.shape[:2]
    points = lm68.double()[None]
    upright = torch.stack([points[..., 0], height - 1 - points[..., 1]], dim=-1)
    five = upright if points.shape[1] == 5 else alignments.five_points(upright)
    found = alignments.align(five, template, width, height)
    return {
        "lm5": five[0],
        "trans_params": found[0],
        "aligned": torch.from_numpy(alignments.crop(image.numpy(), found[0]).copy()),
        "lm_new": alignments.landmarks_in_crop(upright, found)[0],
    }
