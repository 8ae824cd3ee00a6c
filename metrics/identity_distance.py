"""Euclidean distance of identity embeddings."""

from torch import Tensor

from metrics.identity import IdentityMetric


class IdentityDistance(IdentityMetric):
    """Mean Euclidean distance between identity embeddings of prediction and reference (FOMM's AED, sec. 4, is this).

    The scale is the network's own. For dlib's (128 numbers), measured medians: .29 within a clip, .35 for the same
    person elsewhere, .83 for two people; its authors call under 0.6 the same person. Lower is better; 0 is perfect.
    """

    title = "IdentityDistance"
    higher_is_better = False
    lowest = 0.0
    highest = 2.0

    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """Distance per pair `(N,)`."""
        return (prediction - reference).norm(dim=1)
