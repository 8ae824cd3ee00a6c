"""Weight files: what is found in them, and what is said when they do not fit or are broken."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.errors import UserError
from models.weights import Weights, load_strictly, read_arrays, read_weights

ONE = torch.arange(3.0)


def write(path: Path, tensors: dict[str, Tensor]) -> Path:
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    elif path.suffix == ".npz":
        arrays = {key: value.numpy() for key, value in tensors.items()}
        np.savez(path, allow_pickle=False, **arrays)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt", ".pth", ".pth.tar", ".ckpt"])
def test_every_format_gives_the_same(suffix: str, tmp_path: Path) -> None:
    weights = read_weights(write(tmp_path / f"w{suffix}", {"a.b": ONE}))
    torch.testing.assert_close(dict(weights), {"a.b": ONE})


def test_entries_of_a_training_checkpoint_are_joined_and_the_rest_is_passed_over(tmp_path: Path) -> None:
    state = {"state": {0: {"exp_avg": ONE}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"generator": {"module.w": ONE}, "epoch": 7, "optimizer": state, "name": "x"}, tmp_path / "c.pth")
    weights = read_weights(tmp_path / "c.pth")
    assert set(weights) == {"generator.module.w"}
    assert set(weights.part("generator")) == {"w"}


def test_part_takes_the_first_prefix_that_is_there_or_all() -> None:
    weights = Weights({"kp_extractor.w": ONE, "generator.w": ONE})
    assert set(weights.part("kp_extractor", "kp_detector")) == {"w"}
    assert set(weights.part("kp_detector", "generator")) == {"w"}
    assert set(weights.part("mapping")) == {"kp_extractor.w", "generator.w"}
    assert set(Weights({"module.w": ONE}).part("generator")) == {"w"}


def test_sizes_from_shapes() -> None:
    weights = Weights({"blocks.0.w": ONE, "blocks.1.w": ONE, "blocks.3.w": ONE})
    assert weights.count("blocks.{}.w") == 2
    assert weights.shape("blocks.0.w") == (3,)
    with pytest.raises(UserError, match="another network's file"):
        weights.shape("first.weight")


def test_one_report_names_all_that_does_not_fit() -> None:
    network = nn.Linear(2, 3)
    with pytest.raises(UserError) as error:
        load_strictly(network, {"weight": torch.zeros(3, 4), "other": ONE, "another": ONE})
    message = str(error.value)
    assert "1 missing: bias" in message
    assert "2 unexpected: another, other" in message
    assert "1 misshapen: weight (3, 4) instead of (3, 2)" in message
    assert "\n" not in message


def test_loading_copies_values() -> None:
    network, source = nn.Linear(2, 3), nn.Linear(2, 3)
    load_strictly(network, source.state_dict())
    torch.testing.assert_close(network.state_dict(), source.state_dict())


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pth", ".tar"])
@pytest.mark.parametrize("damage", ["text", "half", "empty"])
def test_broken_files_are_named_in_one_line(suffix: str, damage: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"w{suffix}", {"a": torch.zeros(1000)})
    content = path.read_bytes()
    path.write_bytes(
        {"text": b"<html>quota exceeded</html>", "half": content[: len(content) // 2], "empty": b""}[damage]
    )
    with pytest.raises(UserError, match=path.name) as error:
        read_weights(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "raw",
    [
        b".",  # IndexError
        b"\x80\x02h\x05.",  # KeyError: a place in the memory where nothing was put
        b"\x80\x02X\x01",  # struct.error: the end comes in a number
    ],
)
def test_what_torch_stumbles_over_is_named_in_one_line(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(raw)
    with pytest.raises(UserError, match=r"w.pt is not a torch file of plain tensors \(.+\)"):
        read_weights(tmp_path / "w.pt")


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code from a file was run')",)


@pytest.mark.parametrize("modern", [True, False])
def test_code_in_a_file_is_never_run(modern: bool, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    if modern:
        torch.save({"w": _Harmful()}, path)
    else:
        path.write_bytes(pickle.dumps(_Harmful(), protocol=2))
    with pytest.raises(UserError, match="plain tensors"):
        read_weights(path)
    np.savez(tmp_path / "w.npz", w=np.array([_Harmful()], dtype=object))
    with pytest.raises(UserError, match="plain arrays"):
        read_arrays(tmp_path / "w.npz")


@pytest.mark.parametrize(
    ("name", "message"), [("gone.pth", "no such file"), ("w.h5", "weights end in"), ("none.npz", "no tensor")]
)
def test_files_that_cannot_be_weights(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "w.h5").touch()
    np.savez(tmp_path / "none.npz", allow_pickle=False)
    with pytest.raises(UserError, match=message):
        read_weights(tmp_path / name)
