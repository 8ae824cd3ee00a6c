"""A person made ready for filming: what depends on the person alone is computed once."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

from datamodules.synthetic.background import paint_background
from datamodules.synthetic.canvas import Atlas, unfold
from datamodules.synthetic.embedded import albedo, eye_centres, head, triangles
from datamodules.synthetic.hair import HairMesh, Skull, frizz, hair_mesh
from datamodules.synthetic.hair_paint import paint_strands
from datamodules.synthetic.makeup import paint_person
from datamodules.synthetic.occlusion import darken, openness, smooth
from datamodules.synthetic.person import Person


@cache
def atlas() -> Atlas:
    """The embedded head's texture atlas."""
    return unfold(head(), triangles(), head().uv)


@dataclass(frozen=True)
class Sitter:
    """openness (N,) and hair_openness (M,): factors on the light; detail (S, S, 12) and strands (h, w, 5): paint;
    frizz: how far the outline of the hair frays.
    """

    person: Person
    openness: Tensor
    detail: np.ndarray
    hair: HairMesh
    hair_openness: Tensor
    strands: np.ndarray
    frizz: float


@lru_cache(maxsize=2)
def seat(person: Person) -> Sitter:
    """Everything of a person that all frames share."""
    model = head()
    identity = torch.from_numpy(person.identity)[None]
    with torch.inference_mode():
        neutral = model.shape(identity, torch.zeros(1, model.n_expression), torch.zeros(1, 4))
        normals = model.normals(neutral)[0]
        points, faces = neutral[0], triangles()
        mesh = hair_mesh(person.hair, skull(points), person.seed)
        count = len(points)
        points, normals = torch.cat([points, mesh.vertices]), torch.cat([normals, mesh.normals])
        faces = torch.cat([faces, mesh.triangles + count])
        shares = openness(points, normals, faces, torch.arange(count, len(points)))
        shares = darken(smooth(shares, faces))
    strands = paint_strands(person.hair, person.seed)
    colours = albedo(torch.from_numpy(person.texture)[None])[0]
    neck = colours[model.vertex_part == model.part_names.index("neck")].mean(0).numpy()
    paint = paint_person(person, atlas(), eye_centres(), neck)
    return Sitter(person, shares[:count], paint.texels(atlas()), mesh, shares[count:], strands, frizz(person.hair))


def skull(points: Tensor) -> Skull:
    """The upper head of a neutral face (N, 3), to hang hair on."""
    model = head()
    landmarks = model.landmarks68(points[None])[0]
    brow, ears = landmarks[17:27, 1].mean(), landmarks[[0, 16], 2].mean()
    centre = torch.stack([torch.tensor(0.0), brow, ears - 0.05])
    skin, ears = (model.vertex_part == model.part_names.index(name) for name in ("skin", "ears"))
    skin = skin & (points[:, 1] > landmarks[8, 1] - 0.2)
    return Skull(centre.numpy(), points[skin].numpy(), points[ears].numpy())


@lru_cache(maxsize=4)
def place_behind(person: Person, size: int) -> np.ndarray:
    """The person's background (size, size, 3)."""
    return paint_background(person.background, size)
