"""The few points of a face model that a fit looks at, as linear functions of identity and expression."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from models.face3d.face_model import FaceModel

JAW = 17  # landmarks 0 to 16 lie on the outline of the face


@dataclass(frozen=True)
class FacePoints:
    """The 68 landmarks of a face model in decimetres, and how its eyes turn.

    mean (68, 3), identity (n_identity, 68, 3), expression (n_expression, 68, 3): landmarks = mean + both sums;
    pupils (2, 3), pupil_identity (n_identity, 2, 3): the same of the pupils at rest; arms (2, 3): from the centre of
    each eye to its pupil, None for a model without eyes.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    pupils: Tensor
    pupil_identity: Tensor
    arms: Tensor | None

    @classmethod
    def of(cls, model: FaceModel, like: Tensor) -> Self:
        """Reads them off any face model by moving one coefficient at a time; type and device of `like`.

        A model that is not linear (FLAME's jaw turns) is replaced by its tangent at the neutral mean face.
        """
        at = model.expression_low
        step = 1e-2 if at.isinf().any() else 1.0
        zero_identity, zero_expression = at.new_zeros(1, model.n_identity), at.new_zeros(1, model.n_expression)
        mean, pupils = _points(model, zero_identity, zero_expression)
        by_identity, pupils_by_identity = _points(model, step * torch.eye(model.n_identity).to(at), zero_expression)
        by_expression, _ = _points(model, zero_identity, step * torch.eye(model.n_expression).to(at))
        arms = _arms(model, zero_identity, zero_expression) if model.has_eyes else None
        return cls(
            mean[0].to(like),
            ((by_identity - mean) / step).to(like),
            ((by_expression - mean) / step).to(like),
            pupils[0].to(like),
            ((pupils_by_identity - pupils) / step).to(like),
            None if arms is None else arms.to(like),
        )

    def with_jaw_offsets(self, spread: float) -> Self:
        """The same with 51 more numbers of identity, which move each jaw landmark by `spread` decimetres along x, y, z.

        Analysers do not agree where on the jaw the landmarks 0 to 16 are, and the face model has its own opinion; a
        fit that may not say so bends the face instead.
        """
        unit = torch.eye(3 * JAW).to(self.mean).view(3 * JAW, JAW, 3)
        offsets = torch.nn.functional.pad(spread * unit, (0, 0, 0, len(self.mean) - JAW))
        still = torch.zeros_like(self.pupil_identity[:1]).expand(3 * JAW, -1, -1)
        return replace(
            self,
            identity=torch.cat([self.identity, offsets]),
            pupil_identity=torch.cat([self.pupil_identity, still]),
        )

    @property
    def interocular(self) -> float:
        """Distance of the outer corners of the mean face's eyes in decimetres."""
        return float((self.mean[36] - self.mean[45]).norm())

    def head(self, identity: Tensor, expression: Tensor) -> Tensor:
        """Landmarks (T, 68, 3) of the unturned head from (n_identity,) and (T, n_expression)."""
        still = self.mean + torch.einsum("k,klc->lc", identity, self.identity)
        return still + (expression @ self.expression.flatten(1)).view(len(expression), -1, 3)


def _points(model: FaceModel, identity: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
    """Landmarks (B, 68, 3) and pupils (B, 2, 3), few whole meshes at a time."""
    count, landmarks, pupils = max(len(identity), len(expression)), [], []
    for some in torch.split(torch.arange(count), 16):
        shape = model.shape(
            identity.expand(count, -1)[some.to(identity.device)],
            expression.expand(count, -1)[some.to(identity.device)],
        )
        landmarks.append(model.landmarks68(shape))
        pupils.append(model.pupils(shape))
    return torch.cat(landmarks).double(), torch.cat(pupils).double()


def _arms(model: FaceModel, identity: Tensor, expression: Tensor) -> Tensor:
    """(2, 3) from the eyes' centres to the pupils: half a turn about x and about y tells all three coordinates."""
    gaze = identity.new_zeros(3, 4)
    gaze[1, 0::2] = gaze[2, 1::2] = torch.pi
    shape = model.shape(identity.expand(3, -1), expression.expand(3, -1), gaze)
    rest, pitched, yawed = model.pupils(shape).double()
    by_pitch, by_yaw = (rest - pitched) / 2, (rest - yawed) / 2
    return torch.stack([by_yaw[:, 0], by_pitch[:, 1], (by_pitch[:, 2] + by_yaw[:, 2]) / 2], dim=1)
