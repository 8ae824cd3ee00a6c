"""SyncNet, its MFCC and what is read from its embeddings, and Wav2Lip's mel spectrogram, through the command line.

Largest differences measured when this was written: syncnet 7e-6, syncnet_eval and syncnet_mfcc 4e-6, wav2lip_mel 2e-7.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import official
from tests.parity.fill import Arrays, load_case

HERE = Path(__file__).parent
CASES = [("syncnet", 5e-5), ("syncnet_eval", 1e-4), ("syncnet_mfcc", 1e-4), ("wav2lip_mel", 1e-6)]  # of the manifests


def run(name: str, folder: Path, inputs: Arrays, *more: str) -> Arrays:
    np.savez(folder / "in.npz", allow_pickle=False, **inputs)
    files = ["--inputs", f"{folder}/in.npz", "--outputs", f"{folder}/out.npz"]
    assert official.main(["run", name, *files, *more]) == 0
    with np.load(folder / "out.npz") as file:
        return dict(file)


@pytest.mark.parametrize(("name", "tolerance"), CASES)
def test_case_matches(name: str, tolerance: float, tmp_path: Path) -> None:
    case = load_case(HERE / name)
    more = []
    if case.weights:  # under the name that its authors gave it
        torch.save({key: torch.as_tensor(array) for key, array in case.weights.items()}, tmp_path / "syncnet_v2.model")
        more = ["--weights", f"{tmp_path}/syncnet_v2.model"]
    outputs = run(name, tmp_path, case.inputs, *more)
    assert outputs.keys() == case.outputs.keys()
    for key, expected in case.outputs.items():
        assert outputs[key].shape == expected.shape, key
        exact = np.issubdtype(expected.dtype, np.integer)
        np.testing.assert_allclose(outputs[key], expected, rtol=0, atol=0 if exact else tolerance, err_msg=key)


def test_fewer_frames_than_shifts(tmp_path: Path) -> None:
    public = load_case(HERE / "syncnet_eval").inputs
    found = run("syncnet_eval", tmp_path, {key: array[:4] for key, array in public.items()}, "--config", "vshift=6")
    assert found["dist"].shape == (4, 13)
    nothing = np.linalg.norm(public["lip"][:4] + 1e-6, axis=1)
    np.testing.assert_allclose(found["dist"][:, 0], nothing, rtol=1e-5)  # beyond the sound there are zeros
    np.testing.assert_allclose(found["dist"][0, 6], np.linalg.norm(public["lip"][0] - public["audio"][0] + 1e-6))


@pytest.mark.parametrize("samples", [1, 399, 3439, 3440, 9000])
def test_short_sounds_have_the_windows_that_fit(samples: int, tmp_path: Path) -> None:
    wav = load_case(HERE / "syncnet_mfcc").inputs["wav"][:samples]
    found = run("syncnet_mfcc", tmp_path, {"wav": wav})
    columns = 1 + max(0, -(-(samples - 400) // 160))
    assert found["mfcc"].shape == (13, columns)
    assert found["window_frames"].tolist() == [frame for frame in (0, 5, 9) if 4 * frame + 20 <= columns]
    for frame, window in zip(found["window_frames"], found["windows"]):
        np.testing.assert_array_equal(window, found["mfcc"][:, 4 * frame : 4 * frame + 20])


@pytest.mark.parametrize("samples", [1, 300, 1000, 7777])
def test_mel_of_sounds_that_are_not_whole_frames(samples: int, tmp_path: Path) -> None:
    wav = load_case(HERE / "wav2lip_mel").inputs["wav"][:samples]
    found = run("wav2lip_mel", tmp_path, {"wav": wav}, "--config", "w2l_fps=30")
    frames = samples // 640
    assert found["num_frames"] == frames
    assert found["mel"].shape == (80, 1 + 640 * frames // 200)
    assert found["mel_reflect"].shape == (80, 1 + samples // 200)
    starts = [int(i * 80 / 30) for i in range(99) if int(i * 80 / 30) + 16 <= 1 + samples // 200]
    assert found["w2l_start"].tolist() == [*starts, samples // 200 - 15]
    assert found["syncnet_start"].tolist() == [int(80 * i / 25) for i in range(frames)]
    index = [
        [min(max(int(80 * (i - 2) / 25) + k, 0), found["mel"].shape[1] - 1) for k in range(16)] for i in range(frames)
    ]
    np.testing.assert_array_equal(found["sad_index"], np.reshape(index, (frames, 16)))


BAD = [
    ("syncnet_eval", {"lip": np.zeros((9, 4), "f4"), "audio": np.zeros((8, 4), "f4")}, "of one length"),
    ("syncnet_mfcc", {"wav": np.zeros((2, 800), "i2")}, "mono at 16 kHz"),
    ("syncnet_mfcc", {"wav": np.zeros(0, "i2")}, "mono at 16 kHz"),
    ("wav2lip_mel", {"wav": np.zeros((800, 2), "f4")}, "mono at 16 kHz"),
]


@pytest.mark.parametrize(("name", "inputs", "reason"), BAD)
def test_what_is_no_input_is_refused_in_one_line(
    name: str, inputs: Arrays, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "in.npz", allow_pickle=False, **inputs)
    arguments = ["run", name, "--inputs", f"{tmp_path}/in.npz", "--outputs", f"{tmp_path}/out.npz"]
    assert official.main(arguments) == 2
    message = capsys.readouterr().err
    assert reason in message and message.count("\n") == 1
