"""Official cases of the 3D faces away from the public examples: other sizes, types and extremes, and what is no input.

Each reference here is a few lines of NumPy in float64 after the description of the case, with nothing of `models`.
"""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from models import official
from tests.parity.fill import Arrays, load_case

HERE = Path(__file__).parent


def run(name: str, folder: Path, inputs: Arrays, weights: Path | None = None) -> Arrays:
    """Outputs of a case through the command line."""
    np.savez(folder / "in.npz", allow_pickle=False, **inputs)
    arguments = ["run", name, "--inputs", f"{folder}/in.npz", "--outputs", f"{folder}/out.npz"]
    assert official.main(arguments + (["--weights", str(weights)] if weights else [])) == 0
    with np.load(folder / "out.npz") as file:
        return dict(file)


def length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=-1)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_eyes_nearly_closed_in_a_large_picture(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(800, 1200, (6, 68, 2))
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        landmarks[:, lower] = landmarks[:, upper] + [[0, gap] for gap in (0, 1e-3, 0.03, 0.2, 1, 9)]
    landmarks = landmarks.astype(kind)
    found = run("eye_ratio", tmp_path, {"landmarks": landmarks})
    points = landmarks.astype(np.float64).swapaxes(0, 1)
    width = (length(points[39] - points[36]) + length(points[45] - points[42])) / 2
    right = length(points[37] + points[38] - points[40] - points[41]) / 2
    height = right + length(points[43] + points[44] - points[46] - points[47]) / 2
    np.testing.assert_allclose(found["eye_ratio"], height / width, rtol=1e-5)


def bumpy_sheet(rows: int, columns: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) and triangles (F, 3) of a rough mesh about as large as a head in decimetres."""
    x, y = np.meshgrid(np.linspace(-0.8, 0.8, columns), np.linspace(-1, 1, rows))
    vertices = np.stack([x, y, -0.5 * (x**2 + y**2)], -1).reshape(-1, 3) + rng.normal(0, 0.01, (x.size, 3))
    number = np.arange(x.size).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[:-1, 1:], number[1:, 1:]
    return vertices, np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (b, d, c))])


@pytest.mark.parametrize(("rows", "columns", "kind", "batch"), [(7, 9, "float64", 1), (40, 30, "float32", 5)])
def test_bfm_of_another_size(rows: int, columns: int, kind: str, batch: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    mean, triangles = bumpy_sheet(rows, columns, rng)
    count, faces = len(mean), len(triangles)
    around = np.full((count, 8), faces)
    for vertex in range(count):
        beside = np.flatnonzero((triangles == vertex).any(1))
        around[vertex, rng.permutation(8)[: len(beside)]] = beside
    around[0] = rng.integers(0, faces, 8)
    sizes = {"idBase": 80, "exBase": 64, "texBase": 80}
    bases = {key: rng.normal(0, 5 if key == "texBase" else 0.02, (3 * count, size)) for key, size in sizes.items()}
    file: Arrays = {
        "meanshape": (mean + 3).reshape(1, -1),
        "meantex": rng.uniform(0, 255, (1, 3 * count)),
        **bases,
        "skinmask": np.ones((1, count)),
    }
    file = {key: value.astype(kind) for key, value in file.items()}
    landmarks = rng.integers(0, count, 68)
    indices = {"tri": triangles, "point_buf": around, "tri_mask2": np.array([[0, 1, 2]]), "keypoints": landmarks[None]}
    indices["frontmask2_idx"] = np.arange(5)[:, None]
    scipy.io.savemat(tmp_path / "bfm.mat", file | {key: (index + 1.0).astype("f4") for key, index in indices.items()})
    coefficients = rng.normal(0, 1, (batch, 257)).astype("f4")
    found = run("bfm", tmp_path, {"coefficients": coefficients}, tmp_path / "bfm.mat")

    identity, expression, _, angles, _, shift = np.split(coefficients.astype("f8"), [80, 144, 224, 227, 254], axis=1)
    moved = identity @ file["idBase"].T.astype("f4") + expression @ file["exBase"].T.astype("f4")
    shape = mean - mean.mean(0) + moved.reshape(batch, count, 3)
    one, two, three = (shape[:, triangles[:, corner]] for corner in range(3))
    normals = np.cross(one - two, two - three)
    normals = np.pad(normals / length(normals)[..., None], ((0, 0), (0, 1), (0, 0)))[:, around].sum(2)
    normals /= length(normals)[..., None]
    (ca, cb, cc), (sa, sb, sc), one = np.cos(angles).T, np.sin(angles).T, np.ones(batch)
    about_x = np.array([[one, 0 * one, 0 * one], [0 * one, ca, -sa], [0 * one, sa, ca]]).transpose(2, 0, 1)
    about_y = np.array([[cb, 0 * one, sb], [0 * one, one, 0 * one], [-sb, 0 * one, cb]]).transpose(2, 0, 1)
    about_z = np.array([[cc, -sc, 0 * one], [sc, cc, 0 * one], [0 * one, 0 * one, one]]).transpose(2, 0, 1)
    camera = shape @ (about_z @ about_y @ about_x).transpose(0, 2, 1) + shift[:, None]
    camera[..., 2] = 10 - camera[..., 2]
    np.testing.assert_allclose(found["shape"], shape, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["normal"], normals, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["camera"], camera, rtol=0, atol=1e-5)
    projected = 1015 * camera[:, landmarks, :2] / camera[:, landmarks, 2:] + 112
    np.testing.assert_allclose(found["landmarks"], projected, rtol=0, atol=2e-3)


def test_flame_contour_at_every_yaw_and_any_number_of_directions(tmp_path: Path) -> None:
    degrees = np.array([-90, -40.4, -39.4, -38.6, -1.4, -0.6, -0.4, 0, 0.6, 38.4, 39.4, 60])
    rows = [78, 78, 78, 78, 40, 40, 0, 0, 1, 38, 39, 39]
    pose = np.zeros((len(rows), 6), "f4")
    pose[:, 1] = np.radians(degrees)
    rng = np.random.default_rng(2)
    numbers = {"shape": rng.normal(size=(len(rows), 300)), "expression": rng.normal(size=(len(rows), 7))}
    eyes = rng.normal(0, 0.3, (len(rows), 6)).astype("f4")
    full = np.concatenate([pose[:, :3], np.zeros_like(pose[:, :3]), pose[:, 3:], eyes], 1)
    case = HERE / "flame" / "generic_model.npz"
    found = run("flame", tmp_path, {**numbers, "pose": pose, "pose_full": full, "eye_pose": eyes}, case)
    np.testing.assert_array_equal(found["contour_row"], rows)
    np.testing.assert_allclose(found["vertices"], found["vertices_full"], rtol=0, atol=1e-7)
    short = {key: value[:, :2] for key, value in numbers.items()}
    padded = {key: np.pad(value, ((0, 0), (0, 5))) for key, value in short.items()}
    outputs = [run("flame", tmp_path, {**n, "pose": pose, "pose_full": full}, case) for n in (short, padded)]
    np.testing.assert_allclose(outputs[0]["vertices"], outputs[1]["vertices"], rtol=0, atol=1e-7)


@pytest.mark.parametrize(("wide", "high", "place"), [(320, 180, (300, 20)), (64, 48, (-9, 40)), (90, 500, (45, 470))])
def test_alignment_whose_crop_reaches_out_of_the_picture(
    wide: int, high: int, place: tuple[int, int], tmp_path: Path
) -> None:
    public = load_case(HERE / "face3d_align").inputs
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (high, wide, 3), np.uint8)
    shape = public["lm68"] - public["lm68"].mean(0)
    landmarks = (shape / np.abs(shape).max() * 0.3 * min(wide, high) + place).astype("f8")
    found = run("face3d_align", tmp_path, {"image": picture, "lm68": landmarks, "template": public["template"]})

    up = landmarks * [1, -1] + [0, high - 1]
    five = np.stack([(up[36] + up[39]) / 2, (up[42] + up[45]) / 2, up[30], up[48], up[54]])
    solved = np.linalg.lstsq(np.pad(public["template"].astype("f8"), ((0, 0), (0, 1)), constant_values=1), five)[0]
    scale, (x, y) = 102 / np.linalg.norm(solved[:3], axis=0).mean(), solved[3]
    size = int(wide * scale), int(high * scale)
    left = int(size[0] / 2 - 112 + (x - wide / 2) * scale)
    top = int(size[1] / 2 - 112 + (high / 2 - y) * scale)
    crop = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
    np.testing.assert_allclose(found["trans_params"], [wide, high, scale, x, y], rtol=1e-9)
    np.testing.assert_array_equal(found["aligned"], np.asarray(crop))


@pytest.mark.parametrize(("frames", "sources", "kind"), [(1, 1, "f4"), (2, 3, "f8"), (60, 2, "f8")])
def test_motion_windows_of_short_and_long_clips(frames: int, sources: int, kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    inputs = {}
    for prefix, count in (("", frames), ("source_", sources)):
        inputs[f"{prefix}coefficients"] = rng.normal(size=(count, 257)).astype(kind)
        inputs[f"{prefix}transform_params"] = rng.uniform(1, 900, (count, 5)).astype(kind)
    inputs["coefficients"][frames // 2 :] = inputs["coefficients"][frames // 2]  # alike: the first one counts
    found = run("semantics73", tmp_path, inputs)
    columns = [*range(80, 144), *range(224, 227), *range(254, 257)]
    vectors = np.concatenate([inputs["coefficients"][:, columns], inputs["transform_params"][:, 2:]], 1)
    source = [*inputs["source_coefficients"][0, columns], *inputs["source_transform_params"][0, 2:]]
    difference = np.abs(vectors - source)
    best = np.argmin(0.3 * difference[:, :64].mean(1) + 0.7 * difference[:, 64:67].mean(1))
    around = [[min(max(t + k, 0), frames - 1) for k in range(-13, 14)] for t in range(frames)]
    assert found["best_frame"] == best
    np.testing.assert_array_equal(found["windows"], vectors[around].transpose(0, 2, 1))
    np.testing.assert_allclose(found["crop_norm_ratio"], [source[70] / vectors[best, 70]], rtol=1e-6)


BAD = [
    ("rasterizer", "vertices", lambda a: a[..., :2]),
    ("rasterizer", "triangles", lambda a: a[:, :2]),
    ("rasterizer", "triangles", lambda a: a[0]),
    ("rasterizer", "triangles", lambda a: a + 1),
    ("rasterizer", "color", lambda a: a[:, 1:]),
    ("rasterizer", "size", lambda a: a[:1]),
    ("rasterizer", "focal", lambda a: np.array(["long"])),
    ("eye_ratio", "landmarks", lambda a: a[..., :1]),
    ("semantics73", "transform_params", lambda a: a[:0]),
    ("flame", "pose_full", lambda a: a[0]),
    ("bfm", "coefficients", lambda a: a[0]),
    ("face3d_align", "lm68", lambda a: a * 0),
]


@pytest.mark.parametrize(("name", "key", "spoil"), BAD)
def test_what_is_no_input_is_refused_in_one_line(
    name: str, key: str, spoil: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = load_case(HERE / name)
    assert callable(spoil)
    np.savez(tmp_path / "in.npz", allow_pickle=False, **{**case.inputs, key: spoil(case.inputs[key])})
    arguments = ["run", name, "--inputs", f"{tmp_path}/in.npz", "--outputs", f"{tmp_path}/out.npz"]
    if "model_file" in case.manifest:
        arguments += ["--weights", str(HERE / name / case.manifest["model_file"])]
    assert official.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.npz").exists()


def test_outputs_under_a_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = load_case(HERE / "eye_ratio")
    np.savez(tmp_path / "in.npz", allow_pickle=False, **case.inputs)
    inputs = f"{tmp_path}/in.npz"
    assert official.main(["run", "eye_ratio", "--inputs", inputs, "--outputs", f"{inputs}/out.npz"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
