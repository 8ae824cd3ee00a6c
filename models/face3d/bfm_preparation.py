"""Makes Deep3D's `BFM_model_front.mat` from what the makers of its parts give out.

    python -m models.face3d.bfm_preparation FOLDER [--output BFM_model_front.mat]

FOLDER holds, each as it comes (models/face3d/README.md says from where):
01_MorphableModel.mat, Exp_Pca.bin, std_exp.txt, BFM_front_idx.mat, BFM_exp_idx.mat, facemodel_info.mat.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.aside import written_aside
from models.assets import registry
from models.errors import UserError
from models.face3d.bfm import EXPRESSION, IDENTITY, TEXTURE, read_mat

LENGTH_UNIT = 1e5  # micrometres in a decimetre
BASEL, EXPRESSIONS, DEVIATIONS = "01_MorphableModel.mat", "Exp_Pca.bin", "std_exp.txt"
FRONT, TRIMMED, INFORMATION = "BFM_front_idx.mat", "BFM_exp_idx.mat", "facemodel_info.mat"
SOURCES = {
    BASEL: "PublicMM1/01_MorphableModel.mat in BaselFaceModel.tgz, to be signed for at faces.dmi.unibas.ch/bfm",
    EXPRESSIONS: "Exp_Pca.bin in Coarse_Dataset.zip of Guo et al., linked at github.com/Juyong/3DFace",
    **dict.fromkeys(
        (DEVIATIONS, FRONT, TRIMMED, INFORMATION), "the folder BFM of github.com/sicxu/Deep3DFaceRecon_pytorch"
    ),
}
COPIED = ("tri", "point_buf", "tri_mask2", "keypoints", "frontmask2_idx", "skinmask")

Arrays = dict[str, np.ndarray]


def prepare(folder: Path) -> Arrays:
    """The arrays of `BFM_model_front.mat`: lengths in decimetres, colours in 0..255, indices from 1.

    Every direction is scaled to one standard deviation; of the vertices stay those of the face without ears and neck.

    Raises:
        UserError: names the file that is missing, of another kind, or does not fit the others.
    """
    missing = [name for name in SOURCES if not (folder / name).is_file()]
    if missing:
        raise UserError("; ".join(f"{folder} lacks {name}: take {SOURCES[name]}" for name in missing))
    basel = _entries(folder / BASEL, ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV"))
    trimmed = _index(folder / TRIMMED, "trimIndex", len(basel["shapePC"]) // 3)  # of those that Guo et al. keep
    front = _index(folder / FRONT, "idx", len(trimmed))  # and of these, the face
    expressions = _expressions(folder, len(trimmed))
    kept = trimmed[front]

    def part(vectors: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Rows x, y, z of the chosen vertices from (3 N, K)."""
        return vectors.reshape(-1, 3, vectors.shape[-1])[index].reshape(-1, vectors.shape[-1])

    identity = basel["shapePC"][:, :IDENTITY] * basel["shapeEV"].reshape(1, -1)[:, :IDENTITY] / LENGTH_UNIT
    texture = basel["texPC"][:, :TEXTURE] * basel["texEV"].reshape(1, -1)[:, :TEXTURE]
    information = _entries(folder / INFORMATION, COPIED)
    if information["point_buf"].shape[0] != len(front):
        raise UserError(f"{INFORMATION} is for {len(information['point_buf'])} vertices, {FRONT} names {len(front)}")
    return {
        "meanshape": part(basel["shapeMU"].reshape(-1, 1) / LENGTH_UNIT, kept).reshape(1, -1),
        "meantex": part(basel["texMU"].reshape(-1, 1), kept).reshape(1, -1),
        "idBase": part(identity, kept),
        "exBase": part(expressions / LENGTH_UNIT, front),
        "texBase": part(texture, kept),
        **information,
    }


def write(arrays: Arrays, path: Path) -> None:
    """Write a MATLAB file beside its place and rename it.

    Raises:
        UserError: it cannot be written there.
    """
    from scipy.io import savemat

    try:
        with written_aside(path) as part, part.open("wb") as file:
            savemat(file, arrays)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def _entries(file: Path, names: Sequence[str]) -> Arrays:
    arrays = read_mat(file)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise UserError(
            f"{file} lacks {', '.join(missing)}: it is not the file of that name; take {SOURCES[file.name]}"
        )
    return {name: arrays[name] for name in names}


def _index(file: Path, name: str, count: int) -> np.ndarray:
    """Vertex indices (K,) from 0, out of numbers from 1 to `count`."""
    index = _entries(file, (name,))[name].reshape(-1).astype(np.int64) - 1
    if not len(index) or index.min() < 0 or index.max() >= count:
        raise UserError(f"{file}: {name} should hold numbers from 1 to {count}: it does not fit the other files")
    return index


def _expressions(folder: Path, count: int) -> np.ndarray:
    """Directions (3 count, 64), each one standard deviation in micrometres.

    The file holds their number (int32), then in float32 the mean and the directions, one after the other.
    """
    content = (folder / EXPRESSIONS).read_bytes()
    number = int(np.frombuffer(content[:4], "<i4")[0]) if len(content) >= 4 else 0
    deviations = np.loadtxt(folder / DEVIATIONS).reshape(-1)
    if number < EXPRESSION or len(content) != 4 + 4 * 3 * count * (number + 1):
        raise UserError(
            f"{folder / EXPRESSIONS} has {len(content)} bytes, which is not what {count} vertices with {number} "
            f"expressions take: it is cut short or another file; take {SOURCES[EXPRESSIONS]}"
        )
    if len(deviations) < EXPRESSION:
        raise UserError(f"{folder / DEVIATIONS} holds {len(deviations)} numbers, at least {EXPRESSION} are needed")
    directions = np.frombuffer(content[4:], "<f4").reshape(number + 1, 3 * count)[1 : EXPRESSION + 1]
    return directions.T * deviations[:EXPRESSION]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 0, or 2 for a mistake of the user's."""
    parser = argparse.ArgumentParser(prog="python -m models.face3d.bfm_preparation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    target = registry()["bfm_model_front"].path
    parser.add_argument("--output", type=Path, default=target, help=f"default: {target}, where face_model=bfm looks")
    options = parser.parse_args(arguments)
    try:
        write(prepare(options.folder), options.output)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
