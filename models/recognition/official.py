"""What `python -m models.official` can run of the networks that recognise people and speech."""

from torch import Tensor

from models.recognition.ir_se import id_crop, read_irse
from models.recognition.iresnet import read_iresnet
from models.recognition.sync_distance import SHIFT, sync_distance
from models.recognition.syncnet import load_syncnet
from models.weights import Weights

Outputs = dict[str, Tensor]


def iresnet50(weights: Weights, x: Tensor) -> Outputs:
    """ArcFace's embeddings, not of unit length, of aligned faces (B, 3, 112, 112), RGB in [-1, 1]; any depth."""
    return {"embed": read_iresnet(weights).eval()(x)}


def irse50_arcface(weights: Weights, x: Tensor, id_crop_in: Tensor, id_crop_in_256: Tensor) -> Outputs:
    """IR-SE50's embeddings of faces (B, 3, 112, 112), and of what is cut out of pictures for pSp's identity loss."""
    network = read_irse(weights).eval()
    crop, crop_256 = id_crop(id_crop_in), id_crop(id_crop_in_256)
    return {
        "embed": network(x),
        "id_crop_out": crop,
        "id_embed": network(crop),
        "id_crop_out_256": crop_256[:, :, ::4, ::4],
        "id_embed_256": network(crop_256),
    }


def syncnet(weights: Weights, lip: Tensor, audio: Tensor) -> Outputs:
    """SyncNet: face crops (B, 3, 5, 224, 224) BGR in 0 to 255 and MFCC windows (N, 1, 13, 20)."""
    network = load_syncnet(weights)
    features = network.lip_features(lip)
    return {"lip": network.netfclip(features), "audio": network.embed_sound(audio), "lipfeat": features}


def syncnet_eval(lip: Tensor, audio: Tensor, *, vshift: int = SHIFT) -> Outputs:
    """LSE-C, LSE-D and offset of one clip from SyncNet's embeddings (T, D) of its lips and its sound."""
    found = sync_distance(lip, audio, vshift)
    return {
        "dist": found.distances,
        "mean_dist": found.mean.float(),
        "offset": found.offset[None],
        "lse_d": found.error[None].float(),
        "lse_c": found.confidence[None].float(),
        "frame_conf": found.frame_confidence.float(),
    }
