"""The ICT face model light (Li et al., CVPR 2020; ICT-FaceKit, MIT) from its arrays, with eyeballs that turn.

The model has no albedo: the colours here are painted by part, and the texture numbers are a small basis made by hand.
"""

import hashlib
from math import radians
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.assets import find
from models.errors import UserError
from models.face3d.face_model import Eyeballs, LinearFaceModel
from models.face3d.ict_paint import paint
from models.weights import read_arrays

DECIMETRES_PER_CENTIMETRE = 0.1
SIDES = ("right", "left")  # the subject's right eye stands left in the image and comes first
IDENTITY, EXPRESSION = 100, 53
# What `paint` and this file make of the arrays; a change that gives old coefficients another meaning counts it up.
REVISION = 1
_NEEDED = (
    "vertices",
    "triangles",
    "uv",
    "triangles_uv",
    "vertex_part",
    "part_names",
    "triangle_material",
    "material_names",
    "identity_offsets",
    "expression_offsets",
    "expression_names",
    "landmarks68",
    "eyeball_centers",
    "eyeball_axes",
    "eyeball_center_identity_offsets",
    "format_version",
    "length_unit",
)


def load_ict(path: str | None = None) -> LinearFaceModel:
    """ICT's head: 100 identity modes (standard normal), 53 named expressions in [0, 1], gaze, painted texture.

    Vertices keep the file's order and number. The eyeballs are spheres that look straight ahead at zero gaze for every
    identity, which moves and scales but does not turn them. The full and the reduced file share identity, expression
    and texture numbers, and therefore `version`.

    Args:
        path: `ict_face_model.npz` or `ict_face_model_lite.npz`; None: the asset ict_face_model.

    Raises:
        UserError: the file is missing, or is not this model.
    """
    file = find("ict_face_model") if path is None else Path(path).expanduser()
    arrays = read_arrays(file)
    _check(file, arrays)
    names = [str(name) for name in arrays["part_names"]]
    vertices = torch.from_numpy(arrays["vertices"]).float() * DECIMETRES_PER_CENTIMETRE
    identity = torch.from_numpy(arrays["identity_offsets"]).float() * DECIMETRES_PER_CENTIMETRE
    mean_texture, texture_basis = paint(arrays)
    mean, identity, eyes = _with_eyeballs(arrays, vertices, identity)
    hidden = [index for index, name in enumerate(arrays["material_names"]) if str(name).startswith("M_Iris")]
    drawn = ~np.isin(arrays["triangle_material"], hidden)  # the inner shells lie behind the outer ones
    return LinearFaceModel(
        "ict",
        _version(arrays),
        mean=mean,
        identity_basis=identity,
        expression_basis=torch.from_numpy(arrays["expression_offsets"]).float() * DECIMETRES_PER_CENTIMETRE,
        mean_texture=mean_texture,
        texture_basis=texture_basis,
        triangles=torch.from_numpy(arrays["triangles"][drawn]),
        landmarks=torch.from_numpy(arrays["landmarks68"]),
        expression_names=[str(name) for name in arrays["expression_names"]],
        expression_low=torch.zeros(EXPRESSION),
        expression_high=torch.ones(EXPRESSION),
        vertex_part=torch.from_numpy(arrays["vertex_part"]),
        part_names=names,
        eyes=eyes,
    )


def _check(file: Path, arrays: dict[str, np.ndarray]) -> None:
    missing = [key for key in _NEEDED if key not in arrays]
    if missing:
        raise UserError(f"{file} is not the ICT face model: it lacks {', '.join(missing)}")
    count = len(arrays["vertices"])
    wanted = {
        "identity_offsets": (IDENTITY, count, 3),
        "expression_offsets": (EXPRESSION, count, 3),
        "landmarks68": (68,),
        "eyeball_center_identity_offsets": (IDENTITY, 2, 3),
        "triangles_uv": arrays["triangles"].shape,
    }
    for key, shape in wanted.items():
        if arrays[key].shape != shape:
            raise UserError(f"{file}: {key} is {arrays[key].shape}, the ICT face model has {shape}")
    if str(arrays["length_unit"]) != "centimetre" or int(arrays["format_version"]) != 1:
        raise UserError(f"{file} is not of format 1 in centimetres: make it with models.face3d.ict_preparation")


def _version(arrays: dict[str, np.ndarray]) -> str:
    """What coefficients of this model mean: the same for both files, whose landmarks move alike to the bit."""
    digest = hashlib.sha256()
    landmarks = arrays["landmarks68"]
    for part in (
        arrays["vertices"][landmarks],
        arrays["identity_offsets"][:, landmarks],
        arrays["expression_offsets"][:, landmarks],
    ):
        digest.update(np.ascontiguousarray(part).tobytes())
    return f"{int(arrays['format_version'])}.{REVISION}-{digest.hexdigest()[:12]}"


def _with_eyeballs(
    arrays: dict[str, np.ndarray], vertices: Tensor, identity: Tensor
) -> tuple[Tensor, Tensor, Eyeballs]:
    """The mean (N, 3) and the identity basis (100, N, 3) with round eyeballs that look ahead, and what turns them."""
    mean, basis = vertices.clone(), identity.clone()
    names = [str(name) for name in arrays["part_names"]]
    order = [1, 0]  # the file counts the subject's left eye first
    centres = torch.from_numpy(arrays["eyeball_centers"])[order] * DECIMETRES_PER_CENTIMETRE
    centre_basis = torch.from_numpy(arrays["eyeball_center_identity_offsets"])[:, order] * DECIMETRES_PER_CENTIMETRE
    axes = torch.from_numpy(arrays["eyeball_axes"])[order]
    indices, pupils = [], []
    for eye, side in enumerate(SIDES):
        index = torch.from_numpy(np.flatnonzero(arrays["vertex_part"] == names.index(f"eyeball_{side}")))
        local = vertices[index] - centres[eye]
        outer = torch.isin(index, torch.from_numpy(outer_shell(arrays, side)))
        # Identity changes the size of the ball and tilts it; the tilt, which would add to gaze, is left out.
        change = identity[:, index] - centre_basis[:, eye, None]
        scale = (change * local).sum((1, 2)) / local.square().sum()
        round_ball = _turned_ahead(_without_cornea(local, outer), axes[eye])
        mean[index] = centres[eye] + round_ball
        basis[:, index] = centre_basis[:, eye, None] + scale[:, None, None] * round_ball
        indices.append(index)
        pupils.append(index[(round_ball[:, 2] - 10 * ~outer).argmax()])
    return mean, basis, Eyeballs(indices, centres, centre_basis, torch.stack(pupils))


def outer_shell(arrays: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Indices of the vertices of one eye's outer shell; `side` is the subject's."""
    material = [str(name) for name in arrays["material_names"]].index(f"M_Sclera{side.capitalize()}")
    return np.unique(arrays["triangles"][arrays["triangle_material"] == material])


def _without_cornea(local: Tensor, outer: Tensor) -> Tensor:
    """Points about an eyeball's centre, those beyond 0.95 of the outer shell's median distance drawn back to that.

    Else the cornea shows through closed lids.
    """
    distance = local.norm(dim=1, keepdim=True)
    limit = 0.95 * distance[outer].median()
    return local * (limit / distance).clamp(max=1)


def _turned_ahead(local: Tensor, axis: Tensor) -> Tensor:
    """Points of an eyeball whose optical `axis` (3,) is turned to +z by the shortest way."""
    from torch.linalg import cross, matrix_exp

    axis = axis / axis.norm()
    ahead = axis.new_tensor([0, 0, 1])
    normal = cross(axis, ahead)
    angle = torch.atan2(normal.norm(), axis @ ahead)
    if angle < radians(1e-3):
        return local
    x, y, z = (normal / normal.norm() * angle).tolist()
    return local @ matrix_exp(axis.new_tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])).T
