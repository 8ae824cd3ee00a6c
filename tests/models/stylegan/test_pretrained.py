"""Generators out of files of every layout: the same pictures come out of each, and what is no such file is said so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models import official
from models.errors import UserError
from models.stylegan import pretrained
from models.stylegan.layouts import binomial, generator_to_rosinality, nvidia_generator
from models.stylegan.pretrained import generator_id, read_generator, save_generator
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.stylegan3 import StyleGAN3
from models.stylegan.stylegan3_layout import to_nvidia
from models.weights import read_weights
from tests.models.nvidia_pickles import nvidia_pickle


def small(seed: int = 0, **changed: Any) -> StyleGAN2:
    """A generator of 16 pixels whose every tensor counts."""
    torch.manual_seed(seed)
    generator = StyleGAN2(
        **{"size": 16, "z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channels": [10, 8, 6], **changed}
    )
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        generator.mapping.w_mean.copy_(torch.randn(generator.w_dim))
    return generator.eval()


@pytest.fixture
def generator() -> StyleGAN2:
    return small()


def in_nvidias_layout(generator: StyleGAN2) -> dict[str, Tensor]:
    own, layout = generator.state_dict(), nvidia_generator(generator)
    filters = {name: binomial(1.0) for name in layout.filters}
    return {place.name: own[name] for name, place in layout.places.items()} | filters


def in_our_checkpoint(generator: StyleGAN2) -> dict[str, Any]:
    config = {"_target_": "models.stylegan.stylegan2.StyleGAN2", **generator.arguments}
    raw = {f"model.{key}": torch.zeros_like(tensor) for key, tensor in generator.state_dict().items()}
    average = generator.state_dict() | {"mapping.w_mean": torch.full((8,), torch.nan)}
    return {"state_dict": raw, "figurehead": {"version": 1, "config": {"model": config}, "average": average}}


def decoder(generator: StyleGAN2) -> dict[str, Tensor]:
    own = {f"decoder.{key}": tensor for key, tensor in generator_to_rosinality(generator).items()}
    return own | {"encoder.input_layer.0.weight": torch.zeros(3)}


FILES: dict[str, Callable[[StyleGAN2], Any]] = {
    "rosinality.pt": lambda g: {
        "g_ema": generator_to_rosinality(g),
        "d": {"final_linear.1.bias": torch.zeros(1)},
        "latent_avg": g.mapping.w_mean,
    },
    "StyleGAN_e4e.pth": generator_to_rosinality,
    "bare_with_mean.pth": lambda g: generator_to_rosinality(g) | {"latent_avg": g.mapping.w_mean},
    "e4e.pt": lambda g: {"state_dict": decoder(g), "latent_avg": g.mapping.w_mean.expand(6, -1), "opts": {"n": 1}},
    "psp.pt": lambda g: {"state_dict": decoder(g), "latent_avg": torch.randn(6, 8)},
    "nvidia.pt": lambda g: {"G_ema": in_nvidias_layout(g)},
    "nvidia_bare.pt": in_nvidias_layout,
    "last.ckpt": in_our_checkpoint,
}
WITHOUT_MEAN = ["StyleGAN_e4e.pth", "psp.pt", "last.ckpt"]


@pytest.mark.parametrize("name", FILES)
def test_every_layout_gives_the_same_pictures(name: str, generator: StyleGAN2, tmp_path: Path) -> None:
    torch.save(FILES[name](generator), tmp_path / name)
    back = read_generator(tmp_path / name)
    assert not back.training and not any(parameter.requires_grad for parameter in back.parameters())
    mean = generator.mapping.w_mean.clone()
    if name in WITHOUT_MEAN:
        generator.mapping.w_mean.fill_(torch.nan)
        mean = generator.mapping.find_mean()
    torch.testing.assert_close(back.mapping.w_mean, mean, rtol=0, atol=0)
    z = torch.randn(2, 8)
    torch.testing.assert_close(back(back.map(z, 0.5)).image, generator(generator.map(z, 0.5)).image, rtol=0, atol=0)
    assert generator_id(back) == generator_id(generator)


def test_nvidias_pickle_gives_the_same_pictures(generator: StyleGAN2, tmp_path: Path) -> None:
    path = tmp_path / "stylegan2-ffhq.pkl"
    path.write_bytes(nvidia_pickle(in_nvidias_layout(generator), {"img_resolution": 16}, "raise SystemExit"))
    back = read_generator(path)
    codes = generator.map(torch.randn(2, 8), 0.5)
    torch.testing.assert_close(back(codes).image, generator(codes).image, rtol=0, atol=0)
    torch.testing.assert_close(back.mapping.w_mean, generator.mapping.w_mean, rtol=0, atol=0)
    path.write_bytes(nvidia_pickle(in_nvidias_layout(generator) | {"mapping.embed.weight": torch.zeros(8, 3)}, {}))
    with pytest.raises(UserError, match="trained with classes"):
        read_generator(path)


def small3(**changed: Any) -> StyleGAN3:
    torch.manual_seed(0)
    layers = {"num_layers": 3, "num_critical": 1, "channel_base": 64, "channel_max": 8}
    generator = StyleGAN3(size=16, z_dim=8, w_dim=8, **{**layers, "first_cutoff": 2.5, "margin": 4, **changed})
    generator.mapping.w_mean.copy_(torch.randn(8))
    return generator.eval()


@pytest.mark.parametrize("changed", [{"output_scale": 0.5}, {"conv_kernel": 1, "use_radial_filters": True}])
def test_stylegan3_of_nvidias_pickle_and_of_ours(changed: dict[str, Any], tmp_path: Path) -> None:
    generator = small3(**changed)
    arguments = {"img_resolution": 16, "c_dim": 0, **generator.arguments}
    (tmp_path / "stylegan3.pkl").write_bytes(nvidia_pickle(to_nvidia(generator), arguments, "raise SystemExit"))
    save_generator(tmp_path / "ours.safetensors", generator)
    codes = generator.map(torch.randn(2, 8), 0.5)
    for file in ("stylegan3.pkl", "ours.safetensors"):
        back = read_generator(tmp_path / file)
        torch.testing.assert_close(back(codes).image, generator(codes).image, rtol=0, atol=0)
        torch.testing.assert_close(back.mapping.w_mean, generator.mapping.w_mean, rtol=0, atol=0)
        assert generator_id(back) == generator_id(generator)


@pytest.mark.parametrize(
    "changed",
    [
        {"size": 32, "channels": [5, 9, 4, 7]},
        {"z_dim": 8, "w_dim": 8, "mapping_layers": 0},
        {"channels": None, "channel_base": 64, "channel_max": 8},
        {"size": 8, "channels": [4, 3], "z_dim": 5, "w_dim": 7},
    ],
)
def test_sizes_are_those_of_the_file(changed: dict[str, Any], tmp_path: Path) -> None:
    generator = small(**changed)
    torch.save(in_nvidias_layout(generator), tmp_path / "g.pt")
    save_generator(tmp_path / "g.safetensors", generator)
    for file in ("g.pt", "g.safetensors"):
        back = read_generator(tmp_path / file)
        for key, tensor in generator.state_dict().items():
            torch.testing.assert_close(back.state_dict()[key], tensor, rtol=1e-3, atol=0)  # noise may be halved
        assert (back.size, back.z_dim, back.codes) == (generator.size, generator.z_dim, generator.codes)


def test_our_own_file_keeps_large_tensors_in_half_precision(tmp_path: Path) -> None:
    generator = small(channels=[40, 8, 6])
    save_generator(tmp_path / "g.safetensors", generator)
    kinds = {key: tensor.dtype for key, tensor in read_weights(tmp_path / "g.safetensors").items()}
    halves = [key for key, kind in kinds.items() if kind == torch.float16]
    assert halves == [key for key, tensor in generator.state_dict().items() if tensor.numel() >= 1024]
    assert "synthesis.layers.conv4.weight" in halves
    back = read_generator(str(tmp_path / "g.safetensors"))
    codes = generator.map(torch.randn(2, 8))
    assert back.arguments == generator.arguments
    torch.testing.assert_close(back(codes).image, generator(codes).image, rtol=0, atol=0.02)
    assert list(tmp_path.iterdir()) == [tmp_path / "g.safetensors"]


def test_identity_is_that_of_the_weights(generator: StyleGAN2) -> None:
    identity = generator_id(generator)
    assert len(identity) == 16 and int(identity, 16)
    assert identity != generator_id(small(seed=1))
    generator.mapping.w_mean.fill_(7)
    assert identity == generator_id(generator)
    generator.synthesis.layers["conv16"].get_buffer("noise")[0, 0] += 1e-3
    assert identity != generator_id(generator)


def test_names_that_stand_for_files(generator: StyleGAN2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_generator(tmp_path / "ours.safetensors", generator)
    monkeypatch.setitem(pretrained.EMBEDDED, "embedded", tmp_path / "ours.safetensors")
    assert generator_id(read_generator("embedded")) == generator_id(generator)
    monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no generator stylegan9: .*embedded, embedded3, stylegan2_ffhq"):
        read_generator("stylegan9")


def without(tensors: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name != key}


BROKEN: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "a missing tensor": (lambda t: without(t, "convs.1.noise.weight"), "1 missing: convs.1.noise.weight"),
    "a tensor too many": (lambda t: t | {"convs.9.noise.weight": torch.zeros(1)}, "1 unexpected: convs.9.noise"),
    "a tensor of another shape": (
        lambda t: t | {"to_rgb1.bias": torch.zeros(1, 4, 1, 1)},
        r"1 misshapen: to_rgb1.bias \(1, 4, 1, 1\) instead of \(1, 3, 1, 1\)",
    ),
    "a shape that tells sizes": (lambda t: t | {"input.input": torch.zeros(3)}, "has the shape"),
    "another filter": (
        lambda t: t | {"convs.0.conv.blur.kernel": torch.full((4, 4), 0.25)},
        "convs.0.conv.blur.kernel is another filter",
    ),
    "too many sizes": (
        lambda t: t | {f"to_rgbs.{n}.conv.weight": torch.zeros(1) for n in range(30)},
        "layers for 31 sizes",
    ),
    "another network": (lambda _: {"fc.weight": torch.zeros(2)}, "no generator that is known here; its names are fc"),
    "a mean of another length": (lambda t: {"g_ema": t, "latent_avg": torch.zeros(9)}, "latent_avg has the shape"),
    "no tensors": (lambda _: {"epoch": 3}, "no generator that is known"),
    "a checkpoint of something else": (lambda _: {"figurehead": {"version": 1}}, "not a checkpoint of train.py"),
    "a checkpoint of another network": (
        lambda _: {"figurehead": {"config": {"model": {"_target_": "os.system"}}, "average": {"a": torch.zeros(1)}}},
        "it holds a system, not one of StyleGAN2",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_is_one_plain_line(
    what: str, generator: StyleGAN2, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, reason = BROKEN[what]
    torch.save(spoil(generator_to_rosinality(generator)), tmp_path / "spoilt.pt")
    with pytest.raises(UserError, match=reason) as error:
        read_generator(tmp_path / "spoilt.pt")
    assert "spoilt.pt" in str(error.value) and "\n" not in str(error.value)
    if what == "a mean of another length":  # the case is given the mean with its inputs
        return
    inputs = {"wplus": np.zeros((1, 6, 8), "f4"), "z": np.zeros((2, 8), "f4"), "latent_avg": np.zeros(8, "f4")}
    np.savez(tmp_path / "in.npz", allow_pickle=False, **inputs)
    files = ["--weights", f"{tmp_path}/spoilt.pt", "--inputs", f"{tmp_path}/in.npz", "--outputs", f"{tmp_path}/out.npz"]
    assert official.main(["run", "stylegan2_generator", *files]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert not (tmp_path / "out.npz").exists()


def test_a_file_of_ours_that_is_cut_short_or_of_another_class(generator: StyleGAN2, tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_generator(path, generator)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        read_generator(path)
    path.write_bytes(whole.replace(b"StyleGAN2", b"StyleGAN9"))
    with pytest.raises(UserError, match="holds a StyleGAN9"):
        read_generator(path)
    path.write_bytes(whole.replace(b"mapping_layers", b"mapping_layerz"))
    with pytest.raises(UserError, match="no StyleGAN2 can be made with"):
        read_generator(path)
