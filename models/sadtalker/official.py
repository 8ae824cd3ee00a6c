"""What `python -m models.official` can run of SadTalker. Images in these arrays are RGB in [0, 1], as the authors'.

Letters: B batch, T frames, K keypoints, H height, W width.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.errors import UserError
from models.face3d.semantics import POSE, still_window
from models.sadtalker import authors
from models.sadtalker.blinks import regular_blinks
from models.sadtalker.coefficient_windows import add_reference_pose, in_batches, keep_head_still, target_windows
from models.sadtalker.head_turns import angles_through
from models.sadtalker.keypoint_detector import expected_position
from models.sadtalker.keypoint_transform import (
    RADIANS_PER_DEGREE,
    HeadMotion,
    bins_to_degrees,
    rotation_matrix,
    transform_keypoints,
)
from models.sadtalker.layers import unit_range
from models.sadtalker.mapping_net import WINDOW
from models.sadtalker.portrait_crop import portrait_crop
from models.sadtalker.pose_sampling import authors_poses
from models.sadtalker.pose_smoothing import smooth_poses
from models.weights import Weights

Outputs = dict[str, Tensor]
AsInFile = Annotated[Tensor, "in the precision of the inputs file"]


def facevid2vid_kp(weights: Weights, image: Tensor, *, temperature: float = 0.1) -> Outputs:
    """Canonical keypoint detector."""
    heatmap = authors.keypoint_detector(weights, temperature).heatmap(_signed_range(image))
    return {"kp": expected_position(heatmap), "heatmap_mean": heatmap.sum((3, 4))}


def facevid2vid_he(weights: Weights, image: Tensor) -> Outputs:
    """Head pose and expression estimator."""
    return _as_arrays(authors.pose_estimator(weights)(_signed_range(image)))


def facevid2vid_mapping(weights: Weights, coeff: Tensor) -> Outputs:
    """SadTalker's mapping from coefficient windows to head motion."""
    return _as_arrays(authors.mapping_net(weights)(coeff))


def facevid2vid_kp_transform(
    kp: Tensor,
    yaw: Tensor,
    pitch: Tensor,
    roll: Tensor,
    t: Tensor,
    exp: Tensor,
    yaw_in: Tensor,
    pitch_in: Tensor,
    roll_in: Tensor,
    *,
    translation_axes: str = "y",
) -> Outputs:
    """Canonical keypoints under a head motion; `*_in` are angles in degrees in place of the estimated ones."""
    motion = HeadMotion.from_logits(yaw, pitch, roll, t, exp)
    given = {"yaw": yaw_in, "pitch": pitch_in, "roll": roll_in}
    turned = replace(motion, **{axis: degrees * RADIANS_PER_DEGREE for axis, degrees in given.items()})
    still = replace(motion, deformation=0 * motion.deformation)
    return {
        "degrees": bins_to_degrees(torch.stack([yaw, pitch, roll], dim=1)),
        "rotation": rotation_matrix(motion.yaw, motion.pitch, motion.roll),
        "kp_transformed": transform_keypoints(kp, motion, translation_axes),
        "kp_transformed_in": transform_keypoints(kp, turned, translation_axes),
        "kp_no_exp": transform_keypoints(kp, still, translation_axes),
    }


def facevid2vid_generator(weights: Weights, image: Tensor, kp_source: Tensor, kp_driving: Tensor) -> Outputs:
    """Dense motion and SPADE renderer."""
    prediction, motion = authors.generator(weights)(_signed_range(image), kp_driving, kp_source)
    outputs = {
        "prediction": unit_range(prediction),
        "mask_depth5": motion.mask[:, :, 5],
        "deformation": motion.deformation[:, ::5],
    }
    return outputs if motion.occlusion is None else {**outputs, "occlusion_map": motion.occlusion}


def facevid2vid_discriminator(weights: Weights, image: Tensor) -> Outputs:
    """Patch discriminator of the training; feature maps are thinned out."""
    features, score = authors.discriminator(weights)(_signed_range(image))[0]
    thinned = {f"f{level}": feature[:, ::8] for level, feature in enumerate(features)}
    return {**thinned, "f0": thinned["f0"][:, :, ::2, ::2], "prediction_map": score}


def facevid2vid_animation(
    weights: Weights, image: Tensor, source_semantics: Tensor, target_semantics: Tensor, *, translation_axes: str = "y"
) -> Outputs:
    """SadTalker's rendering: a portrait and coefficient windows -> frames, with absolute motion."""
    image = _signed_range(image)
    canonical = authors.keypoint_detector(weights)(image)
    mapping, generator = authors.mapping_net(weights), authors.generator(weights)
    source = transform_keypoints(canonical, mapping(source_semantics), translation_axes)
    appearance = generator.encode(image)
    driving, predictions = [], []
    for window in target_semantics.unbind(1):
        driving.append(transform_keypoints(canonical, mapping(window), translation_axes))
        predictions.append(unit_range(generator.decode(appearance, driving[-1], source)[0]))
    return {
        "predictions": torch.stack(predictions, dim=1),
        "kp_source": source,
        "kp_driving": torch.stack(driving, dim=1),
    }


def expnet(weights: Weights, mel: Tensor, ref: Tensor, ratio: Tensor) -> Outputs:
    """ExpNet: mel windows (B, T, 1, 80, 16), reference coefficients (B, T, 70), closing of the eyes (B, T, 1)."""
    network = authors.expnet(weights)
    heard = network.audio_encoder(_windows(mel))
    expression = network.map(heard, ref[..., : network.n_expression], ratio)
    return {"exp": expression, "audio": heard.flatten(0, 1)}


def posevae(
    weights: Weights,
    z: Tensor,
    cls: Tensor,
    ref: Tensor,
    audio_emb: Tensor,
    pose_motion_gt: Tensor,
    mel: Tensor,
    test_z: Tensor,
    test_cls: Tensor,
    test_ref: Tensor,
) -> Outputs:
    """PoseVAE's encoder, decoder, discriminator and audio encoder, and the authors' inference from `mel` on."""
    network = authors.pose_vae(weights)
    network.check(ref, audio_emb, cls)
    posterior = network.encode(pose_motion_gt, ref, audio_emb, cls)
    sound = network.hear(_windows(mel))
    if test_z.ndim != 2 or test_ref.ndim != 3:
        raise UserError(f"test_z {tuple(test_z.shape)}, test_ref {tuple(test_ref.shape)}: expected (K, 64), (1, 1, 70)")
    return {
        "pose_motion_pred": network.decode(z, ref, audio_emb, cls),
        "mu": posterior.mean,
        "logvar": posterior.log_variance,
        "disc": authors.pose_discriminator(weights)(pose_motion_gt),
        "emb": sound,
        "test_pose": authors_poses(network, sound, test_ref[:, 0, -POSE:], test_cls, test_z[None]),
    }


def sadtalker_coeff_post(
    exp: Tensor,
    pose: AsInFile,
    first: AsInFile,
    refpose: AsInFile,
    yaw_list: AsInFile,
    picture: Tensor,
    blink_n: Tensor,
    *,
    expression_scale: float = 1.0,
    batch_size: int = 4,
) -> Outputs:
    """Coefficients of ExpNet (1, T, 64) and PoseVAE (1, T, 6) to the windows that the renderer gets, in batches."""
    if pose.shape != (1, exp.shape[1], POSE) or exp.shape[0] != 1 or picture.ndim != 3:
        raise UserError(f"exp, pose and picture are {[tuple(x.shape) for x in (exp, pose, picture)]}: see the manifest")
    expressions = exp.shape[2]
    vectors = torch.cat([exp[0], smooth_poses(pose[0].double()).float()], dim=1)
    source = still_window(first[:1, : expressions + POSE].float(), WINDOW)
    targets = in_batches(target_windows(vectors, expression_scale, expressions), batch_size)
    still = in_batches(target_windows(keep_head_still(vectors, first[0]), 1.0, expressions), batch_size)
    yaw = torch.from_numpy(angles_through(yaw_list.flatten().tolist(), len(vectors)))
    return {
        "coeff": vectors,
        "coeff_refpose": add_reference_pose(vectors, refpose[:, expressions : expressions + POSE]),
        "source_semantics": source[:, :, [0, 13, 26]],
        "target_semantics": targets[:, :, [0, 1, 2, 64, 69]],
        "yaw_c_seq": in_batches(yaw, batch_size).float(),
        "source_image": picture.permute(2, 0, 1)[None].float() / 255,
        "still_full_last": still[:, -1, [0, 63, 64, 69, 70, 72]],
        "blink_fixed": regular_blinks(int(blink_n)).double(),
    }


def sadtalker_croper(lm: AsInFile, size: Tensor, image: Tensor, image_lm: AsInFile) -> Outputs:
    """Where SadTalker cuts faces out: landmarks (N, 68, 2), pictures' sizes (N, 2); one picture (H, W, 3) cut so."""
    crop = portrait_crop(lm.numpy(), size.numpy())
    arrays = {"rsize": crop.resized, "crop": crop.surroundings, "box": crop.box, "face_region": crop.face}
    one = portrait_crop(image_lm[None].numpy(), np.array([image.shape[1::-1]]))
    arrays |= {"image_crop": one.cut(image.numpy()), "image_crop_ext": one.cut(image.numpy(), with_surroundings=True)}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _windows(mel: Tensor) -> Tensor:
    """(B, T, 1, 80, 16) without the axis of one channel."""
    if mel.ndim != 5 or mel.shape[2] != 1:
        raise UserError(f"mel is {tuple(mel.shape)}, expected (B, T, 1, 80, 16)")
    return mel.squeeze(2)


def _signed_range(image: Tensor) -> Tensor:
    return image * 2 - 1


def _as_arrays(motion: HeadMotion) -> Outputs:
    """The raw outputs of an estimator, (B, bins) logits, t (B, 3) and exp (B, 3 K)."""
    assert motion.logits is not None
    yaw, pitch, roll = motion.logits.unbind(1)
    return {"yaw": yaw, "pitch": pitch, "roll": roll, "t": motion.translation, "exp": motion.deformation.flatten(1)}
