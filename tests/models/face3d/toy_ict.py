"""A folder as ICT-FaceKit's FaceXModel, of a few hundred vertices: a flat face with landmarks, and two eyeballs."""

import json
from pathlib import Path

import numpy as np

from tests.models.face3d.toy_face import LANDMARKS

PARTS = {
    "face": 80,
    "head_and_neck": 3,
    "mouth_socket": 3,
    "eye_socket_left": 3,
    "eye_socket_right": 3,
    "gums_and_tongue": 3,
    "teeth": 4,
    "eyeball_left": 44,
    "eyeball_right": 44,
}
OUTER = 40  # of each eyeball; the other four vertices are its inner shell
RADIUS, CENTRE = 1.6, np.array([3.1, 3.0, 8.0])
AXIS = np.array([0.1, 0.0, 1.0]) / np.sqrt(1.01)  # of the left eye: outwards
MIRROR = np.array([-1.0, 1, 1])


def sphere() -> tuple[np.ndarray, np.ndarray]:
    """Points (OUTER, 3) of the left eyeball about its centre, the cornea's pole first and farther out; their UV."""
    rest = np.arange(OUTER - 1) + 0.5
    height, turn = 1 - 2 * rest / (OUTER - 1), rest * np.pi * (1 + 5**0.5)
    flat = np.sqrt(1 - height**2)
    points = np.concatenate([[[0, 0, 1]], np.stack([flat * np.cos(turn), flat * np.sin(turn), height], 1)])
    side = np.cross([0, 1, 0], AXIS)
    turned = points @ np.stack([side, np.cross(AXIS, side), AXIS]) * RADIUS
    angle = np.arccos(np.clip(points[:, 2], -1, 1))
    uv = 0.5 + 0.3 * angle[:, None] * points[:, :2]
    uv[0] = 0.5
    turned[0] *= 1.06
    return turned, uv


def neutral() -> np.ndarray:
    """(N, 3) in centimetres."""
    ball, _ = sphere()
    eye = np.concatenate([ball, 0.5 * ball[:4]])
    marks = np.array(LANDMARKS) * 10
    face = np.concatenate([marks, [[0.2 * i, 8 + i % 3] for i in range(12)]])
    face = np.concatenate([face, np.full((len(face), 1), 10.0)], axis=1)
    other = np.random.default_rng(0).uniform(-5, 5, (19, 3))
    return np.concatenate([face, other, CENTRE + eye, CENTRE * MIRROR + eye * MIRROR])


def polygons() -> dict[str, list[list[int]]]:
    """Vertex numbers from 0 by material, in the order of the file."""
    left, right = 99, 99 + PARTS["eyeball_left"]
    return {
        "M_Face": [[68 + i, 69 + i, 72 + i, 71 + i] for i in range(8)] + [[i, i + 1, i + 2] for i in range(66)],
        "M_BackHead": [[80, 81, 82]],
        "M_GumsTongue": [[92, 93, 94]],
        "M_Teeth": [[95, 96, 97, 98]],
        "M_ScleraLeft": [[left + i, left + i + 1, left + i + 2] for i in range(OUTER - 2)],
        "M_IrisLeft": [[left + OUTER, left + OUTER + 1, left + OUTER + 2]],
        "M_ScleraRight": [[right + i, right + i + 2, right + i + 1] for i in range(OUTER - 2)],
        "M_IrisRight": [[right + OUTER, right + OUTER + 1, right + OUTER + 2]],
    }


def write_checkout(folder: Path) -> Path:
    """The checkout; identity 0 moves everything up, identity 1 widens it by 5 %, expressions open a jaw."""
    random = np.random.default_rng(1)
    model = folder / "FaceXModel"
    model.mkdir()
    mean, (_, ball_uv) = neutral(), sphere()
    uv = np.full((len(mean), 2), 0.25)
    uv[99 : 99 + OUTER] = uv[143 : 143 + OUTER] = ball_uv
    lines = [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    for material, corners in polygons().items():
        lines.append(f"usemtl {material}")
        lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in corner) for corner in corners]
    left_out = ["usemtl M_EyeLashes", f"f {len(mean) + 1}/1 {len(mean) + 2}/1 1/1"]
    names = [f"shape{number}" for number in range(52)] + ["jawOpen"]
    jaw = np.where((np.arange(len(mean)) >= 55) & (np.arange(len(mean)) < 60), -2.0, 0.0)
    shapes = {"generic_neutral_mesh": mean, "identity000": mean + np.array([0, 0.5, 0]), "identity001": mean * 1.05}
    shapes |= {f"identity{mode:03d}": mean + 0.01 * random.standard_normal(3) for mode in range(2, 100)}
    shapes |= {name: mean + 0.01 * random.standard_normal(3) for name in names[:-1]}
    shapes["jawOpen"] = mean + np.stack([0 * jaw, jaw, 0 * jaw], 1)
    for name, vertices in shapes.items():
        numbers = [*vertices, *np.zeros((2, 3))]  # the last two are of what is left out
        text = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in numbers] + (lines + left_out if name[0] == "g" else [])
        (model / f"{name}.obj").write_text("\n".join(text))
    index = {"expressions": names, "idx_to_landmark_verts": list(range(68))}
    (model / "vertex_indices.json").write_text(json.dumps(index))
    return folder
