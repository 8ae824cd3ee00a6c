"""Pictures of a face model: lit colours, normals, depth, mask, and where its landmarks lie."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.lighting import shade
from models.face3d.rasterizer import Backend, interpolate, rasterize
from models.face3d.rotation import place, rotation_matrix


@dataclass(frozen=True)
class Rendering:
    """What `render` makes, float32 (float64 from float64 coefficients).

    image: (B, 3, H, W) RGB in [-1, 1], -1 (black) on the background; too bright light is clipped, without gradient;
    mask: (B, 1, H, W) 1 where the head is, else 0; not differentiable;
    normals: (B, 3, H, W) unit length in world directions (x right, y up, z to the viewer), 0 on the background;
    depth: (B, 1, H, W) decimetres from the camera's plane, 0 on the background;
    landmarks: (B, 68, 2) and pupils: (B, 2, 2) in pixels, x right, y down, pixel centres at +0.5.
    """

    image: Tensor
    mask: Tensor
    normals: Tensor
    depth: Tensor
    landmarks: Tensor
    pupils: Tensor


def render(model: FaceModel, coefficients: Coefficients, camera: Camera, backend: Backend = "auto") -> Rendering:
    """Pictures of heads, differentiable to all coefficients but for what is seen where.

    Colours and light are computed at the vertices and mixed between them, as Deep3D (Deng et al., CVPRW 2019) does.
    To show one face with another's texture or light, replace those parts of the coefficients.

    Args:
        model: of the coefficients' sizes.
        coefficients: parts (B, n).
        camera: gives the size of the pictures.
        backend: of `rasterize`.
    """
    with torch.autocast(coefficients.rotation.device.type, enabled=False):  # a pixel is a thousandth of the distance
        exact = coefficients.map(lambda part: part.to(torch.promote_types(part.dtype, torch.float32)))
        shape = model.shape(exact.identity, exact.expression, exact.gaze)
        normals = model.normals(shape) @ rotation_matrix(exact.rotation).transpose(1, 2)
        colours = shade(model.texture(exact.texture), normals, exact.lighting)

        def seen(points: Tensor) -> Tensor:
            return camera.view(place(points, exact.rotation, exact.translation))

        fragments = rasterize(seen(shape), model.triangles, camera, backend)
        picture = interpolate(fragments, model.triangles, torch.cat([colours, normals], dim=-1))
        picture = picture.movedim(-1, 1).contiguous()
        colour, normal = picture[:, :3], picture[:, 3:]
        return Rendering(
            image=colour.clamp(0, 1) * 2 - 1,
            mask=fragments.mask[:, None].to(normal),
            normals=normal * normal.square().sum(1, keepdim=True).clamp(min=1e-12).rsqrt(),
            depth=fragments.depth[:, None],
            landmarks=camera.project(seen(model.landmarks68(shape))),
            pupils=camera.project(seen(model.pupils(shape))),
        )
