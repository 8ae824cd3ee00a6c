"""Films a synthetic person: coefficients in, pictures out. The truth of a picture is exactly its coefficients."""

from functools import cache

import cv2
import numpy as np
import torch
from torch import Tensor

from datamodules.synthetic.cavities import light_inside
from datamodules.synthetic.embedded import albedo, head, triangles
from datamodules.synthetic.person import Person
from datamodules.synthetic.shading import Lens, Lights, Surface, shade_frames
from datamodules.synthetic.sitter import Sitter, place_behind, seat
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.lighting import AMBIENT, harmonics
from models.face3d.rasterizer import Fragments, rasterize
from models.face3d.rotation import rotation_matrix

_CHUNK, _PIXELS = 16, 2**19  # most frames and pixels at a time: memory stays bounded for any length and size
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
        chunk = max(1, min(_CHUNK, _PIXELS // size**2))
        for start in range(0, count, chunk):
            part = slice(start, min(start + chunk, count))
            _shoot(sitter, background, coefficients[part], start, pictures[part])
    return pictures


def _shoot(sitter: Sitter, background: np.ndarray, part: Coefficients, start: int, pictures: np.ndarray) -> None:
    """A few frames, of which the first has the number `start`."""
    size = pictures.shape[1]
    camera = Camera.deep3d(2 * size)
    turn = rotation_matrix(part.rotation)
    body = _body(sitter, part, turn, camera)
    hair = _hair(sitter, part, turn, camera)
    keys = (np.arange(len(pictures)) + start + 7919 * (sitter.person.seed % 100003)) * (size * size)
    lens = Lens(_SHEEN, sitter.frizz, _NOISE, _VIGNETTE)
    cover = _cover((body.triangle >= 0) | (hair.triangle >= 0), round(_FRAY * 2 * size))
    shade_frames(pictures, background, keys, body, hair, _lights(part.lighting, turn), lens, cover)


def _body(sitter: Sitter, part: Coefficients, turn: Tensor, camera: Camera) -> Surface:
    """The embedded head with its shoulders."""
    model = head()
    shape = model.shape(part.identity, part.expression, part.gaze)
    points = _placed(shape, model.rigidity, turn, part.translation)
    uv = model.uv.expand(len(shape), -1, -1)
    openness = light_inside(model, shape, sitter.openness)[..., None]
    table = torch.cat([model.normals(points), albedo(part.texture), uv, openness], dim=2)
    return _surface(table, triangles(), rasterize(camera.view(points), triangles(), camera), sitter.detail)


def _hair(sitter: Sitter, part: Coefficients, turn: Tensor, camera: Camera) -> Surface:
    """The sheet of hair, which may have no triangles."""
    frames, mesh = len(turn), sitter.hair
    points = _placed(mesh.vertices[None], mesh.stiffness, turn, part.translation)
    uv = mesh.uv.expand(frames, -1, -1)
    openness = sitter.hair_openness.expand(frames, -1)[..., None]
    turned = (mesh.normals @ turn.transpose(1, 2), mesh.tangents @ turn.transpose(1, 2))
    fragments = rasterize(camera.view(points), mesh.triangles, camera)
    return _surface(torch.cat([*turned, uv, openness], dim=2), mesh.triangles, fragments, sitter.strands)


def _surface(table: Tensor, faces: Tensor, fragments: Fragments, paint: np.ndarray) -> Surface:
    seen = (fragments.triangle.numpy(), fragments.barycentric.numpy(), fragments.depth.numpy())
    return Surface(table.numpy(), faces.numpy(), *seen, paint)


def _placed(points: Tensor, stiffness: Tensor, turn: Tensor, translation: Tensor) -> Tensor:
    """World points (B, N, 3): what is stiff turns with the head, the shoulders only move with it."""
    turned = points @ turn.transpose(1, 2)
    return torch.lerp(points.expand_as(turned), turned, stiffness[:, None]) + translation[:, None]


def _cover(seen: np.ndarray, width: int) -> np.ndarray:
    """(B, H, W) uint8: which share of the square of this width around each pixel is seen (bool), 255 for all."""
    masks = seen.view(np.uint8) * np.uint8(255)
    return np.stack([cv2.blur(cv2.blur(mask, (width, width)), (width // 2 + 1, width // 2 + 1)) for mask in masks])


@cache
def _harmonic_constants() -> Tensor:
    """(9,) factors before 1, y, z, x, xy, yz, 3zz - 1, xz, xx - yy in `harmonics`."""
    x, y, z = torch.eye(3)
    probes = torch.stack([x, y, z, x, x + y, y + z, z, x + z, x])
    return harmonics(probes).diagonal() / torch.tensor([1, 1, 1, 1, 1, 1, 2, 1, 1])


def _lights(lighting: Tensor, turn: Tensor) -> Lights:
    """Lighting (B, 27) as the shader wants it; the strongest direction in it makes the highlights."""
    gamma = lighting.view(-1, 3, 9).clone()
    gamma[..., 0] += AMBIENT
    gamma *= _harmonic_constants()
    linear = gamma[..., [3, 1, 2]]  # x, y, z
    direction = torch.nn.functional.normalize(linear.mean(1), dim=-1)
    viewer = torch.tensor([0.0, 0.0, 1.0])
    skin = torch.nn.functional.normalize(direction + viewer, dim=-1)
    eyes = torch.nn.functional.normalize(skin + 0.7 * viewer, dim=-1)  # the cornea is rounder than the eyeball
    glint = (linear * direction[:, None]).sum(-1).clamp(min=0) + 0.35 * gamma[..., 0]
    return Lights(gamma.numpy(), turn.numpy(), torch.stack([skin, eyes], dim=1).numpy(), glint.numpy())
