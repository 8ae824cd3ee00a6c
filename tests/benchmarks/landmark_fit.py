"""How well and how fast a face model is fitted to the landmarks of prepared clips, and a picture of it.

    python -m tests.benchmarks.landmark_fit SHARDS [PICTURE.jpg] [FACE_MODEL]     (face model: ict, procedural, a path)

Per segment: seconds of one core; mean distance of landmarks and fit in % of each frame's interocular distance, and the
same of its worst frame; correlation of the opening of the mouth (inner lips, middle), fitted head looking straight
ahead, with that of the landmarks; accelerations of the rotation (rms, degrees per frame squared): of the fit, and of
`head_rotation` on the landmarks as stored and smoothed once more; rms and largest number of the identity.
"""

import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from datamodules.evaluation import segments
from datamodules.shard_format import Segment, read_dataset
from metrics.landmarks import interocular
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.face_model import FaceModel
from models.face3d.ict import load_ict
from models.face3d.landmark_fit import Fit, fit_clip
from models.face3d.procedural import procedural_head
from models.face3d.renderer import render
from models.head_pose import euler_angles, head_rotation
from preparation.smoothing import smooth

COLUMNS, TILE = 5, 192
KEY_LIGHT = (0.3, 0.5, 0.8)


def fit(model: FaceModel, segment: Segment) -> Fit:
    """The fit that prepare.py makes."""
    landmarks = {name: torch.from_numpy(array) for name, array in segment.tracks["landmarks"].items()}
    camera = Camera.deep3d(segment.frames.shape[1])
    return fit_clip(model, landmarks["points"], camera, pupils=landmarks.get("pupils"), scores=landmarks["score"])


def correlation(one: Tensor, two: Tensor) -> float:
    """Pearson's, of two signals."""
    return float(torch.corrcoef(torch.stack([one, two]))[0, 1])


def trembling(angles: Tensor) -> float:
    """Rms second difference of angles (T, 3) in degrees."""
    return float((angles[2:] - 2 * angles[1:-1] + angles[:-2]).rad2deg().square().mean().sqrt())


def opening(points: Tensor) -> Tensor:
    """Distance of the inner lips' middles (T,) of landmarks (T, 68, 2)."""
    return (points[:, 62] - points[:, 66]).norm(dim=-1)


def fitted_opening(model: FaceModel, coefficients: Coefficients, camera: Camera) -> Tensor:
    """The same of the fitted heads looking straight ahead."""
    heads = model.landmarks68(model.shape(coefficients.identity, coefficients.expression))
    return opening(camera.project(camera.view(heads)))


def measure(model: FaceModel, segment: Segment, found: Fit) -> dict[str, float]:
    """What the table says about a segment."""
    stored = segment.tracks["landmarks"]["points"]
    points, camera = torch.from_numpy(stored), Camera.deep3d(segment.frames.shape[1])
    off = 100 * found.reprojection.mean(dim=1) / interocular(points)
    identity = found.coefficients.identity[0]
    return {
        "off %": float(off.mean()),
        "worst %": float(off.max()),
        "opening": correlation(fitted_opening(model, found.coefficients, camera), opening(points)),
        "tremble": trembling(found.coefficients.rotation),
        "stored": trembling(euler_angles(head_rotation(points))),
        "smoothed": trembling(euler_angles(head_rotation(torch.from_numpy(smooth(stored, 1.0))))),
        "identity": float(identity.square().mean().sqrt()),
        "largest": float(identity.abs().max()),
    }


def strip(model: FaceModel, segment: Segment, found: Fit) -> np.ndarray:
    """Frames at even distances, with the fitted mesh over every second one, as one row of pictures."""
    at = torch.linspace(0, len(segment.frames) - 1, COLUMNS).long()
    frames, coefficients = segment.frames[at.numpy()], found.coefficients[at]
    drawn = render(model, coefficients, Camera.deep3d(frames.shape[1]))
    light = torch.nn.functional.normalize(torch.tensor(KEY_LIGHT), dim=0)[:, None, None]
    shade = (0.25 + 0.75 * (drawn.normals * light).sum(1, keepdim=True).clamp(0, 1)) * drawn.mask
    mesh = (shade * torch.tensor([0.75, 0.9, 1.0])[:, None, None] * 255).movedim(1, -1).numpy()
    mask = drawn.mask.movedim(1, -1).numpy()
    mixed = (frames * (1 - 0.75 * mask) + mesh * 0.75).astype(np.uint8)
    pictures = [image for pair in zip(frames, mixed) for image in pair]
    return np.concatenate([np.asarray(Image.fromarray(image).resize((TILE, TILE))) for image in pictures], axis=1)


def main(shards: str, picture: str = "", face_model: str = "ict") -> None:
    """Print the table, write the picture."""
    torch.set_num_threads(1)
    model = procedural_head() if face_model == "procedural" else load_ict(None if face_model == "ict" else face_model)
    rows: list[np.ndarray] = []
    for split in read_dataset(shards).identities:
        for segment in segments(shards, split):
            begin = time.process_time()
            found = fit(model, segment)
            seconds = time.process_time() - begin
            values = measure(model, segment, found)
            if not rows:
                print(f"{'segment':<48}  frames  seconds  " + "  ".join(f"{name:>8}" for name in values))
            numbers = "  ".join(f"{value:8.3f}" for value in values.values())
            print(
                f"{segment.key.partition('/')[2]:<48}  {len(segment.frames):6}  {seconds:7.1f}  {numbers}", flush=True
            )
            rows.append(strip(model, segment, found))
    if picture:
        Image.fromarray(np.concatenate(rows)).save(picture, quality=88)


if __name__ == "__main__":
    main(*sys.argv[1:])
