"""3DMM coefficients with named parts, and the published orders of the flat vectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, Self

import torch
from torch import Tensor

from models.errors import UserError

Order = Literal["deep3d", "hifihead"]

# Parts and sizes of the flat vectors. HifiHead's sec. 3.1 names the parts; its pose is rotation and translation.
ORDERS: dict[Order, tuple[tuple[str, int], ...]] = {
    "deep3d": (
        ("identity", 80),
        ("expression", 64),
        ("texture", 80),
        ("rotation", 3),
        ("lighting", 27),
        ("translation", 3),
    ),
    "hifihead": (
        ("identity", 80),
        ("expression", 64),
        ("texture", 80),
        ("lighting", 27),
        ("rotation", 3),
        ("translation", 3),
        ("gaze", 4),
    ),
}


@dataclass(frozen=True)
class Coefficients:
    """Everything that describes a face, with the same leading axes (such as batch or frames) in every part.

    identity (..., n_identity), expression (..., n_expression), texture (..., n_texture): of the face model;
    rotation (..., 3): pitch, yaw, roll in radians about x (right), y (up), z (to the viewer),
    R = Rz(roll) Ry(yaw) Rx(pitch): positive pitch looks down, positive yaw turns the face to the right of the image;
    translation (..., 3): decimetres, x right, y up, z to the viewer;
    lighting (..., 27): spherical harmonics, 3 colours x 9, 0.8 is added to the first of each nine when shading;
    gaze (..., 4): pitch and yaw of the eye left in the image, then of the other, radians relative to the head, signs as
    above.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    rotation: Tensor
    translation: Tensor
    lighting: Tensor
    gaze: Tensor

    @classmethod
    def zeros(cls, count: int, identity: int, expression: int, texture: int, like: Tensor | None = None) -> Self:
        """`count` neutral faces, straight ahead; device and type of `like`."""
        sizes = (identity, expression, texture, 3, 3, 27, 4)
        like = torch.empty(0) if like is None else like
        return cls(*(like.new_zeros(count, size) for size in sizes))

    @classmethod
    def from_vector(cls, vector: Tensor, order: Order) -> Self:
        """Parts of a published flat vector (..., 257 or 261); Deep3D's has no gaze, which becomes zero.

        Raises:
            UserError: the last axis is not of this order's size.
        """
        layout = ORDERS[order]
        total = sum(size for _, size in layout)
        if vector.shape[-1] != total:
            raise UserError(f"coefficients in the order of {order} have {total} numbers, not {vector.shape[-1]}")
        parts = dict(zip((n for n, _ in layout), torch.split(vector, [s for _, s in layout], dim=-1), strict=True))
        return cls(**{"gaze": vector.new_zeros(*vector.shape[:-1], 4), **parts})

    def to_vector(self, order: Order) -> Tensor:
        """The flat vector (..., 257 or 261).

        Raises:
            UserError: the parts are of a face model with other sizes.
        """
        for name, size in ORDERS[order]:
            if getattr(self, name).shape[-1] != size:
                raise UserError(
                    f"the order of {order} has {size} numbers of {name}; this face model has "
                    f"{getattr(self, name).shape[-1]}: use the face model that these weights were made for"
                )
        return torch.cat([getattr(self, name) for name, _ in ORDERS[order]], dim=-1)

    def to_arrays(self) -> dict[str, Tensor]:
        """The parts by name, as they stand in a shard's track."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Tensor]) -> Self:
        """The reverse of `to_arrays`; other arrays of the track are passed over."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """`function` of every part: `coefficients.map(lambda part: part[3:8])` is five frames."""
        return replace(self, **{name: function(part) for name, part in self.to_arrays().items()})

    def __getitem__(self, index: int | slice | Tensor) -> Self:
        return self.map(lambda part: part[index])
