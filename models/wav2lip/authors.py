"""Builds the networks of Wav2Lip from the authors' weights; their width is read from the tensors' shapes.

The files hold the weights in the entry `state_dict`, with the `module.` of data-parallel training; bare keys load too.
"""

from models.wav2lip.audio_encoder import AudioEncoder
from models.wav2lip.discriminator import QualityDiscriminator
from models.wav2lip.generator import Wav2Lip
from models.wav2lip.sync_expert import SyncExpert
from models.weights import Weights, load_strictly

ENTRY = "state_dict"


def generator(weights: Weights) -> Wav2Lip:
    """From `wav2lip.pth` or `wav2lip_gan.pth`."""
    weights = weights.part(ENTRY)
    network = Wav2Lip(weights.shape("face_encoder_blocks.0.0.conv_block.0.weight", 4)[0])
    load_strictly(network, weights)
    return network.eval()


def sync_expert(weights: Weights) -> SyncExpert:
    """From `lipsync_expert.pth`."""
    weights = weights.part(ENTRY)
    network = SyncExpert(weights.shape("face_encoder.0.conv_block.0.weight", 4)[0])
    load_strictly(network, weights)
    return network.eval()


def discriminator(weights: Weights) -> QualityDiscriminator:
    """From `visual_quality_disc.pth`."""
    weights = weights.part(ENTRY)
    network = QualityDiscriminator(weights.shape("face_encoder_blocks.0.0.conv_block.0.weight", 4)[0])
    load_strictly(network, weights)
    return network.eval()


def audio_encoder(weights: Weights) -> AudioEncoder:
    """The audio encoder alone, from the generator's file: SadTalker's ExpNet and PoseVAE begin with it (sec. B.1)."""
    weights = weights.part(ENTRY).part("audio_encoder")
    network = AudioEncoder(weights.shape("0.conv_block.0.weight", 4)[0])
    load_strictly(network, weights)
    return network.eval()
