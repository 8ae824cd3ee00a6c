"""Where a speaker looks, and when the eyelids close."""

from dataclasses import dataclass

import numpy as np

MOST_YAW, MOST_PITCH = 0.35, 0.25  # radians that the eyes turn in the head
_SACCADE = 0.05  # seconds
_CLOSING, _SHUT, _OPENING = 0.10, 0.03, 0.19  # seconds of a blink
_LEAST_BETWEEN = 0.9  # seconds from one blink to the next
_CAMERA = 10.0  # decimetres in front of the world's origin


@dataclass(frozen=True)
class Eyes:
    """gaze: (T, 4) radians, as in `Coefficients`; lids: curves (T,) by expression name; blinks: seconds of each."""

    gaze: np.ndarray
    lids: dict[str, np.ndarray]
    blinks: tuple[float, ...]


def look(
    rng: np.random.Generator,
    times: np.ndarray,
    head: np.ndarray,
    place: np.ndarray,
    blink_seconds: float,
    looks_away: float,
) -> Eyes:
    """Fixations, mostly on the camera, joined by saccades; blinks, often together with wide shifts of gaze.

    Args:
        rng: all randomness.
        times: (T,) seconds, evenly spaced.
        head: (T, 3) angles of the head: the eyes turn against it, so that a fixation holds.
        place: (T, 3) of the head.
        blink_seconds: mean time between blinks.
        looks_away: share of fixations beside the camera.
    """
    starts, targets = _fixations(rng, float(times[-1]) + 1, looks_away)
    offsets = _path(times, starts, targets)
    gaze = _in_head(offsets, head, place)
    jumps = np.linalg.norm(np.diff(targets, axis=0), axis=1)
    blinks = _blink_times(rng, times, starts[1:][jumps > 0.2], blink_seconds)
    closed = _blink_curve(times, blinks)
    down = np.clip(gaze[:, 0] / MOST_PITCH, -1, 1)
    lids = np.maximum(closed, 0.38 * np.clip(down, 0, 1))
    wide = 0.35 * np.clip(-down, 0, 1) * (1 - closed)
    curves = {"eyeBlink_L": lids, "eyeBlink_R": lids, "eyeWide_L": wide, "eyeWide_R": wide}
    return Eyes(np.concatenate([gaze, gaze], axis=1), curves, tuple(blinks))


def _fixations(rng: np.random.Generator, end: float, looks_away: float) -> tuple[np.ndarray, np.ndarray]:
    """Starts (n,) in seconds and targets (n, 2): pitch and yaw beside the direction to the camera."""
    starts, targets, time = [0.0], [rng.normal(0, 0.015, 2)], 0.0
    while time < end:
        away = bool(np.abs(targets[-1]).max() > 0.1)
        time += float(rng.uniform(0.4, 1.1) if away else rng.uniform(0.5, 2.4))
        if not away and rng.random() < 2 * looks_away:
            target = np.array([rng.uniform(-0.16, 0.2), rng.choice([-1, 1]) * rng.uniform(0.12, 0.36)])
        else:
            target = rng.normal(0, 0.03, 2)
        starts.append(time)
        targets.append(target)
    return np.array(starts), np.array(targets)


def _path(times: np.ndarray, starts: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(T, 2): each target is held; the way to it takes one saccade."""
    share = np.clip((times[:, None] - starts[None, 1:]) / _SACCADE, 0, 1)
    share = share * share * (3 - 2 * share)
    return targets[0] + share @ np.diff(targets, axis=0)


def _in_head(offsets: np.ndarray, head: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(T, 2) pitch and yaw of eyes that look past the camera by `offsets`, as far as eyes turn."""
    to_camera = np.array([0.0, 0.0, _CAMERA]) - place
    pitch = -np.arctan2(to_camera[:, 1], to_camera[:, 2]) + offsets[:, 0]
    yaw = np.arctan2(to_camera[:, 0], to_camera[:, 2]) + offsets[:, 1]
    world = np.stack([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1)
    x, y, z = np.einsum("tij,ti->jt", rotations(head), world)  # the transpose turns back into the head
    limits = np.array([MOST_PITCH, MOST_YAW])
    return np.clip(np.stack([-np.arcsin(np.clip(y, -1, 1)), np.arctan2(x, z)], axis=1), -limits, limits)


def rotations(angles: np.ndarray) -> np.ndarray:
    """(T, 3, 3) of pitch, yaw, roll (T, 3), as `models.face3d.rotation.rotation_matrix`."""
    import torch

    from models.face3d.rotation import rotation_matrix

    return rotation_matrix(torch.from_numpy(angles)).numpy()


def _blink_times(rng: np.random.Generator, times: np.ndarray, shifts: np.ndarray, mean: float) -> list[float]:
    """Seconds at which the eyes are shut, each at a frame: about every `mean` seconds, and in a third of the shifts."""
    wanted = [shift + 0.02 for shift in shifts if rng.random() < 0.35]
    time = float(rng.uniform(0.3, mean))
    while time < times[-1]:
        wanted.append(time)
        time += float(np.clip(rng.gamma(9, mean / 9), 1.6, 6.0))
    chosen: list[float] = []
    for moment in sorted(wanted):
        at_frame = float(times[np.abs(times - moment).argmin()])
        if not chosen or at_frame - chosen[-1] > _LEAST_BETWEEN:
            chosen.append(at_frame)
    return chosen


def _blink_curve(times: np.ndarray, blinks: list[float]) -> np.ndarray:
    """(T,) 1 while shut; closing is faster than opening."""
    curve = np.zeros(len(times))
    for blink in blinks:
        after = times - blink
        shut = np.where(after < 0, 1 + after / _CLOSING, 1 - (after - _SHUT) / _OPENING)
        shut = np.clip(shut, 0, 1)
        curve = np.maximum(curve, shut * shut * (3 - 2 * shut))
    return curve
