"""Pickles as NVIDIA's PyTorch code writes them, `pickle.dump` of `{"G", "D", "G_ema", ...}`, with code in them.

There a decorator makes every module pickle as a call of `torch_utils.persistence._reconstruct_persistent_obj` with one
dictionary: the source code of its file, the name of its class, and its `__dict__`, where `_init_kwargs` keeps the
arguments of its constructor.
"""

import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BUFFERS = {"resample_filter", "noise_const", "w_avg"}  # of StyleGAN2; and of StyleGAN3
BUFFERS |= {"freqs", "phases", "transform", "up_filter", "down_filter", "magnitude_ema"}


@contextmanager
def nvidias_modules() -> Iterator[types.ModuleType]:
    """Inside, modules of the names that such files know are there, so that a pickle can be written."""
    persistence, util = types.ModuleType("torch_utils.persistence"), types.ModuleType("dnnlib.util")

    def _reconstruct_persistent_obj(meta: dict[str, Any]) -> None:
        raise AssertionError("only NVIDIA's code reads its own pickles like this")

    class EasyDict(dict[str, Any]):
        pass

    for home, thing in ((persistence, _reconstruct_persistent_obj), (util, EasyDict)):
        thing.__module__, thing.__qualname__ = home.__name__, thing.__name__
        setattr(home, thing.__name__, thing)
    modules = {"torch_utils": types.ModuleType("torch_utils"), "torch_utils.persistence": persistence}
    modules |= {"dnnlib": types.ModuleType("dnnlib"), "dnnlib.util": util}
    sys.modules.update(modules)
    try:
        yield persistence
    finally:
        for name in modules:
            del sys.modules[name]


class Persistent(nn.Module):
    """A module that pickles as NVIDIA's do."""

    source: str

    def __init__(self, source: str, **arguments: Any) -> None:
        super().__init__()
        self.weight_gain = 1 / np.sqrt(9)  # such numbers stand among the attributes
        self.padding, self.in_size, self.activation = [1, 2], np.broadcast_to(np.asarray(4), [2]), "lrelu"
        self.dtype_size = torch.Size([3])
        self._init_args, self._init_kwargs = (), arguments
        self.source = source

    def __reduce__(self) -> Any:
        state = {key: value for key, value in self.__dict__.items() if key != "source"}
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": "Generator", "state": state}
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,), None

    def put(self, name: str, tensor: Tensor) -> None:
        """A parameter or buffer of a dotted name, with the modules on the way."""
        home, _, rest = name.partition(".")
        if rest:
            if home not in self._modules:
                self.add_module(home, Persistent(self.source))
            child = self.get_submodule(home)
            assert isinstance(child, Persistent)
            child.put(rest, tensor)
        elif home in BUFFERS:
            self.register_buffer(home, tensor)
        else:
            self.register_parameter(home, nn.Parameter(tensor))


def nvidia_pickle(
    tensors: Mapping[str, Tensor], arguments: Mapping[str, Any], source: str = "", protocol: int = 4
) -> bytes:
    """The file of a generator whose state dict and constructor are these; G and D are the smallest possible."""
    with nvidias_modules():
        easy = sys.modules["dnnlib.util"].EasyDict
        mapping = easy(num_layers=2)
        generator = Persistent(source, **arguments, mapping_kwargs=mapping)
        for name, tensor in tensors.items():
            generator.put(name, tensor)
        generator.register_buffer("passing", torch.zeros(1), persistent=False)
        discriminator = Persistent(source)
        discriminator.put("b4.out.weight", torch.zeros(1, 4))
        content = {
            "G": discriminator,
            "D": discriminator,
            "G_ema": generator,
            "augment_pipe": None,
            "training_set_kwargs": easy(class_name="training.dataset.ImageFolderDataset", path="ffhq.zip"),
        }
        return pickle.dumps(content, protocol)
