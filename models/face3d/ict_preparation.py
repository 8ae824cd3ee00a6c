"""Makes `ict_face_model.npz` from a checkout of ICT-FaceKit (MIT, github.com/ICT-VGL/ICT-FaceKit).

    git clone https://github.com/ICT-VGL/ICT-FaceKit
    python -m models.face3d.ict_preparation ICT-FaceKit [--output ict_face_model.npz]

Its folder FaceXModel holds the "light" model as 154 OBJ files of one mesh: the neutral face, 100 identity modes, each
added to it, and the expressions. What needs transparency (tear fluid, lashes, eye blends) is left out.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from models.aside import written_aside
from models.assets import registry
from models.errors import UserError
from models.face3d.ict import EXPRESSION, IDENTITY, SIDES, outer_shell

Arrays = dict[str, np.ndarray]
# The authors' table of parts (README, "Face Model Topology"): number of vertices of each, in this order.
PARTS = {
    "face": 9409,
    "head_and_neck": 1839,
    "mouth_socket": 2046,
    "eye_socket_left": 384,
    "eye_socket_right": 384,
    "gums_and_tongue": 2977,
    "teeth": 4412,
    "eyeball_left": 1570,
    "eyeball_right": 1570,
}
VERTICES = sum(PARTS.values())


def prepare(checkout: Path) -> Arrays:
    """The arrays that `load_ict` reads, in centimetres.

    Raises:
        UserError: it is not the checkout, or a file in it is missing or of another mesh.
    """
    folder = checkout / "FaceXModel"
    neutral_file, index_file = folder / "generic_neutral_mesh.obj", folder / "vertex_indices.json"
    if not neutral_file.is_file() or not index_file.is_file():
        raise UserError(f"{checkout} is no checkout of ICT-FaceKit: there is no FaceXModel/{neutral_file.name} in it")
    index = json.loads(index_file.read_text())
    expressions = index["expressions"]
    if len(expressions) != EXPRESSION:
        raise UserError(f"{index_file} names {len(expressions)} expressions, expected {EXPRESSION}")
    neutral = _vertices(neutral_file)
    arrays: Arrays = {
        "vertices": neutral.astype(np.float32),
        **_surface(neutral_file, neutral),
        "vertex_part": np.repeat(np.arange(len(PARTS), dtype=np.uint8), list(PARTS.values())),
        "part_names": np.array(list(PARTS)),
        "identity_offsets": _offsets(neutral, [folder / f"identity{mode:03d}.obj" for mode in range(IDENTITY)]),
        "expression_offsets": _offsets(neutral, [folder / f"{name}.obj" for name in expressions]),
        "expression_names": np.array(expressions),
        "landmarks68": np.array(index["idx_to_landmark_verts"], np.int32),
        "format_version": np.array(1, np.int32),
        "length_unit": np.array("centimetre"),
    }
    return {**arrays, **_eyeballs(arrays)}


def _vertices(file: Path) -> np.ndarray:
    """(24591, 3) of an OBJ file; the vertices after these belong to what is left out."""
    try:
        lines = [line.split()[1:4] for line in file.read_text().splitlines() if line.startswith("v ")]
        vertices = np.array(lines, np.float64)[:VERTICES]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file} ({error}): get ICT-FaceKit again") from error
    if vertices.shape != (VERTICES, 3):
        raise UserError(f"{file} has {len(vertices)} vertices, at least {VERTICES} are expected: get ICT-FaceKit again")
    return vertices


def _offsets(neutral: np.ndarray, files: Sequence[Path]) -> np.ndarray:
    return np.stack([(_vertices(file) - neutral).astype(np.float16) for file in files])


def _surface(file: Path, neutral: np.ndarray) -> Arrays:
    """Triangles, with their places in the texture and their materials; quads are cut along the shorter diagonal."""
    lines = file.read_text().splitlines()
    corners, places, materials, names = [], [], [], []
    for name, polygon in _polygons(lines):
        vertex, place = polygon.T - 1  # OBJ counts from 1
        if vertex.max() >= VERTICES:
            break  # what follows is left out
        if name not in names:
            names.append(name)
        across = np.linalg.norm(neutral[vertex[0]] - neutral[vertex[-2]])
        other = np.linalg.norm(neutral[vertex[1]] - neutral[vertex[-1]])
        cut = [[0, 1, 2]] if len(vertex) == 3 else [[0, 1, 2], [0, 2, 3]] if across <= other else [[0, 1, 3], [1, 2, 3]]
        corners += [vertex[triangle] for triangle in cut]
        places += [place[triangle] for triangle in cut]
        materials += [names.index(name)] * len(cut)
    return {
        "triangles": np.array(corners, np.int32),
        "triangles_uv": np.array(places, np.int32),
        "triangle_material": np.array(materials, np.uint8),
        "material_names": np.array(names),
        "uv": np.array([line.split()[1:3] for line in lines if line.startswith("vt ")], np.float32),
    }


def _polygons(lines: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Material and (3 or 4, 2) vertex and texture numbers of each polygon of an OBJ file."""
    material = ""
    for line in lines:
        if line.startswith("usemtl "):
            material = line.split()[1]
        elif line.startswith("f "):
            yield material, np.array([corner.split("/")[:2] for corner in line.split()[1:]], np.int64)


def _eyeballs(arrays: Arrays) -> Arrays:
    """Centres (2, 3) of the eyes, the subject's left one first, their axes, and how identity moves the centres."""
    neutral, centres, axes, moves = arrays["vertices"], [], [], []
    for side in reversed(SIDES):
        shell = outer_shell(arrays, side)
        centre = _centre(neutral[shell])
        moved = neutral[shell] + arrays["identity_offsets"][:, shell]
        in_texture = np.linalg.norm(arrays["uv"][arrays["triangles_uv"]] - 0.5, axis=-1)
        in_texture[~np.isin(arrays["triangles"], shell)] = np.inf
        axis = neutral[arrays["triangles"].flat[in_texture.argmin()]] - centre
        centres.append(centre)
        axes.append(axis / np.linalg.norm(axis))
        moves.append(np.stack([_centre(shape) for shape in moved]) - centre)
    return {
        "eyeball_centers": np.stack(centres).astype(np.float32),
        "eyeball_axes": np.stack(axes).astype(np.float32),
        "eyeball_center_identity_offsets": np.stack(moves, 1).astype(np.float32),
    }


def _centre(points: np.ndarray) -> np.ndarray:
    """Centre (3,) of the sphere nearest to points (N, 3), by linear least squares."""
    points = points.astype(np.float64)
    matrix = np.concatenate([2 * points, np.ones((len(points), 1))], axis=1)
    return np.linalg.lstsq(matrix, (points**2).sum(1), rcond=None)[0][:3]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 0, or 2 for a mistake of the user's."""
    parser = argparse.ArgumentParser(prog="python -m models.face3d.ict_preparation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("checkout", type=Path, metavar="CHECKOUT")
    target = registry()["ict_face_model"].path
    parser.add_argument("--output", type=Path, default=target, help=f"default: {target}, where face_model=ict looks")
    output = (options := parser.parse_args(arguments)).output
    try:
        arrays = prepare(options.checkout)
        with written_aside(output) as part, part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
