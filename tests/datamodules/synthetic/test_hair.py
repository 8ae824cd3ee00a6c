from dataclasses import replace

import numpy as np
import pytest
import torch

from datamodules.synthetic.embedded import head
from datamodules.synthetic.hair import COLUMNS, ROWS, STYLES, hair_mesh
from datamodules.synthetic.hair_paint import paint_strands
from datamodules.synthetic.person import Hair, draw_person
from datamodules.synthetic.sitter import skull

CUTS = [name for name, style in STYLES.items() if style is not None]


@pytest.fixture(scope="module")
def hair() -> Hair:
    return draw_person(4).hair


@pytest.mark.parametrize("style", CUTS)
def test_hair_stands_off_the_skull_and_leaves_the_face_free(style: str, hair: Hair) -> None:
    shape = head().mean
    around = skull(shape)
    mesh = hair_mesh(replace(hair, style=style), around, 1)
    assert mesh.vertices.shape == (ROWS * (COLUMNS + 1), 3)
    assert torch.isfinite(mesh.vertices).all()
    np.testing.assert_allclose(mesh.normals.norm(dim=1), 1, atol=1e-4)
    local = mesh.vertices.numpy() - around.centre
    above = local[:, 1] > 0.3
    direction = local[above] / np.linalg.norm(local[above], axis=1, keepdims=True)
    assert (np.linalg.norm(local[above], axis=1) > around.radius(direction) - 0.01).all()
    eyes = head().landmarks68(shape[None])[0, 36:48]
    hidden = (mesh.vertices[:, None, :2] - eyes[None, :, :2]).norm(dim=2) < 0.1
    assert not (hidden & (mesh.vertices[:, None, 2] > 0.5)).any()


def test_normals_point_away_from_the_head(hair: Hair) -> None:
    around = skull(head().mean)
    mesh = hair_mesh(replace(hair, style="short"), around, 1)
    outwards = torch.nn.functional.normalize(mesh.vertices - torch.from_numpy(around.centre), dim=1)
    assert ((outwards * mesh.normals).sum(1) > 0).float().mean() > 0.97


@pytest.mark.parametrize("style", ["bald", "shaved"])
def test_no_hair_is_an_empty_sheet(style: str, hair: Hair) -> None:
    bare = replace(hair, style=style)
    assert len(hair_mesh(bare, skull(head().mean), 1).triangles) == 0
    assert (paint_strands(bare, 1) == 0).all()


def test_grey_hair_is_brighter_than_black() -> None:
    black = Hair("short", (0.09, 0.07, 0.07), 0.0, 1.0, 1.0, 0.0, 0.5, 0.0, 0.2)
    young, old = (paint_strands(replace(black, grey=share), 3)[..., :3].mean() for share in (0.0, 1.0))
    assert old > 3 * young
