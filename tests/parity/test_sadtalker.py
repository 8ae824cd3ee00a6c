"""SadTalker's audio to coefficients, and what stands around it, against numbers of the authors' code.

Largest differences measured when this was written: expnet 5e-6, posevae 7e-6, coefficients 9e-8, the crop none.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models import official
from tests.parity.fill import Arrays, load_case

HERE = Path(__file__).parent
# Each case with its manifest's tolerance, where outputs have different ones by name
TOLERANCES: dict[str, dict[str, float]] = {
    "expnet": {"": 1e-4},
    "posevae": {"": 5e-5, "emb": 2e-4},
    "sadtalker_coeff_post": {"": 1e-5, "blink_fixed": 1e-6, "yaw_c_seq": 1e-6},
    "sadtalker_croper": {"": 0, "box": 1e-6},
}
PREFIX = {"expnet": "audio2exp", "posevae": "audio2pose"}  # in SadTalker's safetensors


def write_weights(path: Path, weights: Arrays, prefix: str) -> Path:
    tensors = {key: torch.as_tensor(array) for key, array in weights.items()}
    if path.suffix == ".safetensors":  # other networks are in there
        save_file({**{f"{prefix}.{key}": value for key, value in tensors.items()}, "generator.x": torch.zeros(2)}, path)
    else:
        optimizer = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]}
        torch.save({"model": tensors, "optimizer": optimizer, "epoch": 140}, path)
    return path


def run(name: str, folder: Path, inputs: Arrays, weights: Path | None = None, *more: str) -> int:
    np.savez(folder / "in.npz", allow_pickle=False, **inputs)
    files = ["--inputs", f"{folder}/in.npz", "--outputs", f"{folder}/out.npz"]
    files += ["--weights", f"{weights}"] if weights else []
    return official.main(["run", name, *files, *more])


def outputs_of(folder: Path) -> Arrays:
    with np.load(folder / "out.npz") as file:
        return dict(file)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("expnet", ".pth"),
        ("expnet", ".safetensors"),
        ("posevae", ".pth"),
        ("posevae", ".safetensors"),
        ("sadtalker_coeff_post", ""),
        ("sadtalker_croper", ""),
    ],
)
def test_case_matches(name: str, suffix: str, tmp_path: Path) -> None:
    case = load_case(HERE / name)
    weights = write_weights(tmp_path / f"weights{suffix}", case.weights, PREFIX[name]) if suffix else None
    assert run(name, tmp_path, case.inputs, weights) == 0
    outputs = outputs_of(tmp_path)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        assert outputs[key].shape == expected.shape, key
        tolerance = TOLERANCES[name].get(key, TOLERANCES[name][""])
        np.testing.assert_allclose(
            outputs[key].astype("f8"), expected.astype("f8"), rtol=0, atol=tolerance, err_msg=key
        )


def test_expressions_of_several_speakers_do_not_mix(tmp_path: Path) -> None:
    case = load_case(HERE / "expnet")
    weights = write_weights(tmp_path / "weights.pth", case.weights, "")
    inputs = {key: array[:, [range(5), range(5, 10)]][0] for key, array in case.inputs.items()}
    assert run("expnet", tmp_path, inputs, weights) == 0
    found = outputs_of(tmp_path)
    np.testing.assert_allclose(found["exp"].reshape(10, 64), case.outputs["exp"][0, :10], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["audio"], case.outputs["audio"][:10], rtol=0, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 33, 70])
def test_poses_of_other_lengths(frames: int, tmp_path: Path) -> None:
    """The inference of the manifest, chunk by chunk, from the decoder alone."""
    case = load_case(HERE / "posevae")
    weights = write_weights(tmp_path / "weights.pth", case.weights, "")
    rng = np.random.default_rng(frames)
    mel = case.inputs["mel"][:, rng.integers(0, 36, frames)]
    z = rng.standard_normal((3, 64)).astype("f4")
    assert run("posevae", tmp_path, {**case.inputs, "mel": mel, "test_z": z}, weights) == 0
    found = outputs_of(tmp_path)
    sound, start = found["emb"][0, 1:], case.inputs["test_ref"][0, 0, -6:]
    chunks = [sound[first : first + 32] for first in range(0, len(sound) - 31, 32)]
    rest = len(sound) % 32
    if rest:
        chunks.append(np.concatenate([np.repeat(sound[:1], max(0, 32 - len(sound)), axis=0), sound[-32:]]))
    expected = [np.zeros((1, 6), "f4")]
    if chunks:
        count = len(chunks)
        inputs = {"z": z[:count], "cls": np.repeat(case.inputs["test_cls"], count), "ref": np.tile(start, (count, 1))}
        inputs |= {"audio_emb": np.stack(chunks), "pose_motion_gt": np.zeros((count, 32, 6), "f4")}
        assert run("posevae", tmp_path, {**case.inputs, **inputs}, weights) == 0
        motion = outputs_of(tmp_path)["pose_motion_pred"]
        whole = count - (rest > 0)
        expected += [motion[:whole].reshape(-1, 6), *([motion[-1, -rest:]] if rest else [])]
    np.testing.assert_allclose(found["test_pose"][0], start + np.concatenate(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "rows", "scale"), [(1, 2, 1.0), (2, 1, 1.0), (7, 3, 1.3), (12, 4, 0.5), (40, 8, 2.0)]
)
def test_windows_of_other_lengths(frames: int, rows: int, scale: float, tmp_path: Path) -> None:
    from scipy.signal import savgol_filter

    public = load_case(HERE / "sadtalker_coeff_post").inputs
    rng = np.random.default_rng(frames)
    expression = rng.standard_normal((1, frames, 64)).astype("f4")
    pose = rng.standard_normal((1, frames, 6)).astype("f4")
    inputs: dict[str, Any] = {**public, "exp": expression, "pose": pose, "refpose": public["refpose"][:5]}
    more = ["--config", f"batch_size={rows}", f"expression_scale={scale}"]
    assert run("sadtalker_coeff_post", tmp_path, inputs, None, *more) == 0
    found = outputs_of(tmp_path)
    window = min(13, 2 * ((frames - 1) // 2) + 1)
    smooth = savgol_filter(pose[0].astype("f8"), window, 2, axis=0) if window > 2 else pose[0]
    vectors = np.concatenate([expression[0], smooth], axis=1)
    np.testing.assert_allclose(found["coeff"], vectors, atol=1e-6)
    other = [inputs["refpose"][t % 5, 64:70] - inputs["refpose"][0, 64:70] for t in range(frames)]
    np.testing.assert_allclose(found["coeff_refpose"][:, 64:], vectors[:, 64:] + other, atol=1e-6)
    scaled = np.concatenate([vectors[:, :64] * scale, vectors[:, 64:]], axis=1)
    around = [scaled[np.clip(range(t - 13, t + 14), 0, frames - 1)].T for t in range(frames)]
    around += [around[-1]] * (-frames % rows)
    expected = np.reshape(around, (rows, -1, 70, 27))[:, :, [0, 1, 2, 64, 69]]
    np.testing.assert_allclose(found["target_semantics"], expected, atol=1e-5)
    assert found["still_full_last"].shape == (rows, 6, 27)
    assert found["yaw_c_seq"].shape == (rows, -(-frames // rows))


def reference_box(points: np.ndarray, width: int, height: int) -> tuple[list[int], list[int], list[float]]:
    """One face after the manifest: the resized picture, the surroundings, the box in them."""
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    eyes, across = (left + right) / 2, right - left
    down = (points[48] + points[54]) / 2 - eyes
    x = np.array([across[0] + down[1], across[1] - down[0]])
    x *= max(2 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*x)
    y, centre = np.array([-x[1], x[0]]), eyes + 0.1 * down
    quad, side = np.array([centre - x - y, centre - x + y, centre + x + y, centre + x - y]), 2 * np.hypot(*x)
    shrink = int(side / 1024)
    if shrink > 1:
        width, height, quad, side = round(width / shrink), round(height / shrink), quad / shrink, side / shrink
    border = max(round(side / 10), 3)
    low, high = np.floor(quad.min(0)).astype(int) - border, np.ceil(quad.max(0)).astype(int) + border
    x0, y0, x1, y1 = max(low[0], 0), max(low[1], 0), min(high[0], width), min(high[1], height)
    if x1 - x0 < width or y1 - y0 < height:
        quad = quad - [x0, y0]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad + 0.5
    box = [max(min(ax, bx), 0), max(min(ay, dy), 0), min(max(cx, dx), width), min(max(by, cy), width)]
    return [width, height], [x0, y0, x1, y1], box


def test_faces_that_are_large_turned_or_at_the_border(tmp_path: Path) -> None:
    public = load_case(HERE / "sadtalker_croper").inputs
    rng = np.random.default_rng(0)
    face = public["image_lm"] - public["image_lm"].mean(0)
    angle, scale = rng.uniform(-1, 1, 40), rng.uniform(0.3, 25, 40)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    sizes = rng.integers(100, 5000, (40, 2))
    points = scale[:, None, None] * (face @ turn) + rng.uniform(0.1, 0.9, (40, 1, 2)) * sizes[:, None]
    assert run("sadtalker_croper", tmp_path, {**public, "lm": points, "size": sizes}) == 0
    found = outputs_of(tmp_path)
    resized, around, box = zip(*(reference_box(p, *size) for p, size in zip(points, sizes.tolist())))
    assert (np.array(resized) < sizes).any()
    np.testing.assert_array_equal(found["rsize"], resized)
    np.testing.assert_array_equal(found["crop"], around)
    np.testing.assert_allclose(found["box"], box, rtol=0, atol=1e-6)


def test_a_large_picture_is_made_smaller_first(tmp_path: Path) -> None:
    import cv2

    public = load_case(HERE / "sadtalker_croper").inputs
    large = cv2.resize(public["image"], None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    points = public["image_lm"] * 16
    assert run("sadtalker_croper", tmp_path, {**public, "image": large, "image_lm": points}) == 0
    found = outputs_of(tmp_path)["image_crop"]
    size, (x0, y0, x1, y1), box = reference_box(points, large.shape[1], large.shape[0])
    left, top, right, bottom = (int(side) for side in box)
    assert size[0] < large.shape[1]
    np.testing.assert_array_equal(found, cv2.resize(large, size)[y0:y1, x0:x1][top:bottom, left:right])


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("expnet", {"mel": np.zeros((1, 13, 80, 16), "f4")}, "expected (B, T, 1, 80, 16)"),
    ("expnet", {"ratio": np.zeros((1, 12, 1), "f4")}, "blink must be of shape (1, 13, 1), got (1, 12, 1)"),
    ("expnet", {"ref": np.zeros((1, 13, 60), "f4")}, "reference must be of shape (1, 13, 64), got (1, 13, 60)"),
    ("posevae", {"cls": np.array([0, 46, 1])}, "there is no pose style 46: this network has 0 to 45"),
    ("posevae", {"test_cls": np.array([-1])}, "there is no pose style -1"),
    ("posevae", {"test_z": np.zeros((1, 64), "f4")}, "36 frames take latents of shape (1, 2, 64), got (1, 1, 64)"),
    ("posevae", {"audio_emb": np.zeros((3, 32, 500), "f4")}, "expected (B, 6) and (B, T, 512)"),
    ("posevae", {"pose_motion_gt": np.zeros((3, 30, 6), "f4")}, "do not fit"),
    ("sadtalker_coeff_post", {"refpose": np.zeros((0, 73))}, "reference poses must be of shape (frames, 6)"),
    ("sadtalker_coeff_post", {"yaw_list": np.zeros(0)}, "goes through one or more angles"),
    ("sadtalker_coeff_post", {"pose": np.zeros((1, 20, 6), "f4")}, "see the manifest"),
    ("sadtalker_coeff_post", {"exp": np.zeros((1, 0, 64), "f4"), "pose": np.zeros((1, 0, 6), "f4")}, "frame"),
    ("sadtalker_croper", {"lm": np.zeros((6, 68, 2))}, "no width"),
    ("sadtalker_croper", {"lm": np.zeros((6, 5, 2))}, "expected (N, 68, 2)"),
    ("sadtalker_croper", {"image_lm": np.full((68, 2), np.nan)}, "no width"),
    ("sadtalker_croper", {"image": np.zeros((9, 9, 3), "f4")}, "a picture is (height, width, 3) of uint8"),
    ("sadtalker_croper", {"image": np.zeros((9, 9, 3), "u1")}, "the face lies outside of the picture"),
]


@pytest.mark.parametrize(("name", "changed", "reason"), BAD)
def test_what_is_no_input_is_refused_in_one_line(
    name: str, changed: Arrays, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = load_case(HERE / name)
    weights = write_weights(tmp_path / "weights.pth", case.weights, "") if case.weights else None
    assert run(name, tmp_path, {**case.inputs, **changed}, weights) == 2
    message = capsys.readouterr().err
    assert reason in message and message.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("expnet", {"mapping1.bias": None}, "1 missing: mapping1.bias"),
        ("expnet", {"mapping2.bias": np.zeros(3, "f4")}, "1 unexpected: mapping2.bias"),
        ("expnet", {"mapping1.weight": None}, "hold no 'mapping1.weight'"),
        ("posevae", {"netG.encoder.linear_logvar.bias": None}, "1 missing: netG.encoder.linear_logvar.bias"),
        ("posevae", {"netG.decoder.classbias": np.zeros((9, 64), "f4")}, "misshapen: netG.encoder.classbias (46, 64)"),
        ("posevae", {"netD_motion.seq.3.bias": None}, "1 missing: seq.3.bias"),
        ("posevae", {"other.x": np.zeros(3, "f4")}, "1 unexpected: other.x"),
    ],
)
def test_weights_that_do_not_fit(
    name: str, change: Arrays, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = load_case(HERE / name)
    weights = {key: array for key, array in {**case.weights, **change}.items() if array is not None}
    assert run(name, tmp_path, case.inputs, write_weights(tmp_path / "w.pth", weights, "")) == 2
    message = capsys.readouterr().err
    assert reason in message and message.count("\n") == 1
