"""The embedded face model as a module."""

import numpy as np
import torch
from torch import Tensor

from models.face3d.face_model import Eyeballs, LinearFaceModel, triangles_around
from models.face3d.procedural.assembly import PART_NAMES, Head, head, lip_loop
from models.face3d.procedural.curves import step
from models.face3d.procedural.expressions import expressions
from models.face3d.procedural.identity import identities
from models.face3d.procedural.movements import NAMES
from models.face3d.procedural.texture import textures
from models.face3d.procedural.traits import EYES

VERSION = "1"  # stands beside coefficients on disk: change it whenever the geometry or its directions change


class ProceduralHead(LinearFaceModel):
    """A head made in code. Beside the buffers of `LinearFaceModel`:

    rigidity: (N,) 1 where a vertex turns with the head, 0 where it stays with the shoulders. `place()` turns all:
        blend its result, by r times, with the merely moved vertices v + translation, by (1 - r) times.
    uv: (N, 2) texture coordinates in [0, 1], v up, islands as in `assembly.UV_ISLANDS`.
    identity_names, texture_names: one per direction, "" for those without a meaning.
    """

    rigidity: Tensor
    uv: Tensor
    identity_names: tuple[str, ...]
    texture_names: tuple[str, ...]


def rigidity(mesh: Head) -> np.ndarray:
    """(N,) see `ProceduralHead`."""
    stiff = np.ones(len(mesh.vertices))
    back = 0.5 - 0.5 * np.cos(mesh.angle)
    stiff[: mesh.skin] = step(-1.70, -0.95, mesh.label + 0.15 * back)
    low, high = mesh.piece["torso"]
    stiff[low:high] = 0
    return stiff


def neighbours(mesh: Head) -> Tensor:
    """(N, K) triangles around each vertex, across the seams too, where the texture tears but the surface does not."""
    partner = np.arange(len(mesh.vertices))
    behind = np.flatnonzero(mesh.angle < -np.pi + 1e-6)  # the skin is doubled along the middle of the back
    partner[behind] = mesh.mirror[behind]
    loop = lip_loop(mesh.rings)
    partner[mesh.piece["mouth_cavity"][0] + np.arange(len(loop))] = loop
    for name in ("hair", "torso", "ear_right", "ear_left"):  # grids that go once around
        columns = mesh.columns[name]
        low, high = mesh.piece[name]
        partner[low + columns - 1 : high : columns] = np.arange(low, high, columns)
    welded = torch.from_numpy(partner)
    return triangles_around(welded[torch.from_numpy(mesh.triangles)], len(partner))[welded]


def procedural_head() -> ProceduralHead:
    """The project's own face model: about 3,000 vertices, 80 identity, 64 expression, 80 texture directions.

    Needs no asset; takes about a second. The same arrays every time.
    """
    mesh = head()
    shapes, centres, identity_names = identities()
    moves, names = expressions()
    mean_colour, colours, texture_names = textures()

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array))

    eyes = Eyeballs(
        [torch.arange(*mesh.piece[piece]) for piece in ("eye_right", "eye_left")],
        tensor(EYES),
        tensor(centres),
        torch.tensor([mesh.piece[piece][0] for piece in ("eye_right", "eye_left")]),
    )
    named = torch.arange(len(names)) < len(NAMES)
    model = ProceduralHead(
        "procedural",
        VERSION,
        mean=tensor(mesh.vertices),
        identity_basis=tensor(shapes),
        expression_basis=tensor(moves),
        mean_texture=tensor(mean_colour),
        texture_basis=tensor(colours),
        triangles=tensor(mesh.triangles),
        landmarks=tensor(mesh.landmarks),
        neighbours=neighbours(mesh),
        expression_names=names,
        expression_low=torch.where(named, 0.0, -1.0),
        expression_high=torch.ones(len(names)),
        vertex_part=tensor(mesh.part),
        part_names=PART_NAMES,
        eyes=eyes,
    )
    model.register_buffer("rigidity", tensor(rigidity(mesh)).float(), persistent=False)
    model.register_buffer("uv", tensor(mesh.uv).float(), persistent=False)
    model.identity_names, model.texture_names = tuple(identity_names), tuple(texture_names)
    return model
