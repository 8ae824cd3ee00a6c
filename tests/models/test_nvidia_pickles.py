"""NVIDIA's StyleGAN pickles: tensors and constructor arguments come out, and none of the code in them is ever run."""

import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models import official
from models.errors import UserError
from models.pickles import Network, read_pickle
from models.stylegan.pretrained import read_generator
from models.weights import read_weights
from tests.models.nvidia_pickles import Persistent, nvidia_pickle, nvidias_modules

TENSORS = {
    "synthesis.b4.const": torch.arange(32.0).view(2, 4, 4),
    "synthesis.b4.conv1.weight": torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0)).transpose(0, 1),
    "synthesis.b4.conv1.noise_strength": torch.tensor(0.5),
    "synthesis.b4.conv1.noise_const": torch.ones(4, 4, dtype=torch.float16),
    "synthesis.b4.resample_filter": torch.eye(4),
    "mapping.w_avg": torch.zeros(3),
}
ARGUMENTS = {"z_dim": 3, "w_dim": 3, "img_resolution": 64, "channel_base": 32768}


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What appears where code of a file runs."""
    return tmp_path / "executed"


def harmful(mark: Path) -> str:
    return f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Generator: pass\n"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_and_arguments_of_every_network(protocol: int, mark: Path, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(nvidia_pickle(TENSORS, ARGUMENTS, harmful(mark), protocol))
    weights = read_weights(path)
    ema = {f"G_ema.{key}": tensor for key, tensor in TENSORS.items()}
    assert weights.keys() == {*ema, "G.b4.out.weight", "D.b4.out.weight"}
    for key, tensor in ema.items():
        assert weights[key].dtype == tensor.dtype
        assert torch.equal(weights[key], tensor)
    content = read_pickle(path)
    generator = content["G_ema"]
    assert isinstance(generator, Network)
    assert generator.name == "Generator"
    assert generator.arguments == {**ARGUMENTS, "mapping_kwargs": {"num_layers": 2}}
    assert content["training_set_kwargs"]["path"] == "ffhq.zip"
    assert content["augment_pipe"] is None
    assert not mark.exists()
    assert not any(name.startswith(("torch_utils", "dnnlib", "_imported_module")) for name in sys.modules)


@pytest.mark.parametrize("modern", [True, False])
def test_a_torch_file_may_be_called_pkl(modern: bool, tmp_path: Path) -> None:
    torch.save({"a": {"b": torch.ones(2)}}, tmp_path / "w.pkl", _use_new_zipfile_serialization=modern)
    assert list(read_weights(tmp_path / "w.pkl")) == ["a.b"]


class Call:
    """Pickles as a call of `function`; then, where there is one, as a state for what it gave."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.call = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.call


def storage_with_code(mark: Path) -> bytes:
    """A storage, which within a pickle is a torch file of its own, that is a pickle of code."""
    return pickle.dumps(Call(exec, harmful(mark)))


def hostile(mark: Path) -> dict[str, Any]:
    """What files may try, each with code that leaves the mark."""
    import os

    from torch._utils import _rebuild_parameter, _rebuild_tensor_v2
    from torch.storage import _load_from_bytes

    code = harmful(mark)
    rebuild = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
    meta = {"type": "class", "module_src": code, "class_name": "Generator"}
    child = Persistent(code)
    child.__dict__["gain"] = Call(os.system, f"touch {mark}")
    nested = Persistent(code)
    nested.add_module("child", child)
    return {
        "a call of the shell": Call(os.system, f"touch {mark}"),
        "a call within the attributes of a child": nested,
        "a call as an argument of a call": Call(_rebuild_parameter, Call(os.system, f"touch {mark}"), False, None),
        "a call as a state": Call(OrderedDict, state={"x": Call(exec, code)}),
        "a state for a function": Call(rebuild, {**meta, "state": {}}, state=(None, {"__class__": Call(eval, "1")})),
        "getattr": Call(getattr, dict, "update"),
        "a method in the state": Call(rebuild, {**meta, "state": {"__setstate__": Call(getattr, dict, "update")}}),
        "code for a storage": Call(_load_from_bytes, storage_with_code(mark)),
        "code for a storage of a tensor": Call(
            _rebuild_tensor_v2, Call(_load_from_bytes, storage_with_code(mark)), 0, (1,), (1,), False, OrderedDict()
        ),
        "a network without a state": Call(rebuild, meta),
        "a network out of text": Call(rebuild, code),
    }


HOSTILE = [
    "a call of the shell",
    "a call within the attributes of a child",
    "a call as an argument of a call",
    "a call as a state",
    "a state for a function",
    "getattr",
    "a method in the state",
    "code for a storage",
    "code for a storage of a tensor",
    "a network without a state",
    "a network out of text",
]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_in_a_file_is_run(
    what: str, protocol: int, mark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.pkl"
    with nvidias_modules():
        content = hostile(mark)
        assert content.keys() == set(HOSTILE)
        path.write_bytes(pickle.dumps({"G_ema": content[what]}, protocol))
    with pytest.raises(UserError, match=r"hostile.pkl") as error:
        read_generator(path)
    assert "\n" not in str(error.value)
    np.savez(tmp_path / "in.npz", allow_pickle=False, z=np.zeros((2, 8), "f4"), ws=np.zeros((2, 10, 8), "f4"))
    words = ["run", "stylegan2_nvlabs", "--weights", str(path), "--inputs", f"{tmp_path}/in.npz"]
    assert official.main([*words, "--outputs", f"{tmp_path}/out.npz"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert not mark.exists() and not (tmp_path / "out.npz").exists()


class Reference:
    """What a pickler asks to be stored outside."""


class ByReference(pickle.Pickler):
    def persistent_id(self, thing: Any) -> Any:
        return ("storage", "torch.FloatStorage", "0", "cpu", 1) if isinstance(thing, Reference) else None


def test_storages_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "w.pkl").open("wb") as file:
        ByReference(file).dump({"G_ema": Reference()})
    with pytest.raises(UserError, match="refers to objects outside itself"):
        read_weights(tmp_path / "w.pkl")


def test_a_few_bytes_do_not_make_a_large_tensor(tmp_path: Path) -> None:
    content = {"G_ema": torch.zeros(1).expand(10**6, 10**6)}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"a tensor \(1000000, 1000000\) of 1 numbers"):
        read_weights(tmp_path / "w.pkl")


def test_a_few_bytes_do_not_make_a_network_without_end(tmp_path: Path) -> None:
    with nvidias_modules():
        module = Persistent("")
        for _ in range(60):
            above = Persistent("")
            above.add_module("a", module)
            above.add_module("b", module)
            module = above
        (tmp_path / "w.pkl").write_bytes(pickle.dumps({"G_ema": module}))
    with pytest.raises(UserError, match="more than 10000 modules"):
        read_weights(tmp_path / "w.pkl")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short(share: float, tmp_path: Path) -> None:
    raw = nvidia_pickle(TENSORS, ARGUMENTS)
    (tmp_path / "w.pkl").write_bytes(raw[: int(share * len(raw))])
    for read in (read_weights, read_generator):
        with pytest.raises(UserError, match=r"w.pkl is not a whole pickle \(.*\); get it again"):
            read(tmp_path / "w.pkl")


def test_tensorflows_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(b"cdnnlib.tflib.network\nNetwork\n.")
    with pytest.raises(UserError, match="TensorFlow code; get that of their PyTorch code"):
        read_weights(tmp_path / "w.pkl")
