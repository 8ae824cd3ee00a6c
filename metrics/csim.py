"""Cosine similarity of identity embeddings."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from metrics.identity import IdentityMetric


class CSIM(IdentityMetric):
    """CSIM (Zakharov et al. 2019, sec. 4): mean cosine between identity embeddings of prediction and reference.

    The reference is the source portrait, as in SadTalker sec. 4.1. The papers embed by ArcFace; with another network
    the metric carries that network's name. Cosines of different networks cannot be compared, and those of dlib's
    network are high for any two faces: read `IdentityDistance` beside it. Higher is better; 1 is perfect.
    """

    title = "CSIM"
    higher_is_better = True
    lowest = -1.0
    highest = 1.0

    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """Cosine per pair `(N,)`."""
        return cosine_similarity(prediction, reference, dim=1)
