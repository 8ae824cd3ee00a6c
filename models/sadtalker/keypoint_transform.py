"""Head motion and what it does to canonical keypoints (face-vid2vid sec. 3.1, eq. 3; SadTalker sec. 3.3).

Letters: B batch, K keypoints. Keypoints are (x, y, z) with x right, y down and -1..1 across the image.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

RADIANS_PER_DEGREE = 3.14 / 180  # sic: the authors' networks were trained with this pi
DEGREES_PER_BIN = 3
FIRST_BIN_DEGREES = -99


@dataclass(frozen=True)
class HeadMotion:
    """Where a head looks and how its face deviates from the canonical one.

    `yaw`, `pitch`, `roll`: (B,) radians. `translation`: (B, 3). `deformation`: (B, K, 3), added after rotation.
    `logits`: (B, 3, bins), the scores of yaw, pitch and roll bins where a network estimated them.
    """

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    translation: Tensor
    deformation: Tensor
    logits: Tensor | None = None

    @classmethod
    def from_logits(
        cls, yaw: Tensor, pitch: Tensor, roll: Tensor, translation: Tensor, deformation: Tensor
    ) -> "HeadMotion":
        """From bin scores (B, bins), a translation (B, 3) and a flat deformation (B, 3 K)."""
        logits = torch.stack([yaw, pitch, roll], dim=1)
        yaw, pitch, roll = (bins_to_degrees(logits) * RADIANS_PER_DEGREE).unbind(1)
        points = deformation.float().reshape(len(deformation), -1, 3)
        return cls(yaw, pitch, roll, translation.float(), points, logits)

    @property
    def angles(self) -> Tensor:
        """(B, 3) radians: yaw, pitch, roll."""
        return torch.stack([self.yaw, self.pitch, self.roll], dim=1)

    def __getitem__(self, index: slice) -> "HeadMotion":
        """A part of the batch."""
        return HeadMotion(
            self.yaw[index],
            self.pitch[index],
            self.roll[index],
            self.translation[index],
            self.deformation[index],
            None if self.logits is None else self.logits[index],
        )


def bins_to_degrees(logits: Tensor) -> Tensor:
    """Expected angle in degrees of scores over 3-degree bins, (..., bins) -> (...); bin 0 is -99 degrees."""
    probability = logits.float().softmax(-1)
    bins = torch.arange(logits.shape[-1], dtype=torch.float32, device=logits.device)
    expected = (probability * bins).sum(-1)  # not a matrix product: that would be in half precision under autocast
    return expected * DEGREES_PER_BIN + FIRST_BIN_DEGREES


def rotation_matrix(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """(B, 3, 3) = Rx(pitch) Ry(yaw) Rz(roll), right-handed, acting on column vectors; angles (B,) in radians."""
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).reshape(-1, 3, 3)

    c, s = pitch.cos(), pitch.sin()
    about_x = matrix(one, zero, zero, zero, c, -s, zero, s, c)
    c, s = yaw.cos(), yaw.sin()
    about_y = matrix(c, zero, s, zero, one, zero, -s, zero, c)
    c, s = roll.cos(), roll.sin()
    about_z = matrix(c, -s, zero, s, c, zero, zero, zero, one)
    return about_x @ about_y @ about_z


def transform_keypoints(canonical: Tensor, motion: HeadMotion, translation_axes: str = "xyz") -> Tensor:
    """R canonical + translation + deformation, (B, K, 3); a canonical batch of 1 serves every motion.

    `translation_axes`: the components of the translation that count: "xyz" in face-vid2vid, "y" in SadTalker.
    """
    with torch.autocast(canonical.device.type, enabled=False):  # thousandths of the image width matter
        rotation = rotation_matrix(motion.yaw, motion.pitch, motion.roll)
        kept = motion.translation.new_tensor([float(axis in translation_axes) for axis in "xyz"])
        translation = motion.translation * kept
        return canonical.float() @ rotation.mT + translation[:, None] + motion.deformation
