"""Whether two pictures show the same person, by ArcFace (pSp: Richardson et al., CVPR 2021, eq. 4).

Letters: B batch, S side of the pictures.
"""

from torch import Tensor, nn

from losses.frozen import Frozen
from models.assets import find
from models.recognition.ir_se import id_crop, read_irse
from models.weights import read_weights


class IdentityLoss(nn.Module):
    """1 - cosine of IR-SE50's embeddings of the faces, cut out of pictures in FFHQ's alignment.

    Args:
        zero_to_one: show the network pictures in [0, 1] although it knows those in [-1, 1], as Choe's thesis does; only
            for the sake of its numbers.

    Raises:
        MissingAsset: the weights, the asset `model_ir_se50`, are not there.

    """

    def __init__(self, zero_to_one: bool = False) -> None:
        super().__init__()
        self.network = Frozen(load_irse())
        self.zero_to_one = zero_to_one

    def extra_repr(self) -> str:
        """The arguments, for the record."""
        return f"zero_to_one={self.zero_to_one}"

    def describe(self, image: Tensor) -> Tensor:
        """Pictures (B, 3, S, S) in [-1, 1] -> embeddings (B, 512) of unit length."""
        return self.network(id_crop(image * 0.5 + 0.5 if self.zero_to_one else image))

    def distance(self, description: Tensor, wanted: Tensor) -> Tensor:
        """(B,) of two embeddings (B, 512)."""
        return 1 - (description * wanted).sum(dim=1)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar, the mean over the pictures (B, 3, S, S) in [-1, 1]."""
        return self.distance(self.describe(prediction), self.describe(target)).mean()


def load_irse() -> nn.Module:
    """IR-SE50 with the weights of the asset `model_ir_se50`."""
    return read_irse(read_weights(find("model_ir_se50")))
