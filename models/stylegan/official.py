"""What `python -m models.official` can run of StyleGAN. Pictures are RGB, about [-1, 1].

Letters: B batch, N codes of a picture, W numbers of a code, S size.
"""

import torch
from torch import Tensor

from models.stylegan.discriminator import spread_over_group
from models.stylegan.latent_discriminator import LatentDiscriminator
from models.stylegan.layouts import (
    ROSINALITY_PARTS,
    discriminator_from_rosinality,
    generator_from_nvidia,
    generator_from_rosinality,
)
from models.stylegan.stylegan2 import StyleGAN2
from models.stylegan.stylegan3_layout import from_nvidia
from models.stylegan.synthesis import Access, Synthesised
from models.weights import Weights, load_strictly

Outputs = dict[str, Tensor]

SHOWN = {"conv16": 16, "conv64": 128}  # features and every how many of their channels the cases show
PSI = 0.7
CROSSING = 4  # the first code of the second z in a mixed picture
SHOWN_TRUNK = 16  # every how many channels of the discriminator's, and of StyleGAN3's
SHOWN3 = ["L4", "L11"]
PSI3, CUTOFF3 = 0.6, 5
SHOWN_CODES = [0, 4, 5, 15]


def stylegan2_generator(weights: Weights, wplus: Tensor, z: Tensor, latent_avg: Tensor) -> Outputs:
    """StyleGAN2 in rosinality's layout (`g_ema`, or `decoder` of e4e and pSp): codes (B, N, W) and z (2, W)."""
    generator = generator_from_rosinality(weights.part(*ROSINALITY_PARTS), latent_avg)
    pulled = generator.map(z, PSI)
    mixed = torch.cat([pulled[:1, :CROSSING], pulled[1:2, CROSSING:]], dim=1)
    return {
        **_picture_and_features(_synthesised(generator, wplus)),
        "w": generator.mapping(z),
        "image_mix": generator(mixed).image,
    }


def stylegan2_nvlabs(weights: Weights, z: Tensor, ws: Tensor) -> Outputs:
    """StyleGAN2 in NVIDIA's layout (`G_ema` of stylegan2-ada and stylegan3): z (B, Z) and codes (B, N, W)."""
    generator = generator_from_nvidia(weights.part("G_ema"))
    return {
        "w": generator.mapping(z),
        "w_psi": generator.map(z, PSI)[:, 0],
        **_picture_and_features(_synthesised(generator, ws)),
        "image_no_noise": generator(ws[:1], noise="none").image,
    }


def stylegan2_discriminator(weights: Weights, image: Tensor) -> Outputs:
    """StyleGAN2's discriminator in rosinality's layout (`d`): pictures (B, 3, S, S)."""
    discriminator = discriminator_from_rosinality(weights.part("d"))
    trunk = discriminator.trunk(image)
    return {
        "logits": discriminator(image),
        "trunk": trunk[:, ::SHOWN_TRUNK],
        "stddev_channel": spread_over_group(trunk)[:, 0, 0, 0],
        "logits_first2": discriminator(image[:2]),
    }


def latent_discriminator(weights: Weights, w: Tensor) -> Outputs:
    """e4e's discriminator of codes (..., W) (`discriminator_state_dict`)."""
    own = weights.part("discriminator_state_dict")
    depth = sum(key.endswith(".weight") for key in own)
    discriminator = LatentDiscriminator(own.shape("mlp.0.weight", 2)[1], depth)
    load_strictly(discriminator, own)
    return {"logits": discriminator(w)}


def stylegan3_t(weights: Weights, z: Tensor, ws: Tensor, transform: Tensor) -> Outputs:
    """StyleGAN3-T in NVIDIA's layout (`G_ema`): z (B, Z), codes (B, N, W) and an inverse transform (3, 3)."""
    return _stylegan3(weights, z, ws, transform)


def stylegan3_r(weights: Weights, z: Tensor, ws: Tensor, transform: Tensor) -> Outputs:
    """StyleGAN3-R in NVIDIA's layout (`G_ema`): z (B, Z), codes (B, N, W) and an inverse transform (3, 3)."""
    return _stylegan3(weights, z, ws, transform)


def _stylegan3(weights: Weights, z: Tensor, ws: Tensor, transform: Tensor) -> Outputs:
    generator = from_nvidia(weights.part("G_ema")).eval()
    made = generator(ws, access=Access(keep=SHOWN3))
    sizes = [f"{band.size}_{band.channels}" for band in generator.bands]
    features = {f"feat_{name}_{sizes[int(name[1:])]}": state.feature for name, state in made.states.items()}
    features["feat_input"] = generator.synthesis.input(ws[:, 0])
    return {
        "w": generator.mapping(z),
        "w_psi": generator.map(z, PSI3, CUTOFF3)[:, SHOWN_CODES],
        "image": made.image,
        "image_transformed": generator(ws, transform=transform).image,
        **{name: feature[:1, ::SHOWN_TRUNK] for name, feature in features.items()},
    }


def _synthesised(generator: StyleGAN2, codes: Tensor) -> Synthesised:
    return generator(codes, access=Access(keep=[name for name in SHOWN if name in generator.names]))


def _picture_and_features(made: Synthesised) -> Outputs:
    features = {name.replace("conv", "feat"): state.feature[:, :: SHOWN[name]] for name, state in made.states.items()}
    return {"image": made.image, **features}
