"""The Basel Face Model 2009 (Paysan et al., AVSS 2009) with the expressions of Guo et al., as Deep3D prepares it.

The file is `BFM_model_front.mat`; `models.face3d.bfm_preparation` makes it from the makers' files.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.assets import find
from models.errors import UserError
from models.face3d.face_model import LinearFaceModel

IDENTITY, EXPRESSION, TEXTURE = 80, 64, 80
_NEEDED = (
    "meanshape",
    "meantex",
    "idBase",
    "exBase",
    "texBase",
    "tri",
    "point_buf",
    "tri_mask2",
    "keypoints",
    "frontmask2_idx",
    "skinmask",
)
VECTORS = {"meanshape", "meantex", "keypoints", "frontmask2_idx", "skinmask"}  # rows or columns in the file


class BaselFaceModel(LinearFaceModel):
    """BFM with what Deep3D's training reads off its file besides.

    front_triangles: (F', 3) the part of the triangles that the photometric loss looks at, as numbers within
    front_vertices: (N',) vertices of that part; skin: (N,) in [0, 1], where the texture's evenness is asked for.
    """

    def __init__(self, *, front_triangles: Tensor, front_vertices: Tensor, skin: Tensor, **linear: Any) -> None:
        super().__init__(**linear)
        self.front_triangles: Tensor
        self.front_vertices: Tensor
        self.skin: Tensor
        self.register_buffer("front_triangles", front_triangles.long(), persistent=False)
        self.register_buffer("front_vertices", front_vertices.long(), persistent=False)
        self.register_buffer("skin", skin.float(), persistent=False)


def load_bfm(path: str | None = None) -> BaselFaceModel:
    """BFM: 80 identity, 64 expression and 80 texture numbers, each about standard normal; no gaze.

    The mean shape is moved so that its vertices have their mean in the origin; units are decimetres.

    Args:
        path: `BFM_model_front.mat`; None: the asset bfm_model_front.

    Raises:
        UserError: the file is missing, or is not this model.
    """
    file = find("bfm_model_front") if path is None else Path(path).expanduser()
    arrays = {key: value.reshape(-1) if key in VECTORS else value for key, value in read_mat(file).items()}
    _check(file, arrays)
    count, faces = arrays["meanshape"].size // 3, len(arrays["tri"])
    mean = _vertices(arrays["meanshape"][None], count)[0]
    triangles = _indices(file, "tri", arrays["tri"], count)
    return BaselFaceModel(
        name="bfm",
        version=_version(arrays),
        mean=mean - mean.mean(0),
        identity_basis=_vertices(arrays["idBase"].T, count),
        expression_basis=_vertices(arrays["exBase"].T, count),
        mean_texture=_vertices(arrays["meantex"][None], count)[0] / 255,
        texture_basis=_vertices(arrays["texBase"].T, count) / 255,
        triangles=triangles,
        landmarks=_indices(file, "keypoints", arrays["keypoints"], count),
        neighbours=_indices(file, "point_buf", arrays["point_buf"], faces + 1),
        front_triangles=_indices(file, "tri_mask2", arrays["tri_mask2"], arrays["frontmask2_idx"].size),
        front_vertices=_indices(file, "frontmask2_idx", arrays["frontmask2_idx"], count),
        skin=torch.from_numpy(arrays["skinmask"].astype(np.float32)),
    )


def read_mat(file: Path) -> dict[str, np.ndarray]:
    """Arrays of a MATLAB file (before version 7.3) by name.

    Raises:
        UserError: the file is missing or is not one.
    """
    from scipy.io import loadmat

    if not file.is_file():
        raise UserError(f"no file at {file}")
    try:
        content = loadmat(file)
    except Exception as error:  # scipy's reader raises anything on a broken file
        raise UserError(f"{file} is not a whole MATLAB 5 file ({error}); get it again") from error
    return {key: value for key, value in content.items() if isinstance(value, np.ndarray)}


def _check(file: Path, arrays: dict[str, np.ndarray]) -> None:
    if "shapePC" in arrays:
        raise UserError(
            f"{file} is the Basel Face Model before Deep3D's preparation: make BFM_model_front.mat of it with "
            "python -m models.face3d.bfm_preparation (see --help), and give that"
        )
    missing = [key for key in _NEEDED if key not in arrays]
    if missing:
        raise UserError(f"{file} is not Deep3D's BFM_model_front.mat: it lacks {', '.join(missing)}")
    size = arrays["meanshape"].size
    shapes: dict[str, tuple[int, ...]] = {
        "meanshape": (size // 3 * 3,),
        "meantex": (size,),
        "idBase": (size, IDENTITY),
        "exBase": (size, EXPRESSION),
        "texBase": (size, TEXTURE),
        "keypoints": (68,),
        "tri": (len(arrays["tri"]), 3),
        "tri_mask2": (len(arrays["tri_mask2"]), 3),
        "point_buf": (size // 3, arrays["point_buf"].shape[-1]),
        "skinmask": (size // 3,),
    }
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise UserError(f"{file}: {key} is {arrays[key].shape}, expected {shape}")


def _vertices(rows: np.ndarray, count: int) -> Tensor:
    """(K, 3 N) with x, y, z of each vertex together -> (K, N, 3)."""
    return torch.from_numpy(np.ascontiguousarray(rows, np.float32)).view(len(rows), count, 3)


def _indices(file: Path, name: str, numbers: np.ndarray, count: int) -> Tensor:
    """Numbers from 1 to `count`, of whatever type, as indices from 0."""
    with np.errstate(invalid="ignore"):  # what is not a number is out of range below
        indices = torch.from_numpy(np.asarray(numbers).astype(np.int64)) - 1
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < count:
        raise UserError(f"{file}: {name} should hold numbers from 1 to {count}, it goes from {indices.min() + 1} on")
    return indices


def _version(arrays: dict[str, np.ndarray]) -> str:
    """A hash of what the coefficients mean: mean and bases in float32."""
    digest = hashlib.sha256()
    for key in ("meanshape", "meantex", "idBase", "exBase", "texBase"):
        digest.update(np.ascontiguousarray(arrays[key], np.float32).tobytes())
    return digest.hexdigest()[:12]
