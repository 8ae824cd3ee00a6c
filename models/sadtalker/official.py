"""What `python -m models.official` can run of face-vid2vid. Images in these arrays are RGB in [0, 1], as the authors'.

Letters: B batch, F frames, K keypoints, H height, W width.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models.sadtalker import authors
from models.sadtalker.keypoint_detector import expected_position
from models.sadtalker.keypoint_transform import (
    RADIANS_PER_DEGREE,
    HeadMotion,
    bins_to_degrees,
    rotation_matrix,
    transform_keypoints,
)
from models.sadtalker.layers import unit_range
from models.weights import Weights

Outputs = dict[str, Tensor]


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


def _signed_range(image: Tensor) -> Tensor:
    return image * 2 - 1


def _as_arrays(motion: HeadMotion) -> Outputs:
    """The raw outputs of an estimator, (B, bins) logits, t (B, 3) and exp (B, 3 K)."""
    assert motion.logits is not None
    yaw, pitch, roll = motion.logits.unbind(1)
    return {"yaw": yaw, "pitch": pitch, "roll": roll, "t": motion.translation, "exp": motion.deformation.flatten(1)}
