"""Diversity of head motion."""

from torch import Tensor

from metrics.frame_mean import FrameMean
from metrics.head_motion import head_embedding


class Diversity(FrameMean):
    """Diversity of head motion (SadTalker, Zhang et al. 2023, sec. 4.1).

    Standard deviation over the frames of a clip of each number of Hopenet's embedding (what its backbone hands to the
    heads of the three angles), mean over numbers and clips. The paper says "standard deviation of the head motion
    feature embeddings extracted from the generated frames using Hopenet" and no more. One `update` takes one clip
    `(T, 3 + D)` (`metrics.head_motion`). Higher is better in the paper, but a head that trembles is diverse too: read
    it beside the value of ground_truth.

    Args:
        stand_in: short name of another estimator.
        unit: of that estimator's numbers.

    """

    title = "Diversity"
    higher_is_better = True
    minimum_frames = 2
    whole_clip = True
    counted = "clips"

    def __init__(self, stand_in: str | None = None, unit: str = "") -> None:
        super().__init__(stand_in)
        self.unit = unit

    def update(self, prediction: Tensor) -> None:
        """Add one clip `(T, 3 + D)`; frames without a face are left out."""
        embedding = head_embedding(prediction).double()
        embedding = embedding[embedding.isfinite().all(dim=1)]
        spread = embedding.std(dim=0, correction=0).mean() if len(embedding) > 1 else embedding.new_tensor(float("nan"))
        self.add(spread[None])
