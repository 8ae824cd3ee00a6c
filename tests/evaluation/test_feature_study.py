"""The feature-space study: features of a convolutional generator move like pictures, where they should."""

import csv
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from evaluation.feature_study import figures
from evaluation.feature_study.__main__ import main
from evaluation.feature_study.study import Trial, changes, distances, layers, middle, trials
from models.stylegan.generator import Generator
from models.stylegan.pretrained import save_generator
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.synthesis import Access, State
from models.warps import translation


def generator(size: int = 32) -> StyleGAN2:
    torch.manual_seed(0)
    made = StyleGAN2(size, z_dim=8, w_dim=8, mapping_layers=1, channel_base=256, channel_max=16)
    return made.eval().requires_grad_(False)


def codes(network: Generator, count: int = 2) -> Tensor:
    return network.map(torch.randn(count, network.z_dim, generator=torch.Generator().manual_seed(1)))


def moved(network: Generator, layer: str, cells: int, skip: bool) -> tuple[Tensor, Tensor]:
    """G(T'(f)) and T(G(f)) for T to the right by whole cells of the layer's feature."""
    code = codes(network)
    whole = network(code, noise="none", access=Access(keep=[layer]))
    state = whole.states[layer]
    warp = translation(2 * cells / state.feature.shape[-1], 0)
    assert state.image is not None or not skip
    image = warp.image(state.image) if skip and state.image is not None else state.image
    made = network(code, noise="none", access=Access(start=(layer, State(warp.image(state.feature), image)))).image
    return made, warp.image(whole.image)


def test_whole_cells_move_exactly_with_the_skip() -> None:
    """Convolutions and doublings do not know where they are: only what is near a border differs."""
    made, wanted = moved(generator(), "up16", cells=2, skip=True)
    inner = (..., slice(8, -8), slice(4 + 8, -8))  # two cells are four pixels; eight pixels see the border
    assert torch.allclose(made[inner], wanted[inner], atol=1e-4)
    assert (made[..., :4] - wanted[..., :4]).abs().max() > 0.1


def test_a_skip_that_stays_leaves_its_part_of_the_picture_where_it_was() -> None:
    """The difference to the picture with a moved skip is that skip, doubled, and nothing else: the sum is linear."""
    network = generator()
    (alone, _), (both, _) = (moved(network, "up16", cells=2, skip=skip) for skip in (False, True))
    code = codes(network)
    state = network(code, noise="none", access=Access(keep=["up16"])).states["up16"]
    assert state.image is not None
    stays = state.image - translation(0.25, 0).image(state.image)
    with_it, without = (
        network(code, noise="none", access=Access(start=("up16", State(state.feature, image)))).image
        for image in (stays, torch.zeros_like(stays))
    )
    assert torch.allclose(alone - both, with_it - without, atol=1e-4)


def test_the_smallest_size_is_all_border() -> None:
    """One cell of 4 is all that a 3 x 3 filter sees of the border, and zeros come in where the constant was."""
    network = generator(64)
    large, small = (moved(network, layer, cells, skip=False) for layer, cells in (("conv4", 1), ("up64", 16)))
    centre = (..., slice(24, 40), slice(24, 40))
    wrong, right = ((made - wanted)[centre].abs().mean() for made, wanted in (large, moved(network, "up64", 16, True)))
    assert right < 1e-4 < 0.1 < wrong
    assert (small[0] - small[1])[centre].abs().mean() > 0.1  # the skip stayed


def test_trials_try_every_change_behind_every_layer() -> None:
    network = generator()
    names = list(layers(network))
    assert names == ["conv4", "up8", "up16", "up32"] and middle(names) == "up8"
    found = list(trials(network, codes(network), names))
    assert len(found) == len(changes()) * (1 + 2 * len(names))
    score = {(t.change, t.layer, t.skip): float(distances(t)["L1"].mean()) for t in found}
    for change in ("translation", "rotation", "shear", "thin plate"):
        errors = [score[change, layer, True] for layer in names]
        assert errors[-1] < 0.5 * errors[0] and errors[-1] < 0.2 * score[change, "", False]


def test_equal_pictures_are_not_apart_and_the_outside_does_not_count() -> None:
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    inside = torch.zeros(1, 32, 32, dtype=torch.bool)
    inside[:, :, :20] = True
    other = picture.where(inside[:, None], 0.0)
    numbers = distances(Trial("", "", 0, False, other, picture, inside))
    assert numbers["L1"].tolist() == [0, 0]
    assert numbers["SSIM"].tolist() == pytest.approx([1, 1], abs=1e-5)
    assert numbers["detail"].tolist() == pytest.approx([1, 1])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "PIXELS", 32)
    monkeypatch.setattr(figures, "DPI", 50)
    save_generator(tmp_path / "g.safetensors", generator())
    given = ["--generator", str(tmp_path / "g.safetensors"), "--output", str(tmp_path / "study"), "--pictures", "1"]
    assert main([*given, "--layer", "conv16"]) == 0
    names = ["changes.png", "distances.csv", "distances.md", "distances.png", "sizes.png", "sizes_skip.png"]
    assert sorted(path.name for path in (tmp_path / "study").iterdir()) == names
    for name in names:
        if name.endswith("png"):
            assert Image.open(tmp_path / "study" / name).width > 300
    rows = list(csv.DictReader((tmp_path / "study" / "distances.csv").open()))
    assert {row["layer"] for row in rows} == {"", "conv4", "up8", "up16", "up32", "conv16"}
    assert len(rows) == 6 * (1 + 2 * 5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layer", "up48"], "error: --layer up48: this generator has conv4, up8, conv8"),
        (["--pictures", "0"], "at least 1"),
        (["--pictures", "many"], "invalid int value"),
        (["--psi", "nan"], "--psi must be a number"),
    ],
)
def test_mistakes_are_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    save_generator(tmp_path / "g.safetensors", generator(8))
    given = ["--generator", str(tmp_path / "g.safetensors"), "--output", str(tmp_path / "study")]
    assert main([*given, *words]) == 2
    said = capsys.readouterr()
    assert message in said.err and not said.out  # before any work
    assert not (tmp_path / "study").exists()
