"""Encoders are read out of files of every layout; what is in a file tells which."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.errors import MissingAsset, UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder
from models.inversion.hfgi_aligner import ResidualAligner
from models.inversion.hfgi_residual import ResidualEncoder
from models.inversion.pretrained import read_encoder, read_hfgi, save_encoder
from tests.models.inversion.small_encoder import SIZES, pictures, small

MEAN = torch.linspace(-1, 1, 24)


def state(encoder: GradualStyleEncoder, prefix: str = "") -> dict[str, Tensor]:
    """As others name it: the mean of W is not in it."""
    return {prefix + key: value for key, value in encoder.state_dict().items() if key != "latent_avg"}


def written(path: Path, content: dict[str, Any]) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("kind", "name"), [(Encoder4Editing, "Encoder4Editing"), (GradualStyleEncoder, "GradualStyleEncoder")]
)
def test_files_of_e4e_and_psp(kind: type[GradualStyleEncoder], name: str, tmp_path: Path) -> None:
    """The option says which of the two it is, and whether the codes start at the mean."""
    encoder = small(kind)
    content = {
        "state_dict": {**state(encoder, "encoder."), "decoder.input.input": torch.zeros(1, 4, 4, 4)},
        "latent_avg": MEAN.expand(5, 24),
        "opts": {"encoder_type": name, "start_from_latent_avg": True, "workers": 8},
    }
    read = read_encoder(written(tmp_path / "model.pt", content))
    with torch.no_grad():
        torch.testing.assert_close(read(pictures()), encoder(pictures()) + MEAN)
    assert type(read) is kind
    assert not read.training
    assert not any(p.requires_grad for p in read.parameters())
    content["opts"] = {"encoder_type": name, "start_from_latent_avg": False}
    assert not read_encoder(written(tmp_path / "model.pt", content)).latent_avg.any()


def test_a_file_that_does_not_say_which(tmp_path: Path) -> None:
    content: dict[str, Any] = {"state_dict": state(small(Encoder4Editing), "encoder."), "latent_avg": MEAN}
    path = written(tmp_path / "model.pt", content)
    with pytest.raises(UserError, match=r"model\.pt: it may be e4e or pSp.* say which by kind=e4e or kind=psp"):
        read_encoder(path)
    assert type(read_encoder(path, kind="psp")) is GradualStyleEncoder
    content["discriminator_state_dict"] = {"mlp.0.weight": torch.zeros(2, 2)}
    assert type(read_encoder(written(path, content))) is Encoder4Editing


def test_styleheats_file(tmp_path: Path) -> None:
    """e4e, whose pyramid is enlarged in the other way."""
    encoder = small(Encoder4Editing, align_corners=False)
    read = read_encoder(written(tmp_path / "Encoder_e4e.pth", {"encoder": state(encoder), "latent_avg": MEAN}))
    with torch.no_grad():
        torch.testing.assert_close(read(pictures()), encoder(pictures()) + MEAN)


@pytest.mark.parametrize("kind", [Encoder4Editing, GradualStyleEncoder])
def test_our_own_file(kind: type[GradualStyleEncoder], tmp_path: Path) -> None:
    """Sizes that shapes do not tell stand in it; half precision does not change much."""
    encoder = small(kind, input_channels=6, widths=[8, 16, 32, 32], units=[1, 1, 1, 1], align_corners=False)
    encoder.latent_avg.copy_(MEAN.expand(5, 24))
    save_encoder(tmp_path / "e.safetensors", encoder)
    read = read_encoder(tmp_path / "e.safetensors")
    image = torch.cat([pictures(), pictures(1)], dim=1)
    with torch.no_grad():
        torch.testing.assert_close(read(image), encoder(image), atol=5e-3, rtol=5e-3)
    assert (type(read), read.settings) == (kind, encoder.settings)
    assert (tmp_path / "e.safetensors").stat().st_size < 2.2 * sum(
        v.numel() for v in encoder.state_dict().values()
    ) + 5e4


def test_a_training_s_checkpoint(tmp_path: Path) -> None:
    """The average counts, where there is one."""
    encoder = small(Encoder4Editing)
    config = {"model": {"_target_": "models.inversion.e4e.Encoder4Editing", **SIZES}}
    raw = {f"model.{key}": torch.zeros_like(value) for key, value in encoder.state_dict().items()}
    content = {"state_dict": raw, "figurehead": {"config": config, "average": encoder.state_dict()}}
    read = read_encoder(written(tmp_path / "last.ckpt", content))
    assert torch.equal(read(pictures()), encoder(pictures()))
    content["figurehead"] = {"config": config}
    assert not read_encoder(written(tmp_path / "last.ckpt", content)).latlayer1.weight.any()


def test_files_that_hold_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no encoder nobody: neither such a file nor one of embedded, "):
        read_encoder("nobody")
    with pytest.raises(UserError, match="this is another network's file"):
        read_encoder(written(tmp_path / "g.pt", {"g_ema": {"input.input": torch.zeros(1, 4, 4, 4)}}))
    (tmp_path / "e.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        read_encoder(tmp_path / "e.safetensors")
    half = dict(list(state(small(Encoder4Editing), "encoder.").items())[:-3])
    with pytest.raises(UserError, match=r"missing: .*latlayer2\.bias"):
        read_encoder(written(tmp_path / "half.pt", {"state_dict": half}), kind="e4e")
    checkpoint = {"state_dict": {}, "figurehead": {"config": {"model": {"_target_": "models.head.Head"}}}}
    with pytest.raises(UserError, match="it holds a Head, not one of Encoder4Editing, GradualStyleEncoder"):
        read_encoder(written(tmp_path / "last.ckpt", checkpoint))


@pytest.mark.parametrize("arguments", [b"{,", b"[1]", b'{"units": 3}', b'{"units": []}'])
def test_facts_that_are_none_are_told_in_one_line(arguments: bytes, tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    tensors = {"latlayer2.bias": torch.zeros(4)}
    save_file(tensors, path, {"encoder": "Encoder4Editing", "arguments": arguments.decode()})
    with pytest.raises(UserError, match=r"^encoder .*e\.safetensors: ") as error:
        read_encoder(path)
    assert "\n" not in str(error.value)


def test_assets_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(MissingAsset, match="e4e_ffhq_encode"):
        read_encoder("e4e_ffhq_encode")
    with pytest.raises(MissingAsset, match="styleheat_hfgi"):
        read_hfgi()


def test_hfgi_of_styleheat(tmp_path: Path) -> None:
    torch.manual_seed(0)
    aligner, residual = ResidualAligner().eval(), ResidualEncoder(channels=16).eval()
    file = written(tmp_path / "hfgi.pth", {"aligner": aligner.state_dict(), "encoder": residual.state_dict()})
    encoder = {"encoder": state(small(Encoder4Editing)), "latent_avg": MEAN}
    hfgi = read_hfgi(file, written(tmp_path / "Encoder_e4e.pth", encoder))
    with torch.no_grad():
        aligned = aligner(pictures(), pictures(1))
        assert torch.equal(hfgi.aligner(pictures(), pictures(1)), aligned)
        assert torch.equal(hfgi.residual_encoder(aligned).shift, residual(aligned).shift)
    with pytest.raises(UserError, match=r"HFGI .*another network's file"):
        read_hfgi(tmp_path / "Encoder_e4e.pth", tmp_path / "Encoder_e4e.pth")
