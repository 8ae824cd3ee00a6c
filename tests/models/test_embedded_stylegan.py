"""The generators and encoders that come with the code draw faces, and keep what they are shown."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.clip_shards import ClipShards
from models.images import to_images
from models.inversion.encoder_inversion import EncoderInversion
from models.inversion.inversion import reconstruct
from models.inversion.pretrained import read_encoder
from models.stylegan.pretrained import read_generator
from preparation.analysers.mesh import MeshAnalyser
from tests.commands import run_command

MODELS = Path(__file__).parents[2] / "models"
PSI = 0.7
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Tensor:
    """Two frames of each of four speakers whom no training saw."""
    output = tmp_path_factory.mktemp("strangers") / "frames"
    words = ["source=synthetic", "source.seed=4242", "source.speakers=4", "source.clips=1", "source.seconds=1.2"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert (
            run_command("prepare", [*words, "kind=frames", "size=64", "workers=1", f"output={output}"], monkeypatch)
            == 0
        )
    clips = [clip for split in ("train", "test") for clip in ClipShards(output, split)]
    return torch.cat([to_images(clip.frames([0, clip.last - 1])) for clip in clips])


def drawn(name: str, count: int) -> Tensor:
    """Pictures from noise, somewhat truncated."""
    generator = read_generator(name)
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        return generator(generator.map(z, PSI)).image.clamp(-1, 1)


@pytest.mark.parametrize("name", ["embedded", "embedded3"])
def test_pictures_from_noise_are_different_faces(name: str) -> None:
    image, finder = drawn(name, 16), MeshAnalyser()
    large = F.interpolate(image, scale_factor=4, mode="bicubic").clamp(-1, 1)
    frames = ((large + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    assert sum(bool(finder.faces(frame)) for frame in frames) >= 12
    assert (image - image.roll(1, 0)).abs().mean() > 0.15  # of 2


@pytest.mark.parametrize("name, refinements", [("embedded", 0), ("embedded_psp", 3)])
def test_encoders_keep_strangers(name: str, refinements: int, strangers: Tensor) -> None:
    generator = read_generator("embedded")
    made = reconstruct(generator, EncoderInversion(generator, read_encoder(name), refinements).invert(strangers))
    distance = (made.clamp(-1, 1)[:, None] - strangers[None]).abs().mean(dim=(2, 3, 4))
    assert (distance.argmin(dim=1) // 2 == torch.arange(len(strangers)) // 2).all()  # of all frames, one of theirs
    mean = generator(generator.mapping.find_mean()[None]).image
    assert distance.diag().mean() < 0.5 * (mean - strangers).abs().mean()


def test_they_are_small() -> None:
    files = [*(MODELS / "stylegan/weights").iterdir(), *(MODELS / "inversion/weights").iterdir()]
    assert sum(file.stat().st_size for file in files if file.suffix == ".safetensors") < 12e6
