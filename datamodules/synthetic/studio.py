"""Films a synthetic person: coefficients in, pictures out. The truth of a picture is exactly its coefficients."""

import cv2
import numpy as np
import torch
from torch import Tensor

from datamodules.synthetic.cavities import light_inside
from datamodules.synthetic.person import Person
from datamodules.synthetic.shading import shade_frames
from datamodules.synthetic.embedded import albedo, head, triangles
from datamodules.synthetic.sitter import Sitter, place_behind, seat
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.lighting import AMBIENT, harmonics
from models.face3d.rasterizer import Fragments, rasterize
from models.face3d.rotation import rotation_matrix

_CHUNK = 8  # frames at a time: memory stays bounded for any length
_SHEEN = 0.7
_FRAY = 0.022  # width of the hair's soft outline, in parts of the picture
_NOISE, _VIGNETTE = 1.6, 0.22  # grey levels; part of the light lost in the corners


def film(person: Person, coefficients: Coefficients, size: int) -> np.ndarray:
    """Pictures of a person, as seen by `Camera.deep3d(size)`.

    Args:
        person: of `draw_person`; its hair, clothes and paint.
        coefficients: (T, ...) of the embedded face model, which say everything else, light included.
        size: of the square pictures in pixels.

    Returns:
        (T, size, size, 3) uint8 RGB. The model's 68 landmarks, placed and projected, are where they are in the
        picture. A frame depends on its own coefficients, and in its sensor noise on its number.
    """
    sitter, background = seat(person), place_behind(person, size)
    count = len(coefficients.rotation)
    pictures = np.empty((count, size, size, 3), np.uint8)
    with torch.inference_mode():
        for start in range(0, count, _CHUNK):
            part = slice(start, min(start + _CHUNK, count))
            _shoot(sitter, background, coefficients[part], start, pictures[part])
    return pictures


def _shoot(sitter: Sitter, background: np.ndarray, part: Coefficients, start: int, pictures: np.ndarray) -> None:
    model, size = head(), pictures.shape[1]
    camera = Camera.deep3d(2 * size)
    frames = len(pictures)
    shape = model.shape(part.identity, part.expression, part.gaze)
    turn = rotation_matrix(part.rotation)
    points = _placed(shape, model.rigidity, turn, part.translation)
    fragments = rasterize(camera.view(points), triangles(), camera)
    body = torch.cat(
        [
            model.normals(points),
            albedo(part.texture),
            model.uv.expand(frames, -1, -1),
            light_inside(model, shape, sitter.openness)[..., None],
        ],
        dim=2,
    )
    hair, hair_triangles, hair_fragments = _hair(sitter, turn, part.translation, camera)
    gamma = part.lighting.view(-1, 3, 9).clone()
    gamma[..., 0] += AMBIENT
    gamma *= _harmonic_constants()
    half, glint = _key_light(gamma)
    cover = _cover(fragments.mask | hair_fragments.mask, round(_FRAY * 2 * size))
    keys = (np.arange(frames) + start + 7919 * (sitter.person.seed % 100003)) * (size * size)
    shade_frames(
        pictures, background, _NOISE, _VIGNETTE, keys,
        body.numpy(), triangles().numpy(), *_arrays(fragments), sitter.detail,
        hair.numpy(), hair_triangles.numpy(), *_arrays(hair_fragments), sitter.strands, _SHEEN, sitter.frizz, cover,
        gamma.numpy(), turn.numpy(), half.numpy(), glint.numpy(),
    )  # fmt: skip


def _arrays(fragments: Fragments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return fragments.triangle.numpy(), fragments.barycentric.numpy(), fragments.depth.numpy()


def _cover(seen: Tensor, width: int) -> np.ndarray:
    """(B, H, W) uint8: which share of the square of this width around each pixel is seen (bool), 255 for all."""
    masks = seen.numpy().view(np.uint8) * np.uint8(255)
    return np.stack([cv2.blur(cv2.blur(mask, (width, width)), (width // 2 + 1, width // 2 + 1)) for mask in masks])


def _placed(points: Tensor, stiffness: Tensor, turn: Tensor, translation: Tensor) -> Tensor:
    """World points (B, N, 3): what is stiff turns with the head, the shoulders only move with it."""
    turned = points @ turn.transpose(1, 2)
    return torch.lerp(points.expand_as(turned), turned, stiffness[:, None]) + translation[:, None]


def _hair(sitter: Sitter, turn: Tensor, translation: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Fragments]:
    frames, size = len(turn), (len(turn), camera.height, camera.width)
    if sitter.hair is None:
        nothing = Fragments(torch.full((1, 1, 1), -1).expand(size), torch.zeros(1, 1, 1, 1).expand(*size, 3), torch.zeros(1, 1, 1).expand(size))
        return torch.zeros(frames, 1, 9), torch.zeros(1, 3, dtype=torch.long), nothing
    mesh = sitter.hair
    points = _placed(mesh.vertices[None], mesh.stiffness, turn, translation)
    table = torch.cat(
        [
            mesh.normals @ turn.transpose(1, 2),
            mesh.tangents @ turn.transpose(1, 2),
            mesh.uv.expand(frames, -1, -1),
            sitter.hair_openness.expand(frames, -1)[..., None],
        ],
        dim=2,
    )
    return table, mesh.triangles, rasterize(camera.view(points), mesh.triangles, camera)


def _harmonic_constants() -> Tensor:
    """(9,) factors before 1, y, z, x, xy, yz, 3zz - 1, xz, xx - yy in `harmonics`."""
    x, y, z = torch.eye(3)
    probes = torch.stack([x, y, z, x, x + y, y + z, z, x + z, x])
    return harmonics(probes).diagonal() / torch.tensor([1, 1, 1, 1, 1, 1, 2, 1, 1])


def _key_light(gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Half-way vectors (B, 2, 3) between the strongest light and the camera, for skin and eyes, and its RGB (B, 3)."""
    linear = gamma[..., [3, 1, 2]]
    direction = torch.nn.functional.normalize(linear.mean(1), dim=-1)
    viewer = torch.tensor([0.0, 0.0, 1.0])
    skin = torch.nn.functional.normalize(direction + viewer, dim=-1)
    eyes = torch.nn.functional.normalize(skin + 0.7 * viewer, dim=-1)  # the cornea is rounder than the eyeball
    strength = (linear * direction[:, None]).sum(-1).clamp(min=0) + 0.35 * gamma[..., 0]
    return torch.stack([skin, eyes], dim=1), strength
