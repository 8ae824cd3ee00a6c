"""What a fit minimises: robust distances of landmarks, priors of the coefficients, accelerations."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.landmark_fit.chain import acceleration_bands, accelerations
from models.face3d.landmark_fit.points import JAW, FacePoints
from models.face3d.landmark_fit.projection import pixels, pose_slopes


@dataclass(frozen=True)
class FitRules:
    """How much is expected of what; all are standard deviations unless said otherwise.

    noise: of a landmark, in interocular distances;
    jaw_offset: of the difference between the landmarks 0 to 16 of the analyser and those of the face model that stays
    the same in a clip, likewise;
    jaw_slide: how much farther those may be off along the outline than across it (in turned views they slide);
    outlier: of the noise; beyond it a landmark counts by its distance, no more by the square;
    frames: so many frames of one clip count as independent when the identity is weighed (their errors are alike);
    expression: of a movement, as part of the range between its limits; sparse: price of a movement that only goes one
    way, in the same parts (few movements at a time are likelier than all a little);
    rotation (radians), translation (decimetres; towards the viewer it is hard to see and moves half as freely),
    movement (parts of the range): of accelerations, per frame squared.
    """

    noise: float = 0.008
    jaw_offset: float = 0.008
    jaw_slide: float = 2.0
    outlier: float = 3.0
    frames: float = 10.0
    expression: float = 0.4
    sparse: float = 0.5
    rotation: float = 0.005
    translation: float = 0.01
    movement: float = 0.1


@dataclass(frozen=True)
class System:
    """Normal equations of one step: frames (T, n, n), ties (T, n, n_identity), identity (n_identity, n_identity)."""

    frames: Tensor
    ties: Tensor
    identity: Tensor
    frame_slope: Tensor
    identity_slope: Tensor


class Problem:
    """The cost of an identity (n_identity,) and of frames (T, n_expression + 6): expression, rotation, translation.

    Args:
        face: the face model's points.
        low, high: (n_expression,) limits.
        points: (T, 68, 2) pixels, anything where `weight` is zero.
        weight: (T,) of a frame's landmarks.
        scale: (T,) pixels per decimetre.
    """

    def __init__(
        self,
        face: FacePoints,
        low: Tensor,
        high: Tensor,
        points: Tensor,
        weight: Tensor,
        scale: Tensor,
        camera: Camera,
        rules: FitRules,
    ) -> None:
        self.face, self.points, self.camera, self.rules = face, points, camera, rules
        self.low, self.high = low, high
        span = torch.where((high - low).isfinite() & (high > low), high - low, 2.0)
        one_way = torch.where(low == 0, 1.0, 0.0)
        self.prior = (rules.expression * span) ** -2.0
        self.price = rules.sparse * one_way / (rules.expression * span)
        self.identity_price = len(points) / min(rules.frames, len(points))
        place = points.new_tensor([1.0, 1.0, 0.5]) * rules.translation
        spread = torch.cat([rules.movement * span, torch.full_like(place, rules.rotation), place])
        self.stiffness = spread**-2.0
        self.sharpness = weight.sqrt() / (rules.noise * face.interocular * scale)

    def whiten(self, seen: Tensor) -> Tensor:
        """(T, 68, 2, 2) that turns pixel errors into units of the noise; `seen`: landmarks (T, 68, 2) of the fit."""
        along = torch.zeros_like(seen[:, :JAW])
        along[:, 1:-1] = seen[:, 2:JAW] - seen[:, : JAW - 2]
        along[:, 0], along[:, -1] = seen[:, 1] - seen[:, 0], seen[:, JAW - 1] - seen[:, JAW - 2]
        along = torch.nn.functional.normalize(along, dim=-1)
        plain = torch.eye(2).to(seen).expand(*seen.shape[:2], 2, 2).clone()
        plain[:, :JAW] -= (1 - 1 / self.rules.jaw_slide) * along[..., :, None] * along[..., None, :]
        return plain * self.sharpness[:, None, None, None]

    def pixels(self, identity: Tensor, frames: Tensor) -> Tensor:
        """Landmarks (T, 68, 2) of the fit."""
        return pixels(self.face.head(identity, frames[:, :-6]), frames[:, -6:], self.camera)

    def within(self, frames: Tensor) -> Tensor:
        """Frames whose movements are inside their limits."""
        return torch.cat([frames[:, :-6].clamp(self.low, self.high), frames[:, -6:]], dim=1)

    def cost(self, identity: Tensor, frames: Tensor, whiten: Tensor) -> Tensor:
        """The scalar that is minimised."""
        movement = frames[:, :-6]
        far = self._errors(self.pixels(identity, frames), whiten).square().sum(-1) / self.rules.outlier**2
        landmarks = self.rules.outlier**2 * ((1 + far).sqrt() - 1).sum()
        prior = (0.5 * self.prior * movement**2 + self.price * movement).sum()
        jerks = 0.5 * (self.stiffness * accelerations(frames) ** 2).sum()
        return landmarks + prior + jerks + 0.5 * self.identity_price * identity.square().sum()

    def system(self, identity: Tensor, frames: Tensor, whiten: Tensor) -> System:
        """Gauss-Newton's equations, robust weights taken as they are here (without the accelerations' matrix)."""
        movement, pose = frames[:, :-6], frames[:, -6:]
        head = self.face.head(identity, movement)
        errors = self._errors(pixels(head, pose, self.camera), whiten)
        weight = (1 + errors.square().sum(-1) / self.rules.outlier**2) ** -0.25
        by_head, by_pose = pose_slopes(head, pose, self.camera)
        square = whiten * weight[..., None, None]
        by_head, by_pose = square @ by_head, square @ by_pose
        basis = torch.cat([self.face.expression, self.face.identity]).permute(1, 2, 0)  # (68, 3, n)
        moved = by_head @ basis
        count = len(self.face.expression)
        slopes = torch.cat([moved[..., :count], by_pose, moved[..., count:]], dim=-1).flatten(1, 2)
        errors = (errors * weight[..., None]).flatten(1)
        by_frame, by_identity = slopes[..., : count + 6], slopes[..., count + 6 :]
        rows = by_frame.transpose(1, 2) @ slopes
        blocks = rows[..., : count + 6].clone()
        blocks[:, range(count), range(count)] += self.prior
        slope = (by_frame.transpose(1, 2) @ errors[..., None])[..., 0] + self.stiffness * _pulled(frames)
        slope[:, :count] += self.prior * movement + self.price
        flat = by_identity.flatten(0, 1)
        return System(
            blocks,
            rows[..., count + 6 :],
            flat.T @ flat + self.identity_price * torch.eye(flat.shape[1]).to(flat),
            slope,
            flat.T @ errors.flatten() + self.identity_price * identity,
        )

    def frozen(self, frames: Tensor, slope: Tensor) -> Tensor:
        """(T, n) bool: movements at a limit that the slope pushes over it."""
        movement, slope = frames[:, :-6], slope[:, :-6]
        stuck = ((movement <= self.low) & (slope > 0)) | ((movement >= self.high) & (slope < 0))
        return torch.nn.functional.pad(stuck, (0, 6))

    def _errors(self, seen: Tensor, whiten: Tensor) -> Tensor:
        """(T, 68, 2) in units of the noise; zero where nothing was measured."""
        return (whiten @ (seen - self.points)[..., None])[..., 0]


def _pulled(track: Tensor) -> Tensor:
    """D'D of a track (T, n), D being second differences."""
    diagonal, first, second = acceleration_bands(len(track), track)[..., None]
    pulled = diagonal * track
    pulled[1:] += first[1:] * track[:-1]
    pulled[:-1] += first[1:] * track[1:]
    pulled[2:] += second[2:] * track[:-2]
    pulled[:-2] += second[2:] * track[2:]
    return pulled
