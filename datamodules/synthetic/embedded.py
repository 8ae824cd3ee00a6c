"""The embedded head as it is drawn here."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from models.face3d.procedural import ProceduralHead, procedural_head


@cache
def head() -> ProceduralHead:
    """The embedded head, built once per process."""
    return procedural_head()


@cache
def triangles() -> Tensor:
    """(F, 3) of the embedded head that are drawn: its plain hair cap gives way to the person's own hair."""
    cap = head().vertex_part == head().part_names.index("hair")
    return head().triangles[~cap[head().triangles].any(1)]


@cache
def _colour_sources() -> Tensor:
    """(N,) the vertex that lends its colour: brows are painted hair by hair, so below them lies plain skin."""
    model = head()
    brow = (model.vertex_part == model.part_names.index("brows")).nonzero()[:, 0]
    skin = (model.vertex_part == model.part_names.index("skin")).nonzero()[:, 0]
    sources = torch.arange(len(model.mean))
    sources[brow] = skin[torch.cdist(model.mean[brow], model.mean[skin]).argmin(1)]
    return sources


def albedo(texture: Tensor) -> Tensor:
    """The model's own colours (B, N, 3), without brows."""
    return head().texture(texture)[:, _colour_sources()]


def eye_centres() -> np.ndarray:
    """(2, 3) of the mean head's eyeballs."""
    eyes = head().eyes
    assert eyes is not None  # the embedded head has eyes
    return eyes.centres.numpy()
