"""What the identity metrics share."""

from abc import abstractmethod

from torch import Tensor

from metrics.frame_mean import FrameMean


class IdentityMetric(FrameMean):
    """Compares identity embeddings of faces; a row of NaN where there was no face."""

    def update(self, prediction: Tensor, reference: Tensor) -> None:
        """Add embeddings `(N, D)` of N frames and of as many references, or of one for all."""
        if len(reference) not in (1, len(prediction)):
            raise ValueError(f"{len(prediction)} predictions need as many references, or one; got {len(reference)}")
        if prediction.ndim != 2 or reference.ndim != 2:
            raise ValueError(f"embeddings are (N, D), got {tuple(prediction.shape)} and {tuple(reference.shape)}")
        self.add(self.compare(prediction, reference))

    @abstractmethod
    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """One number `(N,)` per pair of embeddings `(N, D)` and `(N or 1, D)`."""
