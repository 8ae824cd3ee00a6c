"""What `python -m models.official` can run of the encoders and of HFGI."""

from torch import Tensor
from torch.nn import functional as F

from models.feature_warp.flow import deformation, warped
from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder, load_encoder, sizes_of
from models.inversion.hfgi import HFGI, LAYER, interpolated
from models.inversion.hfgi_aligner import ResidualAligner
from models.inversion.hfgi_residual import Condition, ResidualEncoder
from models.stylegan.layouts import generator_from_rosinality
from models.stylegan.synthesis import Access, State
from models.weights import Weights, load_strictly

Outputs = dict[str, Tensor]

SHOWN_PIXELS, SHOWN_CHANNELS = 4, 64  # every how many of them the HFGI cases show
SHOWN_FEATURES = 128


def e4e_encoder(weights: Weights, x: Tensor) -> Outputs:
    """e4e: codes without the mean of W of pictures (B, 3, 256, 256) in [-1, 1], after training and at its stage 0."""
    network = load_encoder(Encoder4Editing, weights.part("state_dict").part("encoder"))
    return {"w": network(x), "w_stage0": network(x, stage=0)}


def psp_gradual(weights: Weights, x: Tensor) -> Outputs:
    """pSp: codes without the mean of W of pictures (B, 3 or 6, 256, 256) in [-1, 1]."""
    return {"w": load_encoder(GradualStyleEncoder, weights.part("state_dict").part("encoder"))(x)}


def psp_gradual_6ch(weights: Weights, x: Tensor) -> Outputs:
    """The encoder of pSp for two pictures, one behind the other: (B, 6, 256, 256)."""
    return psp_gradual(weights, x)


def hfgi_e4e_encoder(weights: Weights, x: Tensor, latent_avg: Tensor) -> Outputs:
    """StyleHEAT's e4e: codes with the mean of W (N, W) of pictures (B, 3, 256, 256) in [-1, 1]."""
    return {"w": _styleheat_encoder(weights.part("encoder"), latent_avg)(x)}


def hfgi_aligner(weights: Weights, x: Tensor) -> Outputs:
    """HFGI's aligner of residual and picture (B, 6, 256, 256)."""
    aligner = _aligner(weights.part("state_dict").part("aligner", "generator.hfgi_aligner", "grid_align"))
    return {"y": aligner(x[:, :3], x[:, 3:])[:, :, ::2, ::2]}


def hfgi_residual_encoder(weights: Weights, x: Tensor) -> Outputs:
    """HFGI's condition of aligned residuals (B, 3, 256, 256)."""
    scale, shift = _residual_encoder(weights.part("state_dict").part("residue", "generator.hfgi_encoder", "encoder"))(x)
    return {
        "scale": scale[:, ::SHOWN_CHANNELS],
        "shift": shift[:, ::SHOWN_CHANNELS],
        "scale_mean": scale.mean(dim=(2, 3)),
        "shift_mean": shift.mean(dim=(2, 3)),
    }


def hfgi_generator(
    weights: Weights,
    wplus: Tensor,
    inv_scale: Tensor,
    inv_shift: Tensor,
    f_condition: Tensor,
    ref_scale: Tensor,
    ref_shift: Tensor,
    flow: Tensor,
) -> Outputs:
    """StyleHEAT's generator, its 64 x 64 feature modulated, replaced, warped by a flow (B, 2, H, W) and modulated."""
    generator = generator_from_rosinality(weights.part("generator.stylegan"))
    plain = generator(wplus, "none", Access(keep=[LAYER]))
    before = plain.states[LAYER]
    inverted = Condition(_spread(inv_scale, before), _spread(inv_shift, before))(before.feature)
    refine = Condition(_spread(ref_scale, before), _spread(ref_shift, before))
    places = deformation(flow)

    def picture(feature: Tensor) -> Tensor:
        return generator(wplus, "none", Access(start=(LAYER, State(feature, before.image)))).image

    return {
        "image_plain": plain.image,
        "fx_plain": before.feature[:, ::SHOWN_FEATURES],
        "image_inversion": picture(inverted),
        "fx_inversion": inverted[:, ::SHOWN_FEATURES],
        "deformation": places,
        "image_warp": picture(warped(inverted, places)),
        "image_full": picture(refine(warped(_spread(f_condition, before), places))),
    }


def hfgi_inversion(weights: Weights, x: Tensor, latent_avg: Tensor, resize_in: Tensor) -> Outputs:
    """HFGI as StyleHEAT runs it, on pictures (B, 3, 256, 256) with the mean of W (N, W); each step of it."""
    generator = generator_from_rosinality(weights.part("stylegan"))
    encoder = _styleheat_encoder(weights.part("e4e_encoder.encoder"), latent_avg)
    hfgi = HFGI(encoder, _aligner(weights.part("hfgi_aligner")), _residual_encoder(weights.part("hfgi_encoder")))
    lost = hfgi(generator, x)
    image = generator(lost.codes, "none", Access(start=(LAYER, lost.state))).image
    pictures = {"image_e4e": lost.first, "residual": lost.residual, "residual_aligned": lost.aligned}
    features = {"cond_scale": lost.condition.scale, "cond_shift": lost.condition.shift, "fx": lost.state.feature}
    return {
        "wx": lost.codes,
        **{key: value[:, :, ::SHOWN_PIXELS, ::SHOWN_PIXELS] for key, value in pictures.items()},
        **{key: value[:, ::SHOWN_CHANNELS, ::2, ::2] for key, value in features.items()},
        "image": interpolated(image.clamp(-1, 1), encoder.size)[:, :, ::2, ::2],
        "resize_out": interpolated(resize_in, resize_in.shape[-1] // 4),
    }


def _styleheat_encoder(weights: Weights, latent_avg: Tensor) -> Encoder4Editing:
    return load_encoder(Encoder4Editing, weights, latent_avg, {**sizes_of(weights), "align_corners": False})


def _aligner(weights: Weights) -> ResidualAligner:
    aligner = ResidualAligner()
    load_strictly(aligner, weights)
    return aligner.eval()


def _residual_encoder(weights: Weights) -> ResidualEncoder:
    encoder = ResidualEncoder(weights.shape("condition_scale3.2.weight", 4)[0])
    load_strictly(encoder, weights)
    return encoder.eval()


def _spread(values: Tensor, state: State) -> Tensor:
    """Values (B, C, h, w), each over a square, as large as the feature."""
    return F.interpolate(values, state.feature.shape[2:], mode="nearest")
