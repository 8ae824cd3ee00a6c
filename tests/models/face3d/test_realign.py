"""Coefficients in another alignment show the same landmarks, and come back to what they were."""

import torch

from models.face3d.alignment import align_frames, five_points, identity_alignment, to_aligned
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.realign import locate, realign
from models.face3d.rotation import place
from tests.models.face3d.toy_face import draw, toy_face

MODEL = toy_face()


def pixels(faces: Coefficients, size: int = 224) -> torch.Tensor:
    camera = Camera.deep3d(size)
    points = MODEL.landmarks68(MODEL.shape(faces.identity, faces.expression))
    return camera.project(camera.view(place(points, faces.rotation, faces.translation)))


def test_landmarks_stay_where_they_are_and_the_way_back_leads_home() -> None:
    faces, size = draw(MODEL, 16), 128
    seen = pixels(faces, size)
    old = identity_alignment(size).expand(16, 5)
    new = align_frames(seen, five_points(MODEL.landmarks68(MODEL.mean[None])[0]), size, size)
    moved = realign(MODEL, faces, old, new)
    assert (pixels(moved) - to_aligned(seen, new)).norm(dim=-1).max() < 1
    assert (moved.rotation - faces.rotation).abs().max() > 0.02  # the heads stood off the axis by up to 0.04 rad
    back = realign(MODEL, moved, new, old)
    assert (back.rotation - faces.rotation).abs().max() < 2e-3
    assert (back.translation - faces.translation).abs().max() < 5e-2


def test_the_same_alignment_changes_nothing() -> None:
    faces = draw(MODEL, 4)
    same = realign(MODEL, faces, *[identity_alignment(96).expand(4, 5)] * 2)
    for name, part in faces.to_arrays().items():
        assert torch.allclose(same.to_arrays()[name], part, atol=1e-4), name


def test_a_head_beside_the_axis_is_seen_from_its_side() -> None:
    """A face to the right of the axis that looks along it shows its right side more; cut out, it looks to the right."""
    faces = Coefficients.zeros(1, MODEL.n_identity, MODEL.n_expression, MODEL.n_texture)
    beside = Coefficients(**{**faces.to_arrays(), "translation": torch.tensor([[1.0, 0.0, 0.0]])})
    shifted = torch.tensor([[224, 224, 1.0, 112 + 101.5, 112]], dtype=torch.float64)
    moved = realign(MODEL, beside, identity_alignment(224)[None], shifted)
    assert moved.rotation[0, 1] > 0.08
    assert moved.rotation[0, [0, 2]].abs().max() < 0.01


def test_locate_finds_the_translation() -> None:
    faces, camera = draw(MODEL, 5), Camera.deep3d(300)
    turned = place(MODEL.mean.expand(5, -1, -1), faces.rotation, torch.zeros(5, 3))
    seen = camera.project(camera.view(turned + faces.translation[:, None]))
    assert torch.allclose(locate(turned, seen, camera), faces.translation, atol=1e-3)
