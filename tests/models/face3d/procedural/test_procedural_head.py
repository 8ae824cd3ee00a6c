import numpy as np
import pytest
import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.face_model import FaceModel
from models.face3d.procedural import ProceduralHead, procedural_head
from models.face3d.procedural.assembly import UV_ISLANDS, head
from models.face3d.procedural.movements import OTHER
from models.face3d.rasterizer import rasterize

# What stands on disk beside coefficients is the version: whoever changes the geometry changes both lines.
VERSION = "1"
CHECKSUM = [-15.9771, 0.248794, 0.586135, 5.67953, 0.760085, 3507.48, 1103713.0]


@pytest.fixture(scope="module")
def model() -> ProceduralHead:
    return procedural_head()


def shape(model: FaceModel, gaze: Tensor | None = None, identity: Tensor | None = None, **named: float) -> Tensor:
    """(N, 3) with named expressions; a name without _L or _R sets both sides."""
    expression = torch.zeros(1, model.n_expression)
    for name, value in named.items():
        both = [f"{name}_L", f"{name}_R"] if f"{name}_L" in model.expression_names else [name]
        for one in both:
            expression[0, list(model.expression_names).index(one)] = value
    return model.shape(torch.zeros(1, model.n_identity) if identity is None else identity[None], expression, gaze)[0]


def visible_parts(model: ProceduralHead, vertices: Tensor, size: int = 384) -> dict[str, int]:
    """Pixels of each part, seen from the front."""
    camera = Camera.deep3d(size)
    triangle = rasterize(camera.view(vertices[None] - torch.tensor([0, 0.1, 1.0])), model.triangles, camera).triangle
    part = model.vertex_part[model.triangles[triangle[triangle >= 0]][:, 0]]
    counts = part.bincount(minlength=len(model.part_names)).tolist()
    return dict(zip(model.part_names, counts))


def test_sizes_and_limits(model: ProceduralHead) -> None:
    assert (model.n_identity, model.n_expression, model.n_texture) == (80, 64, 80)
    assert 2500 < len(model.mean) < 4000
    assert model.name == "procedural"
    named = [bool(name) for name in model.expression_names]
    assert sum(named) >= 40 and named == sorted(named, reverse=True)
    assert model.expression_low.tolist() == [0.0 if one else -1.0 for one in named]
    assert model.expression_high.tolist() == [1.0] * 64
    assert len(set(filter(None, model.expression_names))) == sum(named)
    assert all(buffer.isfinite().all() for buffer in model.buffers() if buffer.is_floating_point())
    assert model.has_eyes and len(model.identity_names) == len(model.texture_names) == 80


def test_geometry_has_a_new_version_when_it_changes(model: ProceduralHead) -> None:
    """A few sums over everything; another machine's last bits do not count."""
    found = []
    for name in ("mean", "identity_basis", "expression_basis", "mean_texture", "texture_basis"):
        values = getattr(model, name).double().flatten()
        found.append(float((values * torch.sin(0.37 * torch.arange(len(values)))).sum()))
    found.append(float((model.triangles.double() * torch.tensor([1.0, 2.0, 3.0])).mean()))
    found.append(float(model.landmarks.double() @ torch.arange(68.0).double()))
    assert model.version == VERSION
    assert found == pytest.approx(CHECKSUM, rel=1e-4, abs=1e-3)


def test_the_same_every_time(model: ProceduralHead) -> None:
    head.cache_clear()
    again = procedural_head()
    for (name, first), (_, second) in zip(model.named_buffers(), again.named_buffers(), strict=True):
        assert torch.equal(first, second), name


def test_the_skin_is_closed_but_for_eyes_and_neck(model: ProceduralHead) -> None:
    """Every edge of skin and mouth has two triangles, except around the two eyes and at the neck's end."""
    end = head().piece["mouth_cavity"][1]
    places = np.round(model.mean[:end].double().numpy(), 5)
    upper = np.zeros(end)  # touching lips are two edges, not one
    for suffix in ("", "@right"):
        upper[head().rings[f"mouth_contact{suffix}"][:7]] = 1
    low = head().piece["mouth_cavity"][0]
    upper[low : low + 7], upper[low + 22 : low + 28] = 1, 1
    _, weld = np.unique(np.column_stack([places, upper]), axis=0, return_inverse=True)
    faces = weld.reshape(-1)[model.triangles[(model.triangles < end).all(1)].numpy()]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 2
    neck = int((np.abs(head().label + 1.85) < 1e-9).sum()) - 1  # the last column is the first one again
    assert (counts == 1).sum() == 2 * 16 + neck


def test_triangles_face_outwards(model: ProceduralHead) -> None:
    """Seen from outside: what the eyeballs, the hair and the skin's front show is never a back side."""
    a, b, c = model.mean[model.triangles].unbind(1)
    normal, middle = torch.linalg.cross(b - a, c - a), (a + b + c) / 3
    part = model.vertex_part[model.triangles[:, 0]]
    for name in ("eye_left", "eye_right", "hair"):
        chosen = part == model.part_names.index(name)
        centre = model.mean[model.vertex_part == model.part_names.index(name)].mean(0)
        centre = centre - torch.tensor([0, 0, 0.1]) if name.startswith("eye") else centre
        outward = ((middle - centre) * normal).sum(1)[chosen]
        assert (outward > 0).float().mean() > 0.95, name
    front = (part == model.part_names.index("skin")) & (middle[:, 2] > 0.75) & (middle[:, 1] > -0.6)
    assert (normal[front, 2] > 0).float().mean() > 0.99
    areas = normal.norm(dim=1)
    assert (areas[part != model.part_names.index("hair")] > 1e-9).all()  # the hair's rows meet in the crown


def test_landmarks_stand_in_their_places(model: ProceduralHead) -> None:
    points = model.landmarks68(model.mean[None])[0]
    mirrored = points[[OTHER[i] for i in range(68)]] * torch.tensor([-1.0, 1, 1])
    assert torch.allclose(points, mirrored, atol=1e-5)
    assert (points[:16, 0].diff() > 0).all(), "jaw from the image's left to its right"
    assert points[8, 1] == points[:, 1].min()
    assert (points[17:27, 0].diff() > 0).all() and (points[17:27, 1] > points[36:48, 1].max()).all()
    assert (points[27:31, 1].diff() < 0).all() and points[30, 2] == points[:, 2].max()
    assert (points[31:36, 0].diff() > 0).all()
    assert points[36, 0] < points[37, 0] < points[38, 0] < points[39, 0] < 0 < points[42, 0]
    assert (points[[37, 38], 1] > points[[41, 40], 1]).all()
    assert (points[48:55, 0].diff() > 0).all() and (points[54:60, 0].diff() < 0).all()
    assert (points[60:65, 0].diff() > 0).all() and (points[64:68, 0].diff() < 0).all()
    assert torch.allclose(points[61:64], points[[67, 66, 65]], atol=1e-6), "the lips touch at rest"
    assert len(set(model.landmarks.tolist())) == 68


def test_left_and_right_shapes_are_mirror_images(model: ProceduralHead) -> None:
    mirror, flip = torch.from_numpy(head().mirror), torch.tensor([-1.0, 1, 1])
    assert torch.equal(mirror[mirror], torch.arange(len(mirror)))
    assert torch.allclose(model.mean, model.mean[mirror] * flip, atol=1e-6)
    names = list(model.expression_names)
    for name in filter(None, names):
        partner = name
        for one, other in (("_L", "_R"), ("_R", "_L"), ("Left", "Right"), ("Right", "Left")):
            if name.endswith(one):
                partner = name.removesuffix(one) + other
        left, right = (model.expression_basis[names.index(one)] for one in (name, partner))
        assert torch.allclose(left, right[mirror] * flip, atol=2e-5), name
    for name in filter(None, model.identity_names):
        move = model.identity_basis[model.identity_names.index(name)]
        assert torch.allclose(move, move[mirror] * flip, atol=2e-5), name


@pytest.mark.parametrize("gaze", [(0.0, 0.0), (0.35, 0.0), (-0.35, 0.0), (0.0, 0.35), (0.2, -0.35)])
def test_a_blink_hides_the_eyeballs(model: ProceduralHead, gaze: tuple[float, float]) -> None:
    both = torch.tensor([[*gaze, *gaze]])
    open_eyes = visible_parts(model, shape(model, both))
    closed = visible_parts(model, shape(model, both, eyeBlink=1.0))
    assert open_eyes["eye_left"] > 300 and open_eyes["eye_right"] > 300
    assert closed["eye_left"] + closed["eye_right"] == 0


def test_lids_hold_for_other_people_and_other_movements(model: ProceduralHead) -> None:
    generator = torch.Generator().manual_seed(3)
    gaze = torch.tensor([[0.1, 0.2, 0.1, 0.2]])
    for movement in ({}, {"mouthSmile": 1.0, "cheekSquint": 1.0}, {"browDown": 1.0}, {"jawOpen": 1.0}):
        identity = torch.randn(80, generator=generator)
        seen = visible_parts(model, shape(model, gaze, identity, eyeBlink=1.0, **movement))
        assert seen["eye_left"] + seen["eye_right"] <= 3, movement


def test_the_mouth_opens_with_the_jaw(model: ProceduralHead) -> None:
    gaps = []
    for opening in (0.0, 0.25, 0.5, 0.75, 1.0):
        points = model.landmarks68(shape(model, jawOpen=opening)[None])[0]
        gaps.append(float(points[62, 1] - points[66, 1]))
    assert abs(gaps[0]) < 1e-6 and all(np.diff(gaps) > 0.05)
    assert 0.28 < gaps[-1] < 0.40
    closed, wide = visible_parts(model, shape(model)), visible_parts(model, shape(model, jawOpen=1.0))
    for part in ("teeth_upper", "teeth_lower", "tongue", "mouth_cavity"):
        assert closed[part] <= 2 and wide[part] > 50, part


def test_movements_stay_where_they_belong(model: ProceduralHead) -> None:
    names = list(model.expression_names)
    points = model.mean[model.landmarks]

    def moved(name: str) -> Tensor:
        return model.expression_basis[names.index(name)][model.landmarks]

    upper_face = list(range(17, 28)) + list(range(36, 48))
    for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthRollLower", "jawLeft", "mouthStretch_L"):
        assert moved(name)[upper_face].norm(dim=1).max() < 0.01, name
        assert moved(name)[48:].norm(dim=1).max() > 0.015, name
    for name in ("eyeBlink_L", "browInnerUp", "browDown_R", "browOuterUp_L", "eyeWide_L"):
        assert moved(name)[48:].norm(dim=1).max() < 1e-6, name
    assert (moved("eyeBlink_L")[36:42] == 0).all() and moved("eyeBlink_L")[[43, 44], 1].max() < -0.05
    assert moved("mouthSmile_L")[54, 0] > 0.05 and moved("mouthSmile_L")[54, 1] > 0.05
    assert moved("mouthSmile_L")[48].norm() < 0.02
    narrow = points[54, 0] + moved("mouthPucker")[54, 0]
    assert narrow < 0.75 * points[54, 0] and moved("mouthPucker")[51, 2] > 0.05
    assert moved("browInnerUp")[[21, 22], 1].min() > 0.05 and moved("browDown_L")[22, 1] < -0.03
    assert moved("mouthFrown_L")[54, 1] < -0.05 and moved("mouthUpperUp_L")[52, 1] > 0.03
    assert moved("mouthLowerDown_L")[56, 1] < -0.03 and moved("jawLeft")[8, 0] > 0.03


def test_residual_directions_are_new(model: ProceduralHead) -> None:
    basis = model.expression_basis.double().flatten(1)
    rest = torch.tensor([not name for name in model.expression_names])
    unit = torch.nn.functional.normalize(basis, dim=1)
    products = (unit[rest] @ unit.T).abs()
    products[torch.arange(int(rest.sum())), torch.where(rest)[0]] = 0
    assert products.max() < 1e-4
    assert torch.linalg.matrix_rank(basis) == 63, "jawRight is jawLeft backwards, all others are free"


def test_gaze_turns_the_pupils(model: ProceduralHead) -> None:
    ahead = model.pupils(shape(model, torch.zeros(1, 4))[None])[0]
    turned = model.pupils(shape(model, torch.tensor([[0.0, 0.3, 0.3, 0.0]]))[None])[0]
    assert turned[0, 0] > ahead[0, 0] + 0.03 and turned[1, 1] < ahead[1, 1] - 0.03
    assert ahead[0, 0] < 0 < ahead[1, 0]


def test_eyeballs_follow_their_sockets(model: ProceduralHead) -> None:
    """For random people: the centres of turning are the spheres' centres, and the lids lie on the spheres."""
    assert model.eyes is not None
    identity = torch.randn(16, 80, generator=torch.Generator().manual_seed(1))
    people = model.shape(identity, torch.zeros(16, 64))
    centres = model.eyes.centres + torch.einsum("bi,iek->bek", identity, model.eyes.centre_basis)
    for eye, index in enumerate((model.eyes.first, model.eyes.second)):
        radius = (people[:, index] - centres[:, eye, None]).norm(dim=-1)
        assert (radius.std(1) / radius.mean(1)).max() < 0.06
        suffix = ("@right", "")[eye]
        margin = people[:, head().rings[f"eye_margin{suffix}"]]
        assert ((margin - centres[:, eye, None]).norm(dim=-1) > 0.98 * radius.mean(1, keepdim=True)).all()


def test_random_people_stay_people(model: ProceduralHead) -> None:
    identity = torch.randn(64, 80, generator=torch.Generator().manual_seed(2))
    people = model.shape(identity, torch.zeros(64, 64))
    assert (people - model.mean).norm(dim=-1)[:, : head().skin].max() < 0.45
    points = model.landmarks68(people)
    width, height = points[:, 16, 0] - points[:, 0, 0], points[:, 21:23, 1].mean(1) - points[:, 8, 1]
    assert (width > 1.15).all() and (width < 1.85).all()
    assert (height > 1.0).all() and (height < 1.7).all()
    assert (points[:, 51, 1] - points[:, 57, 1] > 0.08).all(), "lips keep a height"
    assert (points[:, 37:39, 1] - points[:, [41, 40], 1] > 0.04).all(), "eyes stay open"
    assert (points[:, 30, 2] > points[:, 33, 2]).all(), "noses stand out"


def test_colours_stay_colours(model: ProceduralHead) -> None:
    texture = 0.7 * torch.randn(64, 80, generator=torch.Generator().manual_seed(4))
    colours = model.texture(texture)
    inside = ((colours >= 0) & (colours <= 1)).float().mean()
    assert inside > 0.97
    assert (model.mean_texture >= 0).all() and (model.mean_texture <= 1).all()
    white = model.mean_texture[model.vertex_part == model.part_names.index("eye_left")][-18:]
    assert white.min() > 0.8


def test_texture_islands_do_not_overlap(model: ProceduralHead) -> None:
    """Every triangle of the texture turns the same way and no texel belongs to two of them."""
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    corners = model.uv.double()[model.triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    assert (area > 0).all()
    size = 512
    camera = Camera(size, size, float(size), 0.0, 0.0)
    flat = torch.cat([model.uv[:, :1], -model.uv[:, 1:], torch.ones(len(model.uv), 1)], dim=1)[None]
    covered = (rasterize(flat, model.triangles, camera).triangle >= 0).float().mean()
    assert abs(float(covered) - float(area.sum() / 2)) < 0.004
    low_u, low_v, high_u, high_v = UV_ISLANDS["skin"]
    face = model.uv[model.landmarks]
    assert (face[:, 0] > low_u).all() and (face[:, 0] < high_u).all()
    assert (face[:, 1] > low_v).all() and (face[:, 1] < high_v).all()
    assert face[54, 0] > face[48, 0] and face[27, 1] > face[8, 1]


def test_the_torso_stays_behind(model: ProceduralHead) -> None:
    rigidity = model.rigidity
    assert ((rigidity >= 0) & (rigidity <= 1)).all()
    assert (rigidity[model.landmarks] == 1).all()
    assert (rigidity[model.vertex_part == model.part_names.index("torso")] == 0).all()
    for name in ("eye_left", "teeth_lower", "hair", "ears", "lips"):
        assert (rigidity[model.vertex_part == model.part_names.index(name)] == 1).all(), name
    neck = rigidity[model.vertex_part == model.part_names.index("neck")]
    assert neck.min() == 0 and neck.max() > 0.9


def test_seams_are_smooth(model: ProceduralHead) -> None:
    """The skin is doubled along the middle of the back for the texture's sake: its normals are the same there."""
    normals = model.normals(model.mean[None])[0]
    mesh = head()
    left = np.flatnonzero(mesh.angle > np.pi - 1e-6)
    assert len(left) > 10
    assert torch.allclose(normals[left], normals[mesh.mirror[left]], atol=1e-6)
    skin = torch.from_numpy(mesh.angle)
    assert normals[: mesh.skin][skin.abs() < 0.05].norm(dim=1).min() > 0.99
