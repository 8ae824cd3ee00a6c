"""An inversion on disk and back, for the generator it belongs to and for no other."""

from pathlib import Path

import pytest
import torch

from models.errors import UserError
from models.inversion.inversion import Inversion, load, reconstruct, save
from models.stylegan.synthesis import Access
from tests.models.inversion.toys import makeable, toy_generator

GENERATOR = toy_generator()


def whole_inversion() -> Inversion:
    """With a feature, and with changed weights in front of it and behind it."""
    torch.manual_seed(1)
    codes = torch.randn(2, GENERATOR.codes, 8, dtype=torch.double)
    state = GENERATOR(codes, "none", Access(keep=["up8"])).states["up8"]
    changed = {"synthesis.to_rgb.16.bias": torch.tensor([0.5, 0, -0.5]).half()}
    return Inversion(codes, {"up8": type(state)(state.feature.detach() + 1, state.image.detach())}, changed, "none")


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    inversion = whole_inversion()
    save(tmp_path / "new" / "me.safetensors", GENERATOR, inversion, {"method": "by hand", "start": {"steps": 3}})
    again = load(tmp_path / "new" / "me.safetensors", GENERATOR)
    assert again.noise == "none" and again.delta and inversion.delta and again.delta.keys() == inversion.delta.keys()
    assert torch.allclose(reconstruct(GENERATOR, again), reconstruct(GENERATOR, inversion), atol=1e-12)
    save(tmp_path / "plain.safetensors", GENERATOR, Inversion(inversion.codes), {})
    plain = load(tmp_path / "plain.safetensors", GENERATOR)
    assert (plain.states, plain.delta, plain.noise) == ({}, None, "fixed")


def test_every_part_counts() -> None:
    inversion = whole_inversion()
    codes, states = inversion.codes, inversion.states
    alone = GENERATOR(codes, "none").image
    feature = GENERATOR(codes, "none", Access(start=("up8", states["up8"]))).image
    assert torch.equal(reconstruct(GENERATOR, Inversion(codes, noise="none")), alone)
    assert torch.equal(reconstruct(GENERATOR, Inversion(codes, states, noise="none")), feature)
    shifted = reconstruct(GENERATOR, inversion) - feature
    assert torch.allclose(shifted.mean(dim=(0, 2, 3)), torch.tensor([0.5, 0, -0.5], dtype=torch.double))
    assert not torch.equal(reconstruct(GENERATOR, Inversion(codes)), alone)  # noise


def test_of_two_states_the_last_layer_counts() -> None:
    inversion = whole_inversion()
    late = GENERATOR(inversion.codes, "none", Access(keep=["conv8"])).states["conv8"]
    both = Inversion(inversion.codes, {"conv8": late, **inversion.states}, noise="none")
    assert torch.allclose(reconstruct(GENERATOR, both), GENERATOR(inversion.codes, "none").image)


def test_another_generator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codes.safetensors"
    save(path, GENERATOR, Inversion(torch.zeros(1, 6, 8)), {})
    other = toy_generator()
    load(path, other)  # the same weights
    other.synthesis.const.data[0, 0, 0] += 1e-3
    with pytest.raises(UserError, match=r"codes\.safetensors holds codes of the generator \w{16}, and this one is \w"):
        load(path, other)


def test_files_that_are_no_inversions_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(UserError, match=r"no inversion at .*none\.safetensors: no such file"):
        load(tmp_path / "none.safetensors", GENERATOR)
    (tmp_path / "half.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(UserError, match=r"half\.safetensors is not a whole safetensors file"):
        load(tmp_path / "half.safetensors", GENERATOR)
    save_file({"weight": makeable(GENERATOR)}, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="holds no inversion \\(it holds weight\\)"):
        load(tmp_path / "weights.safetensors", GENERATOR)
