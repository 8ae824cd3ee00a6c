"""The embedded lip-sync observer: piece by piece it sees what it sees at once; and what it makes of real people."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from evaluation.footage import FaceTracker, Piece
from evaluation.observers.lip_sync import EmbeddedSync
from evaluation.observers.observer import Listener
from metrics.lse_c import LSEC
from models.errors import UserError
from models.images import to_images
from preparation.analysers.mesh import MeshAnalyser
from preparation.source_audio import read_audio
from preparation.source_video import read_frames


class Told(Piece):
    """A piece whose landmarks are told."""

    def __init__(self, points: Tensor) -> None:
        self.landmarks = points

    def __len__(self) -> int:
        return len(self.landmarks)


@pytest.fixture(scope="module")
def observer() -> EmbeddedSync:
    return EmbeddedSync(torch.device("cpu"))


def face(frames: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return 100 + 30 * torch.randn(68, 2, generator=random) + 2 * torch.randn(frames, 68, 2, generator=random)


def seen(observer: EmbeddedSync, points: Tensor, *pieces: int) -> Tensor:
    watcher = observer.begin()
    return torch.cat([watcher(Told(part)) for part in torch.split(points, list(pieces) or [len(points)])])


def test_pieces_are_seen_as_the_whole(observer: EmbeddedSync) -> None:
    whole = seen(observer, face(50))
    assert whole.shape == (36, 64) and whole.isfinite().all()
    torch.testing.assert_close(seen(observer, face(50), 16, 16, 16, 2), whole)
    torch.testing.assert_close(seen(observer, face(50), 1, 5, 10, 34), whole)


def test_rows_belong_to_the_rows_of_the_sound(observer: EmbeddedSync) -> None:
    sound = 0.1 * torch.randn(50 * 640, generator=torch.Generator().manual_seed(1))
    heard = observer.hear(sound)
    assert isinstance(observer, Listener) and heard.shape == (36, 64)
    assert observer.hear(sound) is heard  # the same sound for all methods is heard once
    metric = LSEC(stand_in="embedded")
    metric.update(seen(observer, face(50)), heard)
    assert metric.label == "LSE-C[embedded]" and metric.compute().isfinite()
    with pytest.raises(UserError, match="640 samples"):
        observer.hear(sound[:-1])


def test_a_face_that_is_lost_for_a_moment_is_held(observer: EmbeddedSync) -> None:
    points = face(60)
    held = points.clone()
    held[20:23] = held[19]
    points[20:23] = torch.nan
    for pieces in ((), (16, 16, 16, 12), (21, 39)):
        torch.testing.assert_close(seen(observer, points, *pieces), seen(observer, held))
    points[23] = torch.nan
    missing = seen(observer, points, 16, 16, 16, 12).isnan().any(dim=1)
    assert torch.nonzero(missing).flatten().tolist() == list(range(23 - 14, 24))
    points[0] = torch.nan
    assert seen(observer, points)[0].isnan().all()


def lse(lips: Tensor, sound: Tensor) -> tuple[float, float, int]:
    """LSE-D, LSE-C and the best shift; positive where the sound is late."""
    count = min(len(lips), len(sound))
    padded = np.pad(sound[:count].numpy(), ((15, 15), (0, 0)))
    means = [np.linalg.norm(lips[:count].numpy() - padded[j : j + count] + 1e-6, axis=1).mean() for j in range(31)]
    return min(means), float(np.median(means)) - min(means), int(np.argmin(means)) - 15


REAL = ("may", "obama_address", "vox_man_256")  # square pictures
FRAMES = 125


def watched(observer: EmbeddedSync, path: Path) -> tuple[Tensor, Tensor]:
    """Lips and sound of the first frames of a video."""
    tracker, watcher = FaceTracker(MeshAnalyser()), observer.begin()
    frames = np.stack(list(islice(read_frames(path, longest=256), FRAMES)))
    lips = torch.cat([watcher(Piece(images, tracker)) for images in torch.split(to_images(frames), 16)])
    sound = read_audio(path)
    assert sound is not None
    return lips, observer.hear(torch.from_numpy(sound[: 640 * len(frames)]))


@pytest.mark.slow
def test_what_it_makes_of_real_people(observer: EmbeddedSync, real_data: Path) -> None:
    """Prints their own sound, that ten frames late and another's; models/recognition/weights/README.md has all clips.

    It has learned from made-up speakers alone, so no more than a tendency is asked of it.
    """
    clips = {name: watched(observer, real_data / "videos" / f"{name}.mp4") for name in REAL}
    own, other = [], []
    for name, (lips, sound) in clips.items():
        own.append(lse(lips, sound))
        others = [lse(lips, theirs) for stranger, (_, theirs) in clips.items() if stranger != name]
        other.append(np.mean(others, axis=0))
        late = lse(lips[10:], sound[:-10])
        for kind, (error, confidence, offset) in (("own", own[-1]), ("late", late), ("other's", other[-1])):
            print(f"{name:16} {kind:8} LSE-D {error:5.2f} LSE-C {confidence:5.2f} offset {offset:+.0f}")
    assert np.mean([error for error, _, _ in own]) < np.mean([error for error, _, _ in other])
    assert np.mean([confidence for _, confidence, _ in own]) > np.mean([confidence for _, confidence, _ in other])
