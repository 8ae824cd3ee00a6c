"""What `python -m models.official` can run of the 3D faces."""

from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from models.errors import UserError
from models.face3d import alignment as alignments
from models.face3d import semantics
from models.face3d.bfm import load_bfm
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.deep3d import read_deep3d
from models.face3d.eye_ratio import eye_ratio as openness
from models.face3d.flame import load_flame
from models.face3d.lighting import shade
from models.face3d.rasterizer import interpolate, rasterize
from models.face3d.rotation import place, rotation_matrix
from models.weights import Weights

Outputs = dict[str, Tensor]
AsInFile = Annotated[Tensor, "in the precision of the inputs file"]  # pixels may need more than float32


def _expect(name: str, array: Tensor, shape: tuple[int | None, ...]) -> None:
    """`UserError` unless an array has a shape, None standing for any size but 0."""
    fits = array.ndim == len(shape) and all(
        have == want or (want is None and have) for have, want in zip(array.shape, shape)
    )
    if not fits:
        words = ", ".join("n" if size is None else str(size) for size in shape)
        raise UserError(f"{name} is {tuple(array.shape)}, expected ({words})")


def deep3d_recon(weights: Weights, image: Tensor) -> Outputs:
    """Deep3D's coefficients of aligned pictures (B, 3, 224, 224) in [0, 1]; 261 with gaze in the order of HifiHead."""
    network = read_deep3d(weights).eval()
    feature = network.backbone(image)
    vector = network.head(feature).to_vector("hifihead" if network.gaze else "deep3d")
    return {"coefficients": vector, "feature": feature}


def deep3d_align(landmarks: AsInFile, sizes: Tensor, standard_landmarks5: AsInFile, image: Tensor) -> Outputs:
    """Deep3D's alignment of frames by 68 landmarks (N, 68, 2), and the aligned picture of the first frame."""
    _expect("landmarks", landmarks, (None, 68, 2))
    _expect("sizes", sizes, (len(landmarks), 2))
    _expect("standard_landmarks5", standard_landmarks5, (5, 3))
    _expect("image", image, (int(sizes[0, 1]), int(sizes[0, 0]), 3))
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
        "crop": torch.from_numpy(alignments.crop(image.numpy(), found[0])),
    }


def face3d_align(image: Tensor, lm68: AsInFile, template: AsInFile) -> Outputs:
    """SadTalker's alignment of one frame (H, W, 3) uint8 by 68 or 5 landmarks."""
    _expect("image", image, (None, None, 3))
    _expect("lm68", lm68, (5 if len(lm68) == 5 else 68, 2))
    _expect("template", template, (5, 3))
    height, width = image.shape[:2]
    points = lm68.double()[None]
    upright = torch.stack([points[..., 0], height - 1 - points[..., 1]], dim=-1)
    five = upright if points.shape[1] == 5 else alignments.five_points(upright)
    found = alignments.align(five, template, width, height)
    return {
        "lm5": five[0],
        "trans_params": found[0],
        "aligned": torch.from_numpy(alignments.crop(image.numpy(), found[0])),
        "lm_new": alignments.landmarks_in_crop(upright, found)[0],
    }


def bfm(coefficients: Tensor, model_file: Path | None = None) -> Outputs:
    """The Basel Face Model of BFM_model_front.mat: coefficients (B, 257) to everything that Deep3D's renderer gets.

    In float64 inside: where the triangles around a vertex face many ways, its normal magnifies rounding.
    """
    _expect("coefficients", coefficients, (None, 257))
    model, camera = load_bfm(_text(model_file)).double(), Camera.deep3d(224)
    parts = Coefficients.from_vector(coefficients.double(), "deep3d")
    shape, texture = model.shape(parts.identity, parts.expression), model.texture(parts.texture)
    rotation = rotation_matrix(parts.rotation).transpose(1, 2)  # for points as rows
    normal = model.normals(shape)
    transformed = place(shape, parts.rotation, parts.translation)
    pixels = camera.project(camera.view(transformed))
    upwards = torch.stack([pixels[..., 0], camera.height - pixels[..., 1]], dim=-1)
    outputs = {
        "shape": shape,
        "texture": texture,
        "normal": normal,
        "rotation": rotation,
        "normal_rotated": normal @ rotation,
        "color": shade(texture, normal @ rotation, parts.lighting),
        "transformed": transformed,
        "camera": camera.view(transformed),
        "projected": upwards,
        "landmarks": upwards[:, model.landmarks],
    }
    single = {key: value.float() for key, value in outputs.items()}
    return {**single, "front_triangles": model.front_triangles, "front_vertices": model.front_vertices}


def flame(
    shape: Tensor,
    expression: Tensor,
    pose: Tensor,
    pose_full: Tensor,
    eye_pose: Tensor | None = None,
    model_file: Path | None = None,
    *,
    landmark_file: str = "",
) -> Outputs:
    """FLAME's vertices and landmarks in metres; landmark_file: default landmark_embedding beside the model's file."""
    _expect("shape", shape, (None, shape.shape[-1]))
    for name, array, size in (("expression", expression, None), ("pose", pose, 6), ("pose_full", pose_full, 15)):
        _expect(name, array, (len(shape), size))
    model = load_flame(_text(model_file), landmark_file or None)
    eyes = torch.zeros_like(pose) if eye_pose is None else eye_pose
    straight_neck = torch.cat([pose[:, :3], torch.zeros_like(pose[:, :3]), pose[:, 3:], eyes], dim=1)
    vertices, _ = model.skin(shape, expression, straight_neck)
    vertices_full, joints_full = model.skin(shape, expression, pose_full)
    row = model.contour_row(straight_neck)
    return {
        "vertices": vertices,
        "landmarks2d": model.landmarks2d(vertices, row),
        "landmarks3d": model.landmarks3d(vertices),
        "vertices_full": vertices_full,
        "joints_full": joints_full,
        "contour_row": row,
        "contour_row_full": model.contour_row(pose_full),
    }


def semantics73(
    coefficients: AsInFile,
    transform_params: AsInFile,
    source_coefficients: AsInFile,
    source_transform_params: AsInFile,
    *,
    length: int = semantics.PIRENDER_WINDOW,
) -> Outputs:
    """Motion vectors (T, 73) and windows of PIRender, StyleHEAT and SadTalker from (T, 257) and alignments (T, 5)."""
    vectors = semantics.motion_vectors(Coefficients.from_vector(coefficients, "deep3d"), transform_params)
    source = semantics.motion_vectors(
        Coefficients.from_vector(source_coefficients[:1], "deep3d"), source_transform_params[:1]
    )[0]
    windows, still = semantics.windows(vectors, length), semantics.still_window(source, length)
    ratio, best_frame = semantics.crop_scale(vectors, source)
    return {
        "semantics": vectors,
        "windows": windows,
        "source_window": still,
        "crop_norm_ratio": ratio,
        "windows_cross_identity": semantics.with_crop_scale(windows, ratio),
        "windows_expression_only": semantics.with_expression_of(windows, still),
        "window_index": semantics.window_index(len(vectors), length),
        "best_frame": best_frame,
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def rasterizer(
    vertices: Tensor,
    triangles: Tensor,
    color: Tensor,
    focal: Tensor,
    cx: Tensor,
    cy: Tensor,
    size: Tensor,
    ignore: Tensor | None = None,
) -> Outputs:
    """The nearest triangle of each pixel, where on it, how deep and which colour; `ignore` is for comparing alone."""
    _expect("vertices", vertices, (None, None, 3))
    _expect("color", color, (*vertices.shape[:2], None))
    _expect("triangles", triangles, (None, 3))
    _expect("size", size, (2,))
    height, width = size.long().tolist()
    fragments = rasterize(vertices, triangles.long(), Camera(height, width, float(focal), float(cx), float(cy)))
    return {
        "triangle": fragments.triangle,
        "barycentric": fragments.barycentric,
        "depth": fragments.depth,
        "image": interpolate(fragments, triangles.long(), color),
    }


rasterizer_ict = rasterizer  # a case of its own: a head of the ICT face model


def eye_ratio(landmarks: AsInFile) -> Outputs:
    """How far the eyes are open by 68 landmarks (n, 68, 2)."""
    _expect("landmarks", landmarks, (None, 68, 2))
    eyes = openness(landmarks.double())  # lids that nearly touch are the difference of large numbers
    return {
        "eye_width": eyes.width,
        "eye_height": eyes.height,
        "eye_ratio": eyes.ratio,
        "ear_right": eyes.right,
        "ear_left": eyes.left,
    }
