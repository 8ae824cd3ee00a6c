"""What SyncNet is shown of a clip and its sound; a small stand-in says what it was shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evaluation.footage import Footage
from evaluation.observers import syncnet
from evaluation.observers.syncnet import SyncNet
from evaluation.observers.syncnet_crop import FaceCrops, crop
from models.audio.mfcc import MFCC
from models.errors import MissingAsset, UserError
from models.images import to_images
from preparation.faces import Face

SIDE = 64


class Finder:
    """A face in every picture with green in it, which moves to the right with the red."""

    name, version, licence = "toy", "1", "none"

    def faces(self, frame: np.ndarray) -> list[Face]:
        if frame[..., 1].max() < 100:
            return []
        turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        points = np.stack([np.cos(turn) * 40 + frame[0, 0, 0] / 8, np.sin(turn) * 60], axis=1) + 128
        return [Face(np.zeros(4, np.float32), 1.0, points.astype(np.float32))]

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return next(iter(self.faces(frame)), None)

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        return None


class Recorder(nn.Module):
    """Says of five frames the mean of some pixels of each, of sound the window itself; counts clips and sounds."""

    size = 15
    clips = sounds = 0

    def embed_clips(self, clips: Tensor) -> Tensor:
        self.clips += len(clips)
        return clips[..., 16::32, 16::32].float().mean(dim=(3, 4)).flatten(1)

    def embed_sound(self, windows: Tensor) -> Tensor:
        self.sounds += 1
        return windows.flatten(1)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(syncnet, "pretrained_syncnet", lambda: made)
    return made


def film(count: int) -> np.ndarray:
    frames = np.random.default_rng(0).integers(0, 200, (count, SIDE, SIDE, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(count) * 5
    return frames


def watched(frames: np.ndarray, pieces: list[int], still: bool = False) -> Tensor:
    footage, observer, rows = Footage(Finder(), still), SyncNet(torch.device("cpu")), []
    for piece in np.split(frames, np.cumsum(pieces)[:-1]):
        images = to_images(piece)
        footage.show(images[:1].expand(len(images), -1, -1, -1) if still else images)
        rows.append(footage.seen(observer))
    return torch.cat(rows)


@pytest.mark.parametrize("pieces", [[16, 7], [1] * 23, [4, 1, 18]])
def test_n_frames_have_n_less_five_clips_in_pieces_of_any_size(pieces: list[int], recorder: Recorder) -> None:
    rows = watched(film(23), pieces)
    assert rows.shape == (18, 15)
    assert torch.equal(rows, watched(film(23), [23]))
    means = rows.view(18, 3, 5)
    assert torch.equal(means[1:, :, 0], means[:-1, :, 1])  # clip f is frames f to f + 4


def test_short_clips_have_none(recorder: Recorder) -> None:
    assert watched(film(5), [2, 3]).shape == (0, 15)
    assert watched(film(6), [2, 4]).shape == (1, 15)


def test_colours_are_blue_first_from_0_to_255(recorder: Recorder) -> None:
    frames = np.zeros((6, SIDE, SIDE, 3), np.uint8) + np.array([10, 150, 250], np.uint8)
    blue, green, red = watched(frames, [6]).view(3, 5)[:, 0].tolist()
    assert red < green < blue
    inside = crop(frames[0], 32, 32, 8)[112, 112]
    assert inside.tolist() == [250, 150, 10]


@pytest.mark.parametrize(("x", "y", "half"), [(40.0, 30.0, 20.0), (10.3, 60.2, 17.9), (63.0, 1.0, 30.0)])
def test_crop_is_that_of_the_published_pipeline(x: float, y: float, half: float) -> None:
    """The box from half above the centre to 1.8 below and 1.4 to both sides, grey beyond the frame."""
    frame = np.zeros((64, 80, 3), np.uint8)
    frame[..., 0], frame[..., 1] = np.arange(80) * 3, np.arange(64)[:, None] * 3
    found = crop(frame, x, y, half).astype(float)[..., ::-1]
    place = (np.arange(224) + 0.5) / 224
    columns = int(x - 1.4 * half + 100) - 100 + place * (int(x + 1.4 * half + 100) - int(x - 1.4 * half + 100)) - 0.5
    rows = int(y - half + 100) - 100 + place * (int(y + 1.8 * half + 100) - int(y - half + 100)) - 0.5
    inside = np.ix_((rows > 1) & (rows < 62), (columns > 1) & (columns < 78))
    assert inside[0].size > 50 and inside[1].size > 50
    assert np.abs(found[..., 0] - 3 * columns)[inside].max() < 3.5
    assert np.abs(found[..., 1] - 3 * rows[:, None])[inside].max() < 3.5
    outside = np.ix_(rows > 65, np.ones(224, bool))
    assert (found[outside] == 110).all()


def test_lost_faces_are_bridged_and_then_missing(recorder: Recorder) -> None:
    frames = film(60)
    frames[20:50, :, :, 1] = 0
    lost = watched(frames, [16, 16, 16, 12]).isnan().any(dim=1)
    assert lost.nonzero().flatten().tolist() == list(range(41, 50))  # frames 45 to 49 are too long after the last face
    frames[:3, :, :, 1] = 0
    assert watched(frames, [60]).isnan().any(dim=1)[:4].tolist() == [True, True, True, False]


def test_a_single_jump_of_the_box_is_smoothed_away() -> None:
    frames = np.zeros((9, 64, 64, 3), np.uint8) + np.arange(64, dtype=np.uint8)[:, None]
    landmarks = np.random.default_rng(0).uniform(20, 40, (1, 68, 2)).repeat(9, axis=0)
    steady, _ = FaceCrops()(frames, landmarks)
    landmarks[4] += 15
    jumped, _ = FaceCrops()(frames, landmarks)
    assert torch.equal(steady, jumped)


def test_a_still_picture_is_embedded_once(recorder: Recorder) -> None:
    rows = watched(film(1).repeat(40, axis=0), [16, 16, 8], still=True)
    assert rows.shape == (35, 15) and rows.isfinite().all()
    assert torch.equal(rows, rows[:1].expand(35, -1))
    assert recorder.clips == 1
    watched(np.concatenate([film(8), film(8)[-1:].repeat(20, axis=0)]), [28])
    assert recorder.clips == 1 + 8  # one that ends in each of the frames 4 to 11, of which 7 to 11 are one picture


def test_sound_is_heard_as_16_bit_samples(recorder: Recorder) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 640 * 9)
    audio = torch.from_numpy((samples / 2**15).astype(np.float32))
    observer = SyncNet(torch.device("cpu"))
    heard = observer.hear(audio)
    mfcc = MFCC()(torch.from_numpy(samples).double())
    assert heard.shape == (4, 13 * 20)
    for frame in range(4):
        assert torch.allclose(heard[frame].view(13, 20).double(), mfcc[:, 4 * frame : 4 * frame + 20], atol=1e-4)
    observer.hear(audio)
    assert recorder.sounds == 1
    assert len(observer.hear(audio[: 640 * 5])) == 0


@pytest.mark.parametrize(
    ("audio", "kind", "message"),
    [
        (torch.zeros(16000 // 30 * 90), UserError, "640 samples at 16 kHz per frame at 25 fps"),
        (torch.zeros(2, 640), UserError, "640 samples at 16 kHz"),
        (torch.full((6400,), 3000.0), ValueError, r"sound must lie in \[-1, 1\]"),
    ],
)
def test_other_sound_is_refused(audio: Tensor, kind: type[Exception], message: str, recorder: Recorder) -> None:
    with pytest.raises(kind, match=message):
        SyncNet(torch.device("cpu")).hear(audio)


def test_without_weights_it_says_where_they_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(
        MissingAsset, match=r"syncnet_v2 is missing: .*syncnet_v2\.model .*models\.assets fetch syncnet"
    ):
        SyncNet(torch.device("cpu"))


def test_lines_of_the_group_are_named_and_dashed_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml

    from configs.instantiate import build
    from evaluation.measure import Observers, measures

    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    configs = Path(syncnet.__file__).parents[2] / "configs"
    nodes: dict[str, Any] = yaml.safe_load((configs / "observers" / "default.yaml").read_text())
    lines: dict[str, Any] = yaml.safe_load((configs / "measure" / "lip_sync.yaml").read_text())
    through = {key: line for key, line in lines.items() if line["through"] == "syncnet"}
    ready, missing = measures(through, build, Observers(nodes, build, {}, device=torch.device("cpu")))
    assert not ready
    assert [line.label for line in missing] == ["LSE-C", "LSE-D", "AV-Offset", "SoftDTW-LSE-D"]
    assert all("asset syncnet_v2 is missing" in line.reason for line in missing)
