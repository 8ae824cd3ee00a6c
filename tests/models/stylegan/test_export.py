"""A generator in rosinality's layout: read again it is the same, and the command says what its constructor needs."""

import json
from pathlib import Path

import pytest
import torch

from models.stylegan.export import export, main, reader
from models.stylegan.pretrained import generator_id, read_generator, save_generator
from models.stylegan.stylegan2 import StyleGAN2

PUBLISHED = Path(__file__).parents[2] / "parity" / "stylegan2_generator" / "keys_256.json"


def small(size: int = 16, z_dim: int = 8) -> StyleGAN2:
    torch.manual_seed(0)
    generator = StyleGAN2(size, z_dim=z_dim, w_dim=8, mapping_layers=8, channel_base=8 * size, channel_max=8)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return generator


def test_what_is_exported_reads_as_the_same_generator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = small()
    generator.mapping.find_mean()
    save_generator(tmp_path / "g.safetensors", generator)
    assert main([str(tmp_path / "g.safetensors"), str(tmp_path / "out" / "g.pt")]) == 0
    assert "with Generator(16, 8, 8), with self.channels = {4: 8, 8: 8, 16: 8}" in capsys.readouterr().out
    back = read_generator(tmp_path / "out" / "g.pt")
    assert generator_id(back) == generator_id(generator)
    torch.testing.assert_close(back.mapping.w_mean, generator.mapping.w_mean, rtol=0, atol=0)
    assert main([str(tmp_path / "out" / "g.pt"), str(tmp_path / "again.safetensors")]) == 0
    assert generator_id(read_generator(tmp_path / "again.safetensors")) == generator_id(generator)


def test_names_are_those_that_rosinalitys_code_asks_for(tmp_path: Path) -> None:
    export(small(256), tmp_path / "g.pt")
    content = torch.load(tmp_path / "g.pt", weights_only=True)
    published = json.loads(PUBLISHED.read_text())["keys"]
    assert content.keys() == {"g_ema", "latent_avg"}
    assert content["g_ema"].keys() == published.keys()
    assert {key: tensor.ndim for key, tensor in content["g_ema"].items()} == {k: len(s) for k, s in published.items()}
    assert not content["latent_avg"].isnan().any()


@pytest.mark.parametrize(("base", "multiplier"), [(32768, 2), (16384, 1)])
def test_the_multiplier_of_the_paper_sizes_is_named(base: int, multiplier: int) -> None:
    generator = StyleGAN2(64, w_dim=8, channel_base=base)
    assert reader(generator) == f"Generator(64, 8, 8, channel_multiplier={multiplier})"


def test_what_the_layout_cannot_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_generator(tmp_path / "g.safetensors", small(z_dim=4))
    cases = {
        "as many numbers": [str(tmp_path / "g.safetensors"), str(tmp_path / "g.pt")],
        "told by the ending": [str(tmp_path / "g.safetensors"), str(tmp_path / "g.pkl")],
        "there is no generator": [str(tmp_path / "none.pt"), str(tmp_path / "g.pt")],
        "usage": [],
    }
    for reason, words in cases.items():
        assert main(words) == 2
        message = capsys.readouterr().err
        assert reason in message and message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["g.safetensors"]
