"""Builds face-vid2vid and SadTalker networks from the authors' weights; the sizes are read from the tensors' shapes."""

from models.face3d.semantics import POSE
from models.sadtalker.discriminator import Discriminator
from models.sadtalker.expnet import ExpNet
from models.sadtalker.generator import Generator
from models.sadtalker.keypoint_detector import KeypointDetector
from models.sadtalker.mapping_net import MappingNet
from models.sadtalker.pose_discriminator import PoseDiscriminator
from models.sadtalker.pose_estimator import PoseEstimator
from models.sadtalker.pose_vae import PoseVAE
from models.weights import Weights, load_strictly


def keypoint_detector(weights: Weights, temperature: float = 0.1) -> KeypointDetector:
    """From `kp_extractor.*` (SadTalker's safetensors), the entry `kp_detector` (training checkpoint), or bare keys."""
    weights = weights.part("kp_extractor", "kp_detector")
    keypoints, width = weights.shape("kp.weight")[:2]
    deepest = weights.shape("predictor.conv.weight")
    kernel = weights.shape("down.weight")[-1] if "down.weight" in weights else 1
    network = KeypointDetector(
        num_keypoints=keypoints,
        block_expansion=width,
        max_features=deepest[1],
        num_blocks=weights.count("predictor.down_blocks.down{}.conv.weight"),
        depth=deepest[0] // weights.shape("predictor.up_blocks.up0.conv.weight")[1],
        downscale=(kernel - 1) // 4 + 1,  # the blur reaches 4 sigma to both sides, sigma = (downscale - 1) / 2
        temperature=temperature,
    )
    load_strictly(network, weights)
    return network.eval()


def pose_estimator(weights: Weights) -> PoseEstimator:
    """From the entry `he_estimator` of a training checkpoint, or bare keys."""
    weights = weights.part("he_estimator")
    network = PoseEstimator(
        num_keypoints=weights.shape("fc_exp.bias")[0] // 3,
        num_bins=weights.shape("fc_yaw.bias")[0],
        block_expansion=weights.shape("conv1.weight")[0],
        stage_blocks=[weights.count(f"block{n}.b{n}_{{}}.conv1.weight") for n in (1, 3, 5, 7)],
    )
    load_strictly(network, weights)
    return network.eval()


def generator(weights: Weights) -> Generator:
    """From `generator.*`, the entry `generator`, or bare keys."""
    weights = weights.part("generator")
    motion = "dense_motion_network"
    num_down_blocks = weights.count("down_blocks.{}.conv.weight")
    motion_blocks = weights.count(f"{motion}.hourglass.encoder.down_blocks.{{}}.conv.weight")
    compress, feature_channels = weights.shape(f"{motion}.compress.weight")[:2]
    volume, deepest = weights.shape("second.weight")[:2]
    last = f"{motion}.hourglass.{{}}.{motion_blocks - 1}.conv.weight"
    network = Generator(
        num_keypoints=weights.shape(f"{motion}.mask.weight")[0] - 1,
        block_expansion=weights.shape("first.conv.weight")[0],
        max_features=deepest,
        num_down_blocks=num_down_blocks,
        feature_channels=feature_channels,
        depth=volume // feature_channels,
        num_resblocks=weights.count("resblocks_3d.3dr{}.conv1.weight"),
        motion_block_expansion=weights.shape(last.format("decoder.up_blocks"))[0],
        motion_max_features=weights.shape(last.format("encoder.down_blocks"))[0],
        motion_blocks=motion_blocks,
        motion_compress=compress,
        estimate_occlusion=f"{motion}.occlusion.weight" in weights,
        decoder_blocks=weights.count("decoder.G_middle_{}.conv_0.weight_orig"),
        decoder_hidden=weights.shape("decoder.up_0.norm_0.mlp_shared.0.weight")[0],
    )
    load_strictly(network, weights)
    return network.eval()


def mapping_net(weights: Weights) -> MappingNet:
    """From the entry `mapping` of `mapping_00229-model.pth.tar` or `mapping_00109-model.pth.tar`, or bare keys."""
    weights = weights.part("mapping")
    width, coefficients, _ = weights.shape("first.0.weight")
    network = MappingNet(
        num_coefficients=coefficients,
        descriptor_channels=width,
        num_layers=weights.count("encoder{}.1.weight"),
        num_keypoints=weights.shape("fc_exp.bias")[0] // 3,
        num_bins=weights.shape("fc_yaw.bias")[0],
    )
    load_strictly(network, weights)
    return network.eval()


def expnet(weights: Weights) -> ExpNet:
    """From `audio2exp.*` (SadTalker's safetensors), the entry `model` of `auido2exp_00300-model.pth`, or bare keys."""
    weights = weights.part("audio2exp", "model")
    network = ExpNet(
        n_expression=weights.shape("mapping1.weight", 2)[0],
        width=weights.shape("audio_encoder.0.conv_block.0.weight", 4)[0],
    )
    load_strictly(network, weights)
    return network.eval()


def pose_vae(weights: Weights) -> PoseVAE:
    """From `audio2pose.*` (SadTalker's safetensors), the entry `model` of `auido2pose_00140-model.pth`, or bare keys.

    The discriminator's weights, which are in these files too, are passed over.
    """
    weights = weights.part("audio2pose", "model")
    decoder, unet = "netG.decoder", "netG.decoder.resunet"
    styles, latent = weights.shape(f"{decoder}.classbias", 2)
    heard = weights.shape(f"{decoder}.linear_audio.weight", 2)[0]
    motion, hidden = weights.shape(f"{decoder}.MLP.L1.weight", 2)
    levels = ("input_skip.0", "residual_conv_1.conv_skip.0", "residual_conv_2.conv_skip.0", "bridge.conv_skip.0")
    network = PoseVAE(
        n_styles=styles,
        frames=motion // POSE,
        latent=latent,
        hidden=hidden,
        heard=heard,
        filters=[weights.shape(f"{unet}.{level}.weight", 4)[0] for level in levels],
        width=weights.shape("audio_encoder.audio_encoder.0.conv_block.0.weight", 4)[0],
        one_head=True,
    )
    load_strictly(network, {key: value for key, value in weights.items() if not key.startswith("netD_motion.")})
    return network.eval()


def pose_discriminator(weights: Weights) -> PoseDiscriminator:
    """From `netD_motion.*` in the files of `pose_vae`, or bare keys."""
    weights = weights.part("audio2pose", "model").part("netD_motion")
    network = PoseDiscriminator(weights.shape("seq.0.conv.weight", 3)[0])
    load_strictly(network, weights)
    return network.eval()


def discriminator(weights: Weights) -> Discriminator:
    """From the entry `discriminator` of a training checkpoint, or bare keys (`discs.1.*`, half size `discs.0-5.*`)."""
    weights = weights.part("discriminator")
    scales = sorted({key.split(".")[1] for key in weights if key.startswith("discs.")}, reverse=True)
    if not scales:
        weights.shape("discs.1.conv.weight_orig")
    blocks = weights.count(f"discs.{scales[0]}.down_blocks.{{}}.conv.weight_orig")
    layer = f"discs.{scales[0]}.down_blocks.{{}}.conv.weight_orig"
    network = Discriminator(
        downscales=[round(1 / float(scale.replace("-", "."))) for scale in scales],
        block_expansion=weights.shape(layer.format(0))[0] // 2,
        max_features=weights.shape(layer.format(blocks - 1))[0],
        num_blocks=blocks,
    )
    load_strictly(network, weights)
    return network.eval()
