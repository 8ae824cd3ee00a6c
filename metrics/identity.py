"""What the two identity metrics share: an embedding network that stays outside of the module tree."""

from collections.abc import Callable

from torch import Tensor

from metrics.frame_mean import FrameMean, check_images

Embedder = Callable[[Tensor], Tensor]


class IdentityMetric(FrameMean):
    """Compares the embeddings of two images of faces.

    Args:
        embedder: images `(N, 3, H, W)` in [-1, 1] to embeddings `(N, D)`; a row of NaN where there is no face.
        stand_in: short name of the network when it is not the one of the papers (ArcFace), e.g. `dlib`.

    """

    def __init__(self, embedder: Embedder, stand_in: str | None = None) -> None:
        super().__init__(stand_in)
        # In a tuple, so that a network here never becomes a submodule: it would be trained, saved and switched to
        # training mode together with whatever module holds the metric.
        self._embedder = (embedder,)

    def update(self, prediction: Tensor, reference: Tensor) -> None:
        """Add frames `(N, 3, H, W)` in [-1, 1]; a single reference `(1, 3, H, W)` stands for all of them."""
        check_images(prediction[: len(reference)], reference[: len(prediction)])
        check_images(prediction, prediction)
        (embedder,) = self._embedder
        self.add(self.compare(embedder(prediction), embedder(reference)))

    def compare(self, prediction: Tensor, reference: Tensor) -> Tensor:
        """One number `(N,)` per pair of embeddings `(N, D)` and `(N or 1, D)`."""
        raise NotImplementedError
