"""SadTalker's renderer as an animator: face-vid2vid driven by video."""

from typing import cast

import torch
from torch import Tensor

from models.animator import Animator, Motion, Source
from models.sadtalker.face_vid2vid import EncodedSource, FaceVid2Vid
from models.sadtalker.keypoint_transform import HeadMotion


class FaceVid2VidAnimator(Animator):
    """Moves the source's canonical keypoints by head pose and expression (Wang et al. 2021, eq. 1 and sec. 3.2).

    Parts of the motion: `rotation` (T, 3) yaw, pitch, roll in radians; `translation` (T, 3) and `expression` (T, K, 3),
    the keypoints' deformation, in units of half the image. Relative motion adds angles: for the small turns of talking
    heads that is the same as composing rotations, and it lets each angle be edited.
    """

    model: FaceVid2Vid
    needs = frozenset({"video"})
    parts = ("rotation", "translation", "expression")

    def __init__(self, model: FaceVid2Vid, size: int) -> None:
        super().__init__(model, size)

    @torch.inference_mode()
    def encode_source(self, source: Tensor) -> Source:
        """Appearance volume, canonical keypoints and own motion of one portrait `(1, 3, S, S)` in [-1, 1]."""
        encoded = self.model.encode_source(source)
        return Source(_from_head_motion(encoded.motion), encoded)

    @torch.inference_mode()
    def read_motion(self, driving: Tensor) -> Motion:
        """Pose and expression in frames `(T, 3, S, S)` in [-1, 1]."""
        return _from_head_motion(self.model.head_motion(driving))

    @torch.inference_mode()
    def render(self, source: Source, motion: Motion) -> Tensor:
        """Frames `(T, 3, S, S)` in [-1, 1]."""
        encoded = cast(EncodedSource, source.features)
        keypoints = self.model.keypoints(encoded.canonical, _to_head_motion(motion))
        return self.model.render(encoded, keypoints)


def _from_head_motion(motion: HeadMotion) -> Motion:
    rotation = torch.stack([motion.yaw, motion.pitch, motion.roll], dim=1)
    return Motion({"rotation": rotation, "translation": motion.translation, "expression": motion.deformation})


def _to_head_motion(motion: Motion) -> HeadMotion:
    yaw, pitch, roll = motion.parts["rotation"].unbind(dim=1)
    return HeadMotion(yaw, pitch, roll, motion.parts["translation"], motion.parts["expression"])
