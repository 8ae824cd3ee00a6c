"""The observers of outside networks: what is missing is said, and what is there is used as the papers use it.

The networks have weights that nobody has trained.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.footage import SIDE, FaceTracker, Piece
from evaluation.observers.alexnet import AlexNet
from evaluation.observers.arcface import ArcFace
from evaluation.observers.inception import Inception
from evaluation.observers.observer import Observer
from models import assets
from models.errors import MissingAsset, UserError
from models.recognition.iresnet import IResNet
from models.recognition.lpips_features import LPIPSFeatures
from preparation.faces import Face

CPU = torch.device("cpu")


class Finder:
    """A face in every picture that is not black."""

    def faces(self, frame: np.ndarray) -> list[Face]:
        turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        points = (SIDE * (0.5 + 0.3 * np.stack([np.cos(turn), np.sin(turn)], axis=1))).astype(np.float32)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return [Face(box, 1.0, points)] if frame.any() else []

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        return next(iter(self.faces(frame)), None)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for assets, whose hashes are not looked at."""
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    monkeypatch.setattr(assets, "sha256", lambda path: "6726825d" if "inception" in path.name else "7be5be79")
    return tmp_path


def pictures(count: int = 3, size: int = 64) -> torch.Tensor:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[1] = -1
    return images


def see(observer: Observer, images: torch.Tensor) -> torch.Tensor:
    return observer.begin()(Piece(images, FaceTracker(Finder())))  # type: ignore[arg-type]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("kind", "arguments", "name"),
    [(ArcFace, {"asset": "arcface_r50"}, "arcface_r50"), (AlexNet, {}, "alexnet"), (Inception, {}, "inception")],
)
def test_missing_weights_are_named(kind: Callable[..., Observer], arguments: dict[str, str], name: str) -> None:
    with pytest.raises(MissingAsset, match=f"asset {name} is missing"):
        kind(device=CPU, **arguments)


def test_arcface(store: Path) -> None:
    """Unit vectors of the faces, nothing of the frame without one; the same whatever the other frames of a piece."""
    torch.manual_seed(0)
    network = IResNet((1, 1, 1, 1))
    path = store / "arcface/ms1mv3_arcface_r50_fp16/backbone.pth"
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    observer = ArcFace("arcface_r50", CPU)
    assert (observer.stand_in, observer.licence) == (None, "non-commercial research only")
    seen = see(observer, pictures())
    assert seen.shape == (3, 512)
    assert seen[1].isnan().all()
    assert seen[[0, 2]].norm(dim=1).tolist() == pytest.approx([1, 1], abs=1e-6)
    assert torch.allclose(see(observer, pictures()[2:]), seen[2:], atol=1e-6)
    assert see(observer, pictures()[1:2]).isnan().all()
    assert not observer.network.training
    assert not any(parameter.requires_grad for parameter in observer.network.parameters())


def test_alexnet(store: Path) -> None:
    torch.manual_seed(0)
    network = LPIPSFeatures([torch.ones(width) for width in (64, 192, 384, 256, 256)])
    torch.save({**network.state_dict(), "classifier.1.weight": torch.zeros(1)}, store / "alexnet-owt-7be5be79.pth")
    observer = AlexNet(CPU)
    seen = see(observer, pictures())
    assert len(seen) == 3
    assert seen.isfinite().all()
    assert torch.allclose(see(observer, pictures()[2:]), seen[2:], atol=1e-6)
    with pytest.raises(ValueError, match=r"a frame must lie in \[-1, 1\]"):
        see(observer, pictures() * 127.5 + 127.5)


@pytest.mark.slow
def test_inception(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch-fidelity's network runs, with the weights that are in the file."""
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    torch.manual_seed(0)
    kind = theirs.FeatureExtractorInceptionV3
    with monkeypatch.context() as patched:
        patched.setattr(theirs, "load_state_dict_from_url", lambda *url, **options: {})
        patched.setattr(kind, "load_state_dict", lambda self, weights: None)
        patched.setattr(nn.init, "trunc_normal_", lambda tensor, **options: tensor)
        untrained = kind("inception", ["2048"])
    torch.save(untrained.state_dict(), store / "weights-inception-2015-12-05-6726825d.pth")
    observer = Inception(CPU)
    images = pictures(2, 32)
    seen = see(observer, images)
    assert seen.shape == (2, 2048)
    frames = ((images + 1) * 127.5).round().to(torch.uint8)
    with torch.inference_mode():
        assert torch.equal(seen, untrained(frames)[0])


def test_weights_that_would_run_code_do_not(store: Path) -> None:
    """torch-fidelity alone would unpickle them."""

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (Path(store / "ran"),)  # type: ignore[return-value]

    torch.save({"weight": Trap()}, store / "weights-inception-2015-12-05-6726825d.pth")
    with pytest.raises(UserError, match="is not a torch file of plain tensors"):
        Inception(CPU)
    assert not (store / "ran").exists()
