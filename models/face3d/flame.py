"""FLAME (Li et al., SIGGRAPH Asia 2017), the model of 2020, with the 68 landmarks of DECA.

Two ways to use it: `Flame.skin` and the landmark functions are FLAME's own, in metres and axis-angle; `Flame.shape` and
its neighbours are the interface of all face models, in decimetres.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.assets import find
from models.errors import UserError
from models.face3d.face_model import check_sizes, triangles_around, vertex_normals
from models.face3d.rotation import rotation_matrix
from models.pickles import read_npy, read_pickle
from models.weights import read_arrays

IDENTITY, EXPRESSION, JAW = 100, 50, 3  # DECA's choice of FLAME's 300 and 100 directions
FIRST_EXPRESSION = 300  # within `shapedirs`
JOINTS = ("head", "neck", "jaw", "eyeball_left", "eyeball_right")
DECIMETRES_PER_METRE = 10
MODEL_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
LANDMARK_KEYS = tuple(
    f"{kind}_lmk_{what}" for kind in ("static", "dynamic", "full") for what in ("faces_idx", "bary_coords")
)
# The jaw's turn about x (opens), y and z in radians, as far as people's jaws go.
JAW_LOW, JAW_HIGH = (-0.1, -0.2, -0.1), (0.6, 0.2, 0.1)
SKIN, WHITE, IRIS, PUPIL = (0.72, 0.53, 0.44), (0.86, 0.84, 0.82), (0.34, 0.24, 0.16), (0.03, 0.03, 0.03)
SKIN_LIGHTNESS, SKIN_WARMTH = (0.12, 0.13, 0.13), (0.02, -0.005, -0.02)
IRIS_ANGLE, PUPIL_ANGLE = 0.5, 0.2  # radians from the eye's axis


def load_flame(path: str | None = None, landmarks: str | None = None) -> "Flame":
    """FLAME: 100 identity numbers, 50 of expression and 3 of the jaw, gaze; painted skin with two texture numbers.

    No code of the files is executed, and chumpy is not needed.

    Args:
        path: `generic_model.pkl` of FLAME 2020, or an `.npz` of the same arrays; None: the asset flame2020.
        landmarks: DECA's `landmark_embedding.npy` or an `.npz`; None: the file of that name beside `path`, else the
            asset flame_landmarks.

    Raises:
        UserError: a file is missing, or is not what it should be.
    """
    file = find("flame2020") if path is None else Path(path).expanduser()
    model = _numbers(file, MODEL_KEYS)
    embedding = _numbers(_landmark_file(file, landmarks), LANDMARK_KEYS)
    _check(file, model, embedding)
    return Flame(model, embedding)


def _landmark_file(model: Path, landmarks: str | None) -> Path:
    if landmarks is not None:
        return Path(landmarks).expanduser()
    beside = [model.with_name(f"landmark_embedding{suffix}") for suffix in (".npz", ".npy")]
    return next((file for file in beside if file.is_file()), None) or find("flame_landmarks")


def _numbers(file: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    readers: Mapping[str, Any] = {".npz": read_arrays, ".npy": read_npy}
    content = readers.get(file.suffix.lower(), read_pickle)(file)
    if not isinstance(content, dict):
        raise UserError(f"{file} holds no arrays by name, but {type(content).__name__}")
    wrong = [key for key in keys if not isinstance(content.get(key), np.ndarray) or not _is_numbers(content[key])]
    if wrong:
        raise UserError(
            f"{file} has no numbers for {', '.join(wrong)}: this is another file than FLAME 2020 needs here"
        )
    return {key: content[key] for key in keys}


def _is_numbers(array: np.ndarray) -> bool:
    return array.ndim > 0 and array.size > 0 and array.dtype.kind in "iuf"


def _check(file: Path, model: dict[str, np.ndarray], embedding: dict[str, np.ndarray]) -> None:
    count, joints = len(model["v_template"]), len(JOINTS)
    shapes: dict[str, tuple[int, ...]] = {
        "v_template": (count, 3),
        "shapedirs": (count, 3, FIRST_EXPRESSION + 100),
        "posedirs": (count, 3, 9 * (joints - 1)),
        "J_regressor": (joints, count),
        "kintree_table": (2, joints),
        "weights": (count, joints),
    }
    for key, shape in shapes.items():
        if model[key].shape != shape:
            raise UserError(f"{file}: {key} is {model[key].shape}, FLAME 2020 has {shape}")
    faces = len(model["f"])
    for kind in ("static", "dynamic", "full"):
        index, weights = embedding[f"{kind}_lmk_faces_idx"], embedding[f"{kind}_lmk_bary_coords"]
        if weights.shape != (*index.shape, 3):
            raise UserError(f"the landmark file's {kind} triangles are {index.shape}, their weights {weights.shape}")
    if not all(0 <= embedding[key].min() <= embedding[key].max() < faces for key in LANDMARK_KEYS if "idx" in key):
        raise UserError(f"{file} has {faces} triangles, fewer than the landmark file speaks of: they do not fit")


class Flame(nn.Module):
    """A linear shape with corrections by pose, skinned along neck, jaw and eyes. See `FaceModel` for the interface.

    Args:
        model: the seven arrays of FLAME's file by their names there.
        embedding: triangles and barycentric coordinates of the landmarks, by DECA's names.
    """

    name = "flame"
    n_identity, n_expression, n_texture = IDENTITY, EXPRESSION + JAW, 2
    expression_names: Sequence[str] = ("",) * EXPRESSION + ("jawOpen", "jawLeft", "jawRoll")
    part_names: Sequence[str] = ("face", "eyeball_right", "eyeball_left")
    has_eyes = True

    def __init__(self, model: Mapping[str, np.ndarray], embedding: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.version = _version(model)
        self.parents = [int(parent) for parent in model["kintree_table"][0].astype(np.int32)]
        directions = _float(model["shapedirs"])
        self.template = self._keep("template", _float(model["v_template"]))
        self.shape_directions = self._keep("shape_directions", directions.permute(2, 0, 1).contiguous())
        self.pose_directions = self._keep("pose_directions", _float(model["posedirs"]).flatten(0, 1).T.contiguous())
        self.joint_regressor = self._keep("joint_regressor", _float(model["J_regressor"]))
        self.skinning = self._keep("skinning", _float(model["weights"]))
        self.triangles = self._keep("triangles", _long(model["f"]))
        self.neighbours = self._keep("neighbours", triangles_around(self.triangles, len(self.template)))
        for kind in ("static", "dynamic", "full"):
            self._keep(f"{kind}_faces", _long(embedding[f"{kind}_lmk_faces_idx"]).squeeze(0))
            self._keep(f"{kind}_weights", _float(embedding[f"{kind}_lmk_bary_coords"]).squeeze(0))
        unlimited = torch.full((EXPRESSION,), torch.inf)
        self.expression_low = self._keep("expression_low", torch.cat([-unlimited, torch.tensor(JAW_LOW)]))
        self.expression_high = self._keep("expression_high", torch.cat([unlimited, torch.tensor(JAW_HIGH)]))
        eye = self.skinning.argmax(1)
        self.vertex_part = self._keep("vertex_part", (eye == 4).long() + 2 * (eye == 3).long())
        self._paint()

    def _keep(self, name: str, value: Tensor) -> Tensor:
        self.register_buffer(name, value, persistent=False)
        return value

    def skin(self, identity: Tensor, expression: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (B, N, 3) and posed joints (B, 5, 3) in metres.

        Args:
            identity: (B, up to 300).
            expression: (B, up to 100).
            pose: (B, 15) axis-angle in radians of head, neck, jaw, left and right eye.
        """
        return self.skin_by_matrices(identity, expression, axis_angle_matrix(pose.view(-1, len(JOINTS), 3)))

    def skin_by_matrices(self, identity: Tensor, expression: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """As `skin`, with rotations (B, 5, 3, 3) of the joints against their parents."""
        directions = self.shape_directions.flatten(1)
        shaped = self.template.flatten() + identity @ directions[: identity.shape[1]]
        shaped = shaped + expression @ directions[FIRST_EXPRESSION : FIRST_EXPRESSION + expression.shape[1]]
        rest = self.joint_regressor @ shaped.view(len(shaped), -1, 3)
        bent = (rotations[:, 1:] - torch.eye(3).to(rotations)).flatten(1)
        vertices = (shaped + bent @ self.pose_directions).view(len(shaped), -1, 3)
        turns, places = self._chain(rotations, rest)
        shifts = places - (turns @ rest[..., None])[..., 0]  # every joint moves what lies about its rest position
        turn = torch.einsum("nj,bjxy->bnxy", self.skinning, turns)
        return (turn @ vertices[..., None])[..., 0] + self.skinning @ shifts, places

    def _chain(self, rotations: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations (B, 5, 3, 3) and places (B, 5, 3) of the joints in the world; the root turns about itself."""
        turns, places = [rotations[:, 0]], [rest[:, 0]]
        for joint, parent in enumerate(self.parents[1:], 1):
            arm = rest[:, joint] - rest[:, parent]
            places.append(places[parent] + (turns[parent] @ arm[..., None])[..., 0])
            turns.append(turns[parent] @ rotations[:, joint])
        return torch.stack(turns, 1), torch.stack(places, 1)

    def contour_row(self, pose: Tensor) -> Tensor:
        """(B,) row of the dynamic contour for poses (B, 15): the yaw in whole degrees; beyond 39 the negative ones."""
        turns = axis_angle_matrix(pose.view(-1, len(JOINTS), 3)[:, :2])
        turn = turns[:, 0] @ turns[:, 1]
        yaw = torch.atan2(-turn[:, 2, 0], turn[:, :2, 0].norm(dim=1)).rad2deg()
        degrees = yaw.clamp(max=39).round().long()
        return torch.where(degrees >= 0, degrees, (39 - degrees).clamp(max=78))

    def landmarks2d(self, vertices: Tensor, row: Tensor) -> Tensor:
        """(B, 68, 3): 17 points of the outline that is seen at `contour_row`, then the 51 inner ones."""
        contour = self._points(vertices, self.get_buffer("dynamic_faces")[row], self.get_buffer("dynamic_weights")[row])
        inner = self._points(vertices, self.get_buffer("static_faces"), self.get_buffer("static_weights"))
        return torch.cat([contour, inner], dim=1)

    def landmarks3d(self, vertices: Tensor) -> Tensor:
        """(B, 68, 3): fixed places on the surface."""
        return self._points(vertices, self.get_buffer("full_faces"), self.get_buffer("full_weights"))

    def _points(self, vertices: Tensor, faces: Tensor, weights: Tensor) -> Tensor:
        """(B, K, 3) from triangle numbers (K,) or (B, K) and their weights (..., K, 3)."""
        corners = self.triangles[faces].expand(len(vertices), -1, -1)
        index = corners.flatten(1)[..., None].expand(-1, -1, 3)
        points = vertices.gather(1, index).view(*corners.shape, 3)
        return (points * weights[..., None]).sum(2)

    def shape(self, identity: Tensor, expression: Tensor, gaze: Tensor | None = None) -> Tensor:
        """See `FaceModel.shape`; the last three expression numbers are the jaw's axis-angle in radians."""
        check_sizes(self, identity=identity, expression=expression)
        straight = torch.eye(3).to(identity).expand(len(identity), 3, 3)
        jaw = axis_angle_matrix(expression[:, EXPRESSION:])
        right, left = straight, straight
        if gaze is not None:  # the subject's right eye stands left in the image
            angles = torch.cat([gaze.view(-1, 2, 2), gaze.new_zeros(len(gaze), 2, 1)], dim=-1)
            right, left = rotation_matrix(angles).unbind(1)
        rotations = torch.stack([straight, straight, jaw, left, right], dim=1)
        vertices, _ = self.skin_by_matrices(identity, expression[:, :EXPRESSION], rotations)
        return vertices * DECIMETRES_PER_METRE

    def texture(self, texture: Tensor) -> Tensor:
        """See `FaceModel.texture`; numbers: lightness and warmth of the skin."""
        check_sizes(self, texture=texture)
        return self.mean_texture + torch.einsum("bt,tnc->bnc", texture, self.texture_basis)

    def landmarks68(self, shape: Tensor) -> Tensor:
        """See `FaceModel.landmarks68`."""
        return self.landmarks3d(shape)

    def pupils(self, shape: Tensor) -> Tensor:
        """See `FaceModel.pupils`."""
        return shape[:, self.pupil_vertices]

    def normals(self, shape: Tensor) -> Tensor:
        """See `FaceModel.normals`."""
        return vertex_normals(shape, self.triangles, self.neighbours)

    def _paint(self) -> None:
        """Plain skin and eyes of three colours: FLAME's own albedo is another file with another licence."""
        colours = torch.tensor(SKIN).repeat(len(self.template), 1)
        pupils = []
        for part in (1, 2):
            joint = len(JOINTS) - part
            index = (self.vertex_part == part).nonzero()[:, 0]
            index = index if len(index) else self.skinning[:, joint].argmax()[None]
            centre = self.joint_regressor[joint] @ self.template
            axis = nn.functional.normalize(self.template[index] - centre, dim=1)
            angle = axis[:, 2].clamp(-1, 1).arccos()
            ring = (angle > PUPIL_ANGLE).long() + (angle > IRIS_ANGLE).long()
            colours[index] = torch.tensor([PUPIL, IRIS, WHITE])[ring]
            pupils.append(index[angle.argmin()])
        skin = (self.vertex_part == 0)[:, None]
        self.pupil_vertices = self._keep("pupil_vertices", torch.stack(pupils))
        self.mean_texture = self._keep("mean_texture", colours)
        basis = torch.stack([skin * torch.tensor(change) for change in (SKIN_LIGHTNESS, SKIN_WARMTH)])
        self.texture_basis = self._keep("texture_basis", basis)


def axis_angle_matrix(vectors: Tensor) -> Tensor:
    """Rodrigues' rotations (..., 3, 3) of vectors (..., 3), with FLAME's guard against a length of zero."""
    angle = (vectors + 1e-8).norm(dim=-1, keepdim=True)
    x, y, z = (vectors / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(*x.shape, 3, 3)
    sin, cos = angle.sin()[..., None], angle.cos()[..., None]
    return torch.eye(3).to(vectors) + sin * cross + (1 - cos) * cross @ cross


def _float(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def _long(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))


def _version(model: Mapping[str, np.ndarray]) -> str:
    """A hash of what the coefficients mean: template and directions in float32."""
    digest = hashlib.sha256()
    for key in ("v_template", "shapedirs", "posedirs"):
        digest.update(np.ascontiguousarray(model[key], np.float32).tobytes())
    return digest.hexdigest()[:12]
