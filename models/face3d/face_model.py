"""What every face model offers, and the linear ones.

All face models speak the same units: decimetres, x right in the image, y up, z to the viewer, origin inside the head.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from models.errors import UserError


class FaceModel(Protocol):
    """A parametric head.

    name, version: stand beside coefficients on disk; coefficients of another name or version do not fit;
    n_identity, n_expression, n_texture: sizes of the parts; expression_names: one per number, "" where it has none;
    expression_low, expression_high: (n_expression,) limits, infinite where there are none; one unit is about one
    standard deviation, or the full movement where the limits are 0 and 1;
    triangles: (F, 3) int64, counter-clockwise seen from outside; vertex_part: (N,) int64 index into part_names.
    """

    name: str
    version: str
    n_identity: int
    n_expression: int
    n_texture: int
    expression_names: Sequence[str]
    expression_low: Tensor
    expression_high: Tensor
    triangles: Tensor
    vertex_part: Tensor
    part_names: Sequence[str]

    @property
    def has_eyes(self) -> bool:
        """Whether gaze moves anything."""
        ...

    def shape(self, identity: Tensor, expression: Tensor, gaze: Tensor | None = None) -> Tensor:
        """Vertices (B, N, 3) of the unturned head from (B, n_identity), (B, n_expression) and gaze (B, 4)."""
        ...

    def texture(self, texture: Tensor) -> Tensor:
        """Albedo (B, N, 3), RGB in [0, 1] but not clipped, from (B, n_texture)."""
        ...

    def landmarks68(self, shape: Tensor) -> Tensor:
        """The 68 iBUG points (B, 68, 3) of vertices (B, N, 3)."""
        ...

    def pupils(self, shape: Tensor) -> Tensor:
        """Centres of the pupils (B, 2, 3), the one left in the image first."""
        ...

    def normals(self, shape: Tensor) -> Tensor:
        """Unit normals (B, N, 3) of vertices (B, N, 3)."""
        ...


class LinearFaceModel(nn.Module):
    """Mean plus directions, for shape and albedo. See `FaceModel` for the meaning of everything.

    Args:
        name, version: of the model.
        mean: (N, 3) neutral vertices.
        identity_basis: (n_identity, N, 3).
        expression_basis: (n_expression, N, 3).
        mean_texture: (N, 3).
        texture_basis: (n_texture, N, 3).
        triangles: (F, 3).
        landmarks: (68,) vertex indices.
        neighbours: (N, K) triangles around each vertex, F where a place is unused; default: all of them.
        eyes: turns the eyeballs, or None for a model without.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        mean: Tensor,
        identity_basis: Tensor,
        expression_basis: Tensor,
        mean_texture: Tensor,
        texture_basis: Tensor,
        triangles: Tensor,
        landmarks: Tensor,
        neighbours: Tensor | None = None,
        expression_names: Sequence[str] | None = None,
        expression_low: Tensor | None = None,
        expression_high: Tensor | None = None,
        vertex_part: Tensor | None = None,
        part_names: Sequence[str] = ("face",),
        eyes: "Eyeballs | None" = None,
    ) -> None:
        super().__init__()
        self.name, self.version = name, version
        self.n_identity, self.n_expression, self.n_texture = map(len, (identity_basis, expression_basis, texture_basis))
        count = len(mean)
        for what, basis in (("identity", identity_basis), ("expression", expression_basis), ("texture", texture_basis)):
            if basis.shape[1:] != (count, 3):
                raise UserError(f"{name}: the {what} basis is {tuple(basis.shape)}, expected (n, {count}, 3)")
        unlimited = torch.full((self.n_expression,), torch.inf)
        self.expression_names: Sequence[str] = tuple(expression_names or [""] * self.n_expression)
        self.part_names: Sequence[str] = tuple(part_names)
        self.mean: Tensor
        self.identity_basis: Tensor
        self.expression_basis: Tensor
        self.mean_texture: Tensor
        self.texture_basis: Tensor
        self.triangles: Tensor
        self.landmarks: Tensor
        self.neighbours: Tensor
        self.expression_low: Tensor
        self.expression_high: Tensor
        self.vertex_part: Tensor
        for key, value in {
            "mean": mean.float(),
            "identity_basis": identity_basis.float(),
            "expression_basis": expression_basis.float(),
            "mean_texture": mean_texture.float(),
            "texture_basis": texture_basis.float(),
            "triangles": triangles.long(),
            "landmarks": landmarks.long(),
            "neighbours": triangles_around(triangles.long(), count) if neighbours is None else neighbours.long(),
            "expression_low": -unlimited if expression_low is None else expression_low.float(),
            "expression_high": unlimited if expression_high is None else expression_high.float(),
            "vertex_part": torch.zeros(count, dtype=torch.long) if vertex_part is None else vertex_part.long(),
        }.items():
            self.register_buffer(key, value, persistent=False)
        self.eyes = eyes

    @property
    def has_eyes(self) -> bool:
        """Whether gaze moves anything."""
        return self.eyes is not None

    def shape(self, identity: Tensor, expression: Tensor, gaze: Tensor | None = None) -> Tensor:
        """See `FaceModel.shape`; a model without eyeballs passes gaze over."""
        check_sizes(self, identity=identity, expression=expression)
        vertices = self.mean.flatten() + identity @ self.identity_basis.flatten(1)
        vertices = (vertices + expression @ self.expression_basis.flatten(1)).view(len(identity), -1, 3)
        return vertices if self.eyes is None else self.eyes(vertices, identity, gaze)

    def texture(self, texture: Tensor) -> Tensor:
        """See `FaceModel.texture`."""
        check_sizes(self, texture=texture)
        return (self.mean_texture.flatten() + texture @ self.texture_basis.flatten(1)).view(len(texture), -1, 3)

    def landmarks68(self, shape: Tensor) -> Tensor:
        """See `FaceModel.landmarks68`."""
        return shape[:, self.landmarks]

    def pupils(self, shape: Tensor) -> Tensor:
        """See `FaceModel.pupils`; without eyeballs, the middle of the lids' landmarks."""
        if self.eyes is not None:
            return self.eyes.pupils(shape)
        points = self.landmarks68(shape)
        return torch.stack([points[:, 36:42].mean(1), points[:, 42:48].mean(1)], dim=1)

    def normals(self, shape: Tensor) -> Tensor:
        """See `FaceModel.normals`."""
        return vertex_normals(shape, self.triangles, self.neighbours)


class Eyeballs(nn.Module):
    """Turns the eyeballs of a linear face model. The eye left in the image (the subject's right one) comes first.

    Args:
        vertices: for each of the two eyes, the indices of its vertices.
        centres: (2, 3) at zero identity.
        centre_basis: (n_identity, 2, 3) how identity moves them.
        pupils: (2,) vertex in the middle of each pupil.
    """

    def __init__(self, vertices: Sequence[Tensor], centres: Tensor, centre_basis: Tensor, pupils: Tensor) -> None:
        super().__init__()
        self.first: Tensor
        self.second: Tensor
        self.centres: Tensor
        self.centre_basis: Tensor
        self.pupil_vertices: Tensor
        for key, value in {
            "first": vertices[0].long(),
            "second": vertices[1].long(),
            "centres": centres.float(),
            "centre_basis": centre_basis.float(),
            "pupil_vertices": pupils.long(),
        }.items():
            self.register_buffer(key, value, persistent=False)

    def forward(self, shape: Tensor, identity: Tensor, gaze: Tensor | None) -> Tensor:
        """Vertices (B, N, 3) with the eyeballs turned by gaze (B, 4)."""
        from models.face3d.rotation import rotation_matrix

        if gaze is None:
            return shape
        centres = self.centres + torch.einsum("bi,iek->bek", identity, self.centre_basis)
        for eye, index in enumerate((self.first, self.second)):
            angles = torch.cat([gaze[:, 2 * eye : 2 * eye + 2], gaze.new_zeros(len(gaze), 1)], dim=1)
            centre = centres[:, eye, None]
            turned = (shape[:, index] - centre) @ rotation_matrix(angles).transpose(1, 2) + centre
            shape = shape.index_copy(1, index, turned)
        return shape

    def pupils(self, shape: Tensor) -> Tensor:
        """(B, 2, 3) of vertices (B, N, 3)."""
        return shape[:, self.pupil_vertices]


def check_sizes(model: FaceModel, **parts: Tensor) -> None:
    """Raise `UserError` where coefficients (B, n) of the named parts are of another face model's size."""
    for name, part in parts.items():
        size = getattr(model, f"n_{name}")
        if part.shape[-1] != size:
            raise UserError(
                f"the face model {model.name} has {size} numbers of {name}, these coefficients have {part.shape[-1]}: "
                "they belong to another face model"
            )


def vertex_normals(shape: Tensor, triangles: Tensor, neighbours: Tensor) -> Tensor:
    """Unit normals (B, N, 3): the triangles around a vertex count alike, whatever their area, as in Deep3D."""
    a, b, c = shape[:, triangles].unbind(2)
    faces = nn.functional.normalize(torch.linalg.cross(a - b, b - c), dim=-1)
    faces = nn.functional.pad(faces, (0, 0, 0, 1))  # the unused places of `neighbours` point at a zero
    return nn.functional.normalize(faces[:, neighbours].sum(2), dim=-1)


def triangles_around(triangles: Tensor, vertices: int) -> Tensor:
    """(N, K) int64 indices of the triangles at each vertex, filled up with F, from (F, 3)."""
    corner = triangles.flatten()
    order = corner.argsort(stable=True)
    counts = corner.bincount(minlength=vertices)
    place = torch.arange(len(corner), device=corner.device) - (counts.cumsum(0) - counts)[corner[order]]
    table = torch.full((vertices, int(counts.max())), len(triangles), device=corner.device)
    table[corner[order], place] = order // 3
    return table
