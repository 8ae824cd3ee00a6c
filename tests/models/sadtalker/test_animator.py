"""face-vid2vid behind the interface of all methods."""

import pytest
import torch

from models.animator import Transfer
from models.sadtalker.animator import FaceVid2VidAnimator
from models.sadtalker.face_vid2vid import FaceVid2Vid

SIZE = 64


@pytest.fixture(scope="module")
def animator() -> FaceVid2VidAnimator:
    torch.manual_seed(0)
    model = FaceVid2Vid(
        num_keypoints=5,
        depth=4,
        detector_block_expansion=8,
        detector_max_features=32,
        detector_blocks=2,
        pose_block_expansion=8,
        pose_stage_blocks=(1, 1, 1, 1),
        block_expansion=8,
        max_features=32,
        feature_channels=4,
        num_resblocks=1,
        motion_block_expansion=8,
        motion_max_features=32,
        motion_blocks=2,
        decoder_blocks=1,
        decoder_hidden=8,
    )
    return FaceVid2VidAnimator(model, SIZE)


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count)) * 2 - 1


def test_motion_has_the_promised_parts(animator: FaceVid2VidAnimator) -> None:
    motion = animator.read_all([images(2), images(3)])
    assert tuple(motion.parts) == animator.parts
    assert {name: tuple(part.shape) for name, part in motion.parts.items()} == {
        "rotation": (5, 3),
        "translation": (5, 3),
        "expression": (5, 5, 3),
    }


def test_frames_do_not_depend_on_the_batch(animator: FaceVid2VidAnimator) -> None:
    source = animator.encode_source(images(1))
    motion = Transfer()(animator.read_all([images(5)]), source.motion)
    at_once = torch.cat(list(animator.render_all(source, motion, batch=5)))
    in_pieces = list(animator.render_all(source, motion, batch=2))
    assert [len(piece) for piece in in_pieces] == [2, 2, 1]
    assert torch.allclose(torch.cat(in_pieces), at_once, atol=1e-5)
    assert at_once.shape == (5, 3, SIZE, SIZE)
    assert at_once.min() >= -1
    assert at_once.max() <= 1


def test_it_renders_what_training_predicts(animator: FaceVid2VidAnimator) -> None:
    source, driving = images(1), images(2)[1:]
    with torch.no_grad():
        expected = animator.model(source, driving).prediction
    encoded = animator.encode_source(source)
    frame = animator.render(encoded, Transfer(relative=False)(animator.read_motion(driving), encoded.motion))
    assert torch.allclose(frame, expected, atol=1e-5)


def test_the_network_is_frozen(animator: FaceVid2VidAnimator) -> None:
    assert not animator.model.training
    assert not any(parameter.requires_grad for parameter in animator.model.parameters())
