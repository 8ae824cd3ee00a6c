"""What the two identity metrics share: an embedding network that stays outside of the module tree."""

from abc import abstractmethod
from collections.abc import Callable

from torch import Tensor

from metrics.frame_mean import FrameMean, check_images

Embedder = Callable[[Tensor], Tensor]


class IdentityMetric(FrameMean):
    """Compares the identity embeddings of two images of faces.

    Args:
        embedder: images `(N, 3, H, W)` in [-1, 1] to embeddings `(N, D)`; a row of NaN where there is no face.
            Without one, `update` takes embeddings, computed once for several metrics.
        stand_in: short name of the network when it is not the one of the papers (ArcFace), e.g. `dlib`.

    """

    def __init__(self, embedder: Embedder | None = None, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        # In a tuple, so that a network here never becomes a submodule: it would be trained, saved and switched to
        # training mode together with whatever module holds the metric.
        self._embedder = (embedder,)

    def update(self, prediction: Tensor, reference: Tensor) -> None:
        """Add images (embeddings, without an embedder) of N frames and of as many references, or of one for all."""
        if len(reference) not in (1, len(prediction)):
            raise ValueError(f"{len(prediction)} predictions need as many references, or one; got {len(reference)}")
        (embedder,) = self._embedder
        if embedder is not None:
            for images in (prediction, reference):
                check_images(images, images)
            prediction, reference = embedder(prediction), embedder(reference)
        if prediction.ndim != 2 or reference.ndim != 2:
            raise ValueError(f"embeddings are (N, D), got {tuple(prediction.shape)} and {tuple(reference.shape)}")
        self.add(self.compare(prediction, reference))

    @abstractmethod
    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """One number `(N,)` per pair of embeddings `(N, D)` and `(N or 1, D)`."""
