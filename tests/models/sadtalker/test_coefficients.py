"""What is done to coefficients between the networks: smoothing, windows, batches, blinks, turns of the head."""

import numpy as np
import pytest
import torch

from models.errors import UserError
from models.sadtalker.blinks import QUICK, random_blinks, regular_blinks
from models.sadtalker.coefficient_windows import add_reference_pose, in_batches, keep_head_still, target_windows
from models.sadtalker.head_turns import angles_through
from models.sadtalker.pose_smoothing import smooth_poses


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 12, 13, 14, 40])
def test_smoothing_is_scipys(frames: int) -> None:
    from scipy.signal import savgol_filter

    poses = torch.randn(2, frames, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    window = min(13, 2 * ((frames - 1) // 2) + 1)
    expected = savgol_filter(poses.numpy(), window, 2, axis=1) if window > 2 else poses.numpy()
    np.testing.assert_allclose(smooth_poses(poses).numpy(), expected, atol=1e-12)


def test_a_parabola_passes_unchanged() -> None:
    time = torch.linspace(-1, 1, 50)[:, None]
    assert torch.allclose(smooth_poses(time**2 + time), time**2 + time, atol=1e-5)


def test_batches_hold_frames_in_a_row_and_come_back() -> None:
    frames = torch.arange(7)[:, None]
    batches = in_batches(frames, 3)
    assert batches[:, :, 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 6, 6]]
    assert torch.equal(batches.flatten(0, 1)[:7], frames)
    assert in_batches(frames, 9).shape == (9, 1, 1)
    for wrong, rows in ((frames, 0), (frames[:0], 2)):
        with pytest.raises(UserError, match="cannot be shared"):
            in_batches(wrong, rows)


def test_windows_and_the_scale_of_the_expression() -> None:
    vectors = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    windows = target_windows(vectors, expression_scale=2, expressions=4)
    assert windows.shape == (5, 10, 27)
    assert torch.equal(windows[:, 4:, 13], vectors[:, 4:]) and torch.equal(windows[:, :4, 13], 2 * vectors[:, :4])
    assert torch.equal(windows[0, 4:, 0], vectors[0, 4:]) and torch.equal(windows[0, 4:, 26], vectors[4, 4:])


def test_a_still_head_is_the_portraits() -> None:
    vectors, source = torch.rand(3, 10), torch.rand(13)
    still = keep_head_still(vectors, source)
    assert torch.equal(still[:, :4], vectors[:, :4]) and torch.equal(still[:, 4:], source[4:].expand(3, 9))
    assert keep_head_still(vectors, source[:10]).shape == (3, 10)


def test_a_reference_begins_again() -> None:
    vectors, reference = torch.zeros(5, 8), torch.arange(12.0).reshape(2, 6) + 3
    moved = add_reference_pose(vectors, reference)
    assert (moved[:, :2] == 0).all()
    assert torch.equal(moved[:, 2:], torch.tensor([0.0, 6, 0, 6, 0])[:, None].expand(5, 6))
    with pytest.raises(UserError, match="reference poses"):
        add_reference_pose(vectors, reference[:0])


@pytest.mark.parametrize("frames", [0, 1, 20, 21, 22, 60, 1000])
def test_random_blinks(frames: int) -> None:
    signal = random_blinks(frames, torch.Generator().manual_seed(0))
    assert signal.shape == (frames,)
    assert torch.equal(signal, random_blinks(frames, torch.Generator().manual_seed(0)))
    starts = [t for t in range(frames - 4) if signal[t] == 0.5 and signal[t + 1] == np.float32(0.9)]
    rebuilt = torch.zeros(frames)
    for start in starts:
        rebuilt[start : start + 5] = torch.tensor(QUICK)
    assert torch.equal(signal, rebuilt)
    pauses = np.diff([-5, *starts]) - 5
    assert (len(starts) > 0) == (frames > 21)
    assert ((pauses >= 10) & (pauses < 70)).all()


@pytest.mark.parametrize(("frames", "count"), [(0, 0), (1, 0), (89, 0), (90, 1), (178, 1), (179, 2), (200, 2)])
def test_regular_blinks(frames: int, count: int) -> None:
    signal = regular_blinks(frames)
    assert signal.shape == (frames,) and int((signal == 1).sum()) == count
    assert [int(t) for t in (signal == 1).nonzero()] == [84 + 89 * blink for blink in range(count)]


def test_turns_of_the_head() -> None:
    np.testing.assert_allclose(angles_through([-20, 30, 5], 26)[:4], [-20, -17, -14, -11])
    assert angles_through([10], 3).tolist() == angles_through([10, 10], 3).tolist() == [10, 10, 10]
    assert angles_through([0, 8], 5).tolist() == [0, 2, 4, 6, 6]
    assert angles_through([0, 8, 8, 0], 5).tolist() == [0, 4, 8, 4, 4]
    assert angles_through([3, 8], 1).tolist() == [3]
    for wrong in ([], [1, float("nan")]):
        with pytest.raises(UserError, match="angles in degrees"):
            angles_through(wrong, 5)
